import Backends
import NIOCore
import Synchronization
import TestSupport
import Testing
import Text

/// What a range gives.
final class Collected: Sendable {
    private let state = Mutex<[UInt8]>([])
    private let first = Mutex<Int64?>(nil)
    var bytes: [UInt8] { state.withLock { $0 } }
    var start: Int64? { first.withLock { $0 } }

    var sink: BackendSink {
        { buffer, offset in
            self.first.withLock { if $0 == nil { $0 = offset } }
            self.state.withLock { $0 += Array(buffer.readableBytesView) }
        }
    }
}

func read(
    _ store: any BackendStore, _ path: BackendPath, _ size: Int64, _ range: Range<Int64>
) async throws -> [UInt8] {
    let collected = Collected()
    try await store.read(path, size: size, range: range, into: collected.sink)
    if !range.isEmpty { #expect(collected.start == range.lowerBound) }
    return collected.bytes
}

@Suite(.serialized) struct `A back end` {
    @Test(arguments: Place.allCases)
    func `says how large a file is, and gives ranges of it`(place: Place) async throws {
        try await place.with { store, put in
            let bytes = randomBytes(3_000_000)
            try await put("ab/cd/file", bytes)
            let path = try #require(BackendPath("ab/cd/file"))
            #expect(try await store.size(of: path) == 3_000_000)
            #expect(try await store.size(of: #require(BackendPath("ab/cd/none"))) == nil)
            #expect(try await store.size(of: #require(BackendPath("ab/none/file"))) == nil)
            #expect(try await read(store, path, 3_000_000, 0..<3_000_000) == bytes)
            #expect(
                try await read(store, path, 3_000_000, 1_234_567..<2_345_678) == Array(bytes[1_234_567..<2_345_678]))
            #expect(try await read(store, path, 3_000_000, 2_999_999..<3_000_000) == [bytes[2_999_999]])
            #expect(try await read(store, path, 3_000_000, 5..<5) == [])
        }
    }

    @Test(arguments: Place.allCases)
    func `says that a file is missing, and that its sink has had enough`(place: Place) async throws {
        try await place.with { store, put in
            try await put("file", randomBytes(2_000_000))
            let (path, none) = (try #require(BackendPath("file")), try #require(BackendPath("none")))
            let missing = await #expect(throws: BackendProblem.self) {
                try await store.read(none, size: 10, range: 0..<10) { _, _ in }
            }
            #expect(missing?.kind == .missing)
            let stopped = await #expect(throws: BackendProblem.self) {
                try await store.read(path, size: 2_000_000, range: 0..<2_000_000) { _, _ throws(BackendProblem) in
                    throw BackendProblem(.disk, "full")
                }
            }
            #expect(stopped == BackendProblem(.disk, "full"))
        }
    }

    @Test(arguments: Place.writable)
    func `replaces a file in one step, has empty ones and large ones`(place: Place) async throws {
        try await place.with { store, put in
            let path = try #require(BackendPath("dir/file"))
            try await put("dir/file", [1, 2, 3])
            try await put("dir/file", [4, 5])
            #expect(try await read(store, path, 2, 0..<2) == [4, 5])
            try await put("dir/empty", [])
            #expect(try await store.size(of: #require(BackendPath("dir/empty"))) == 0)
            let large = randomBytes(12 << 20)
            try await put("dir/large", large)
            #expect(
                try await read(store, #require(BackendPath("dir/large")), 12 << 20, (6 << 20)..<(12 << 20))
                    == Array(large[(6 << 20)...]))
        }
    }

    @Test(arguments: Place.writable)
    func `lists what is below a directory`(place: Place) async throws {
        try await place.with { store, put in
            for path in ["a/b/1", "a/b/2", "a/c/3", "ab/4", "a b/ä+%20"] { try await put(path, [1]) }
            func list(_ below: String?) async throws -> [String] {
                var paths: [String] = []
                try await store.list(below: below.flatMap { BackendPath($0) }) { paths += $0 }
                return paths.sorted()
            }
            #expect(try await list("a") == ["a/b/1", "a/b/2", "a/c/3"])
            #expect(try await list("none") == [])
            #expect(try await list(nil) == ["a b/ä+%20", "a/b/1", "a/b/2", "a/c/3", "ab/4"].sorted())
        }
    }

    @Test func `that is only read refuses to store`() async throws {
        try await Place.http.with { store, _ in
            #expect(!store.isWritable)
            let problem = await #expect(throws: BackendProblem.self) {
                try await store.upload(file: "/dev/null", to: #require(BackendPath("a")))
            }
            #expect(problem?.kind == .unsupported)
        }
    }

    @Test func `that knows no ranges is read all the same`() async throws {
        let directory = try TemporaryDirectory()
        try await withNginx(directory) { url in
            let bytes = randomBytes(1_000_000)
            try directory.write("www/file", bytes)
            let store = try WebStore(pattern: url + "/whole/")
            let path = try #require(BackendPath("file"))
            #expect(try await store.size(of: path) == 1_000_000)
            #expect(try await read(store, path, 1_000_000, 400_000..<500_001) == Array(bytes[400_000..<500_001]))
            await store.shutdown()
        }
    }

    @Test func `that has its share of the line takes as long as that says`() async throws {
        let directory = try TemporaryDirectory()
        let store = PacedStore(
            try DirectoryStore(path: directory.path("store")), sent: 200_000, received: 400_000)
        let bytes = randomBytes(200_000)
        try directory.write("source", bytes)
        let path = try #require(BackendPath("file"))
        let clock = ContinuousClock()
        let sending = try await clock.measure {
            try await store.upload(file: directory.path("source"), to: path)
        }
        #expect(sending >= .milliseconds(950))
        var got: [UInt8] = []
        let receiving = try await clock.measure { got = try await read(store, path, 200_000, 0..<200_000) }
        #expect(got == bytes)
        #expect(receiving >= .milliseconds(450))
        #expect(store.description == "file://\(directory.path("store"))")
    }

    @Test func `that is down is unavailable`() async throws {
        try await FreePort.withClosed { port in
            let store = TestFSStore(try #require(HTTPURL("http://127.0.0.1:\(port)")))
            let problem = await #expect(throws: BackendProblem.self) {
                _ = try await store.size(of: #require(BackendPath("a")))
            }
            #expect(problem?.isOfBackend == true && problem?.kind == .unavailable)
            await store.shutdown()
        }
    }
}
