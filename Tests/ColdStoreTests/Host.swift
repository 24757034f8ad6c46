import Address
import Admission
import Backends
import BlobNode
import Blobs
import ColdStore
import Files
import Hashing
import Logging
import NIOCore
import Registry
import Swarm
import Synchronization
import TestFS
import TestSupport
import Testing
import Text

func quietLogger() -> Logger { Logger(label: "test") { _ in SwiftLogNoOpLogHandler() } }

/// Times that lose none.
var quick: ColdSettings {
    var settings = ColdSettings()
    settings.backoff = Backoff(first: 0.02, longest: 0.1)
    settings.rangeBytes = 300_000
    return settings
}

/// A host with blobs and one back end.
struct Host {
    let directory: TemporaryDirectory
    let node: BlobNode
    let cold: ColdStore
    private let swarm: SwarmNode

    static let name = ContentName("team/app")

    static func with(
        _ store: some BackendStore, _ settings: ColdSettings = quick, in directory: TemporaryDirectory? = nil,
        clock: ColdClock = .system,
        _ body: (Host) async throws -> Void
    ) async throws {
        let directory = try directory ?? TemporaryDirectory(inMemory: true)
        let swarm = try SwarmNode(configuration: SwarmNode.Configuration(), logger: quietLogger())
        let node = BlobNode(
            directory: try BlobDirectory(path: directory.path("data")), swarm: swarm, options: TransferOptions(),
            logger: quietLogger())
        _ = try node.catalogue.load(node.directory)
        let backends = try Backends(all: Backend(store, names: BlobPaths(.identity)))
        let cold = try await ColdStore.open(
            node: node, backends: backends, path: directory.path("data/origin.db"), settings: settings,
            clock: clock,
            logger: quietLogger())
        try await cold.start()
        do {
            try await body(Host(directory: directory, node: node, cold: cold, swarm: swarm))
        } catch {
            await cold.stop()
            await swarm.shutdown()
            throw error
        }
        await cold.stop()
        await swarm.shutdown()
    }

    /// Stores a blob here, as a push does.
    func push(_ bytes: [UInt8]) throws -> BlobDigest {
        let digest = SHA256.digest(bytes)
        let upload = try BlobUpload(in: node.directory)
        try upload.enter(at: 0)
        try bytes.withUnsafeBytes { try upload.append([$0]) }
        upload.leave()
        let blob = try upload.finish(digest)
        node.catalogue.add(digest, blob.info, usedAt: 0)
        return BlobDigest(digest)
    }

    func forget(_ digest: BlobDigest) throws {
        try node.directory.remove(digest.sha256)
        node.catalogue.remove(digest.sha256)
    }

    func content(_ digest: BlobDigest) throws -> [UInt8]? {
        try node.directory.open(digest.sha256)?.readAll(limit: 64 << 20)
    }

    func isDrained() async throws -> Bool { try await cold.writeBack.figures().tasks == 0 }

    func answer(_ digest: BlobDigest, _ wish: ColdReads.Wish = .content, _ patience: Double = 20) async throws
        -> ColdAnswer
    {
        await cold.reads.answer(for: digest, of: try #require(Self.name), wish: wish, patience: patience)
    }
}

/// Runs `body` beside a file store over a directory.
func withTestFS(_ path: String, port: UInt16 = 0, _ body: (TestFSStore) async throws -> Void) async throws {
    let server = try await TestFSServer.start(
        at: ListenAddress(host: "127.0.0.1", port: Int(port)), files: FileTree(path: path), isInsecure: false,
        admission: Admission(), logger: quietLogger())
    do {
        try await body(TestFSStore(try #require(HTTPURL("http://\(server.address)"))))
        await server.stop()
    } catch {
        await server.stop()
        throw error
    }
}

/// A back end in memory that can be held, broken and counted.
final class FakeStore: BackendStore {
    struct State {
        var files: [String: [UInt8]] = [:]
        var isDown = false
        var isHeld = false
        var uploads = 0
        var reads: [Range<Int64>] = []
        /// Ranges that break off after half of their bytes.
        var breaks = 0
        /// Bytes from this offset on wait; nil for none.
        var heldFrom: Int64?
        /// The next read that would go on breaks off instead.
        var isBreaking = false
        /// The path of a file that is not taken, and how often it was not.
        var refused: String?
        var refusals = 0
    }

    let state = Mutex(State())
    let description: String
    var isWritable: Bool { true }

    init(_ description: String = "fake") { self.description = description }

    private func checked() throws(BackendProblem) {
        if state.withLock(\.isDown) { throw BackendProblem(.unavailable, "it is down") }
    }

    func size(of path: BackendPath) async throws(BackendProblem) -> Int64? {
        try checked()
        return state.withLock { $0.files[path.text].map { Int64($0.count) } }
    }

    nonisolated(nonsending) func read(
        _ path: BackendPath, size: Int64, range: Range<Int64>, into sink: BackendSink
    ) async throws(BackendProblem) {
        try checked()
        let (bytes, breaks) = state.withLock { state in
            state.reads.append(range)
            let breaks = state.breaks > 0
            if breaks { state.breaks -= 1 }
            return (state.files[path.text], breaks)
        }
        guard let bytes else { throw BackendProblem(.missing, "none") }
        while state.withLock(\.isHeld) {
            do { try await Task.sleep(for: .milliseconds(2)) } catch { throw BackendProblem(.cancelled, "cancelled") }
        }
        let part = bytes[Int(range.lowerBound)..<Int(range.upperBound)]
        let half = part.prefix(part.count / 2)
        try await send(half, range.lowerBound, sink)
        if breaks { throw BackendProblem(.unavailable, "it broke off") }
        try await send(part.dropFirst(half.count), range.lowerBound + Int64(half.count), sink)
    }

    private nonisolated(nonsending) func send(
        _ bytes: ArraySlice<UInt8>, _ offset: Int64, _ sink: BackendSink
    ) async throws(BackendProblem) {
        let room = state.withLock { $0.heldFrom.map { max(0, $0 - offset) } ?? Int64(bytes.count) }
        let first = bytes.prefix(Int(min(room, Int64(bytes.count))))
        if !first.isEmpty { try await sink(ByteBuffer(bytes: first), offset) }
        let rest = bytes.dropFirst(first.count)
        guard !rest.isEmpty else { return }
        while state.withLock({ $0.heldFrom != nil }) {
            do { try await Task.sleep(for: .milliseconds(2)) } catch { throw BackendProblem(.cancelled, "cancelled") }
        }
        let breaks = state.withLock { state in
            defer { state.isBreaking = false }
            return state.isBreaking
        }
        if breaks { throw BackendProblem(.unavailable, "it broke off") }
        try await sink(ByteBuffer(bytes: rest), offset + Int64(first.count))
    }

    func upload(file: String, to path: BackendPath) async throws(BackendProblem) {
        try checked()
        let isRefused = state.withLock { state in
            guard state.refused == path.text else { return false }
            state.refusals += 1
            return true
        }
        guard !isRefused else { throw BackendProblem(.refused, "it answers 413") }
        guard let bytes = try? HeldFile(SystemPath(file)).readAll(limit: 64 << 20) else {
            throw BackendProblem(.disk, "unreadable")
        }
        state.withLock {
            $0.files[path.text] = bytes
            if !path.text.hasSuffix(".info") { $0.uploads += 1 }
        }
    }

    func list(below directory: BackendPath?, _ body: ([String]) async -> Void) async throws(BackendProblem) {
        await body(state.withLock { Array($0.files.keys) })
    }
}
