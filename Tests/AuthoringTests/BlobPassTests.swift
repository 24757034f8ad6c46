import Authoring
import Glibc
import Hashing
import Metainfo
import Synchronization
import TestSupport
import Testing
import Text

@Suite struct BlobPassTests {
    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    private static let sizes = [0, 1, 1023, 1024, 40_000, 262_144, 262_145, 1_000_003]

    private func write() throws -> [String: [UInt8]] {
        var random = SeededGenerator(seed: 5)
        var files: [String: [UInt8]] = [:]
        for size in Self.sizes {
            files["sub/\(size)"] = random.bytes(size)
            try directory.write("tree/sub/\(size)", files["sub/\(size)"] ?? [])
        }
        return files
    }

    @Test(arguments: [1, 3]) func `Each file is a blob, from one reading`(threads: Int) async throws {
        let files = try write()
        let lengths = try BlobPieceLengths([
            .init(from: 0, pieceLength: 4096), .init(from: 100_000, pieceLength: 65_536),
        ])
        let content = try ContentScanner.scan(directory.path("tree"))
        let steps = Mutex<[HashProgress]>([])
        let results = try await BlobPass(content, lengths: lengths, threads: threads).run { step in
            steps.withLock { $0.append(step) }
        }
        #expect(results.count == files.count)
        for (index, file) in content.files.enumerated() {
            let bytes = try #require(files[file.path.string ?? ""])
            let result = try #require(results[index])
            #expect(result.digest == SHA256.digest(bytes) && result.length == Int64(bytes.count))
            #expect(result.pieceLength == (bytes.count < 100_000 ? 4096 : 65_536))
            guard !bytes.isEmpty else { continue }
            let hashes = Torrent(info: try result.info().info).pieceHashes
            for piece in hashes.layout.pieces {
                let start = Int(hashes.layout.offset(of: piece))
                let part = Array(bytes[start..<start + hashes.layout.length(of: piece)])
                #expect(part.withUnsafeBytes { hashes.verify(piece, $0) })
                #expect(hashes.v1(piece) == SHA1.digest(part))
            }
        }
        let last = try #require(steps.withLock { $0.last })
        #expect(last.done == content.totalLength && last.total == content.totalLength)
    }

    @Test func `Only the files that are asked for are read`() async throws {
        _ = try write()
        let content = try ContentScanner.scan(directory.path("tree"))
        let results = try await BlobPass(content, files: [3, 1, 99, -1]).run()
        #expect(Set(results.keys) == [1, 3])
        #expect(try await BlobPass(content, files: []).run().isEmpty)
    }

    @Test func `A file that has changed since it was found is an error`() async throws {
        _ = try write()
        let content = try ContentScanner.scan(directory.path("tree"))
        try directory.write("tree/sub/40000", [1])
        await #expect {
            try await BlobPass(content).run()
        } throws: { error in
            if case AuthoringError.changedWhileRead(let path) = error { path.hasSuffix("sub/40000") } else { false }
        }
        unlink(directory.path("tree/sub/40000"))
        await #expect {
            try await BlobPass(content).run()
        } throws: { error in
            if case AuthoringError.system(operation: "open", _, _) = error { true } else { false }
        }
    }

    @Test func `A pass ends when its task is cancelled`() async throws {
        _ = try write()
        let content = try ContentScanner.scan(directory.path("tree"))
        let task = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return try await BlobPass(content).run()
        }
        await #expect(throws: AuthoringError.cancelled) { try await task.value }
    }
}
