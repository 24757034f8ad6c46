import Glibc
import HashLibrary
import Hashing
import Synchronization
import TestSupport
import Testing

struct HasherTests {
    @Test func `big and small files together have the digests they should`() async throws {
        let place = try Place()
        let sizes = [0, 1, 63, 64, 65, 4096, 16 << 10, (16 << 10) + 1, 200_000, 131_072, 1_000_003, 5 << 20]
        var keys: [ContentKey] = []
        var paths: [AbsolutePath] = []
        for (index, size) in (sizes + sizes.reversed() + [Int](repeating: 300, count: 60)).enumerated() {
            keys.append(try place.put("f\(index)", randomBytes(size, seed: UInt64(index))))
            paths.append(try place.at("f\(index)"))
        }
        for threads in [1, 2, 7] {
            var limits = FileHasher.Limits()
            limits.threads = threads
            limits.blockBytes = 32 << 10
            let results = await FileHasher(limits: limits).hash(paths)
            for (key, result) in zip(keys, results) {
                let file = try result.get()
                #expect(file.sha1 == key.sha1 && file.size == key.size)
            }
        }
    }

    @Test func `each byte is read once and told as progress`() async throws {
        let place = try Place()
        for index in 0..<9 { try place.put("f\(index)", randomBytes(100_000 + index)) }
        let paths = try (0..<9).map { try place.at("f\($0)") }
        let counter = HashQueue()
        await FileHasher().hash(paths) {
            counter.read($0)
        } each: { _, _ in
        }
        #expect(counter.bytesRead == (0..<9).reduce(0) { $0 + 100_000 + $1 })
    }

    @Test func `what is no file is refused, and nothing waits for a FIFO`() async throws {
        let place = try Place()
        try place.makeDirectory("directory")
        try place.put("file", "x")
        mkfifo("\(place.root)/fifo", 0o600)
        symlink("file", "\(place.root)/link")
        let names = ["directory", "fifo", "link", "nothing"]
        let results = await FileHasher().hash(try names.map { try place.at($0) })
        #expect(results == [.failure(.notAFile), .failure(.notAFile), .failure(.notAFile), .failure(.vanished)])
    }

    @Test func `a file that is cut or grows while it is read has no digest`() async throws {
        let place = try Place()
        for (name, length) in [("cut", 100_000), ("grown", 5_000_000)] {
            try place.put(name, randomBytes(1_000_000))
            var limits = FileHasher.Limits()
            limits.blockBytes = 16 << 10
            let full = "\(place.root)/\(name)"
            let flag = StopFlag()
            let sink = ResultBox()
            await FileHasher(limits: limits).hash([try place.at(name)]) { _ in
                if !flag.isSet {
                    flag.set()
                    truncate(full, length)
                }
            } each: { _, outcome in
                sink.set(outcome)
            }
            #expect(sink.value == .failure(.changed))
        }
    }

    @Test func `cancelling stops within a block`() async throws {
        let place = try Place()
        let paths = try (0..<20).map { index in
            try place.put("f\(index)", randomBytes(2_000_000, seed: UInt64(index)))
            return try place.at("f\(index)")
        }
        let task = Task { await FileHasher().hash(paths) }
        task.cancel()
        let results = await task.value
        #expect(results.count == 20)
        #expect(results.contains(.failure(.cancelled)))
    }

    @Test func `a file that somebody writes to is refused when asked for caution`() async throws {
        let place = try Place()
        try place.put("half", "half")
        var limits = FileHasher.Limits()
        limits.isCautious = true
        let path = try place.at("half")
        let writer = open("\(place.root)/half", O_WRONLY | O_CLOEXEC)
        #expect(await FileHasher(limits: limits).hash(path) == .failure(.beingWritten))
        close(writer)
        #expect(try await FileHasher(limits: limits).hash(path).get().size == 4)
    }
}

final class ResultBox: Sendable {
    private let box = Mutex<Result<HashedFile, HashFailure>?>(nil)
    func set(_ result: Result<HashedFile, HashFailure>) { box.withLock { $0 = result } }
    var value: Result<HashedFile, HashFailure>? { box.withLock { $0 } }
}
