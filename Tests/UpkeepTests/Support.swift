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
import TestSupport
import Testing
import Upkeep

func quietLogger() -> Logger { Logger(label: "test") { _ in SwiftLogNoOpLogHandler() } }

/// What names have, as a test says it.
final class FakeHolders: BlobHolders {
    struct State {
        var names: [BlobDigest: [ContentName]] = [:]
        var reached: Set<BlobDigest> = []
        var isDown = false
        /// Called with what is asked, before the answer.
        var onHeld: (@Sendable () -> Void)?
    }

    let state = Mutex(State())

    private func checked() throws(UpkeepProblem) {
        if state.withLock(\.isDown) { throw UpkeepProblem("it is down") }
    }

    func names(having digest: BlobDigest, limit: Int) async throws(UpkeepProblem) -> [ContentName] {
        try checked()
        return state.withLock { Array(($0.names[digest] ?? []).prefix(limit)) }
    }

    func held(_ digests: [BlobDigest]) async throws(UpkeepProblem) -> Set<BlobDigest> {
        try checked()
        let (answer, body) = state.withLock { state in (Set(digests.filter { state.names[$0] != nil }), state.onHeld) }
        body?()
        return answer
    }

    func reached() async throws(UpkeepProblem) -> Set<BlobDigest>? { state.withLock(\.reached) }
}

/// A back end in memory.
final class FakeStore: BackendStore {
    struct State {
        var files: [String: [UInt8]] = [:]
        var isDown = false
        var reads = 0
    }

    let state = Mutex(State())
    var isWritable: Bool { true }
    var description: String { "fake" }

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
        let bytes = state.withLock { state in
            state.reads += 1
            return state.files[path.text]
        }
        guard let bytes else { throw BackendProblem(.missing, "none") }
        try await sink(ByteBuffer(bytes: bytes[Int(range.lowerBound)..<Int(range.upperBound)]), range.lowerBound)
    }

    func upload(file: String, to path: BackendPath) async throws(BackendProblem) {
        try checked()
        guard let bytes = try? HeldFile(SystemPath(file)).readAll(limit: 64 << 20) else {
            throw BackendProblem(.disk, "unreadable")
        }
        state.withLock { $0.files[path.text] = bytes }
    }

    func list(below directory: BackendPath?, _ body: ([String]) async -> Void) async throws(BackendProblem) {}
}

/// An origin's blobs, with a back end.
struct Origin {
    let directory: TemporaryDirectory
    let node: BlobNode
    let cold: ColdStore
    let store: FakeStore
    let holders = FakeHolders()

    static let name = ContentName("team/app")

    static func with(_ body: (Origin) async throws -> Void) async throws {
        let directory = try TemporaryDirectory()
        let swarm = try SwarmNode(configuration: SwarmNode.Configuration(), logger: quietLogger())
        let node = BlobNode(
            directory: try BlobDirectory(path: directory.path("data")), swarm: swarm, options: TransferOptions(),
            logger: quietLogger())
        let store = FakeStore()
        let cold = try await ColdStore.open(
            node: node, backends: try Backends(all: Backend(store, names: BlobPaths(.identity))),
            path: directory.path("data/origin.db"), logger: quietLogger())
        try await cold.start()
        do {
            try await body(Origin(directory: directory, node: node, cold: cold, store: store))
        } catch {
            await cold.stop()
            await swarm.shutdown()
            throw error
        }
        await cold.stop()
        await swarm.shutdown()
    }

    /// Stores a blob, as a push does.
    @discardableResult
    func push(_ bytes: [UInt8], usedAt: Double = 0, isStored: Bool = true, isHeld: Bool = true) throws -> BlobDigest {
        let digest = SHA256.digest(bytes)
        let upload = try BlobUpload(in: node.directory)
        try upload.enter(at: 0)
        try bytes.withUnsafeBytes { try upload.append([$0]) }
        upload.leave()
        let blob = try upload.finish(digest)
        node.catalogue.add(digest, blob.info, usedAt: usedAt)
        if isStored { store.state.withLock { $0.files[digest.hex] = bytes } }
        if isHeld, let name = Self.name { holders.state.withLock { $0.names[BlobDigest(digest)] = [name] } }
        return BlobDigest(digest)
    }

    func has(_ digest: BlobDigest) -> Bool {
        node.catalogue.entry(of: digest.sha256) != nil && (try? node.directory.size(of: digest.sha256)) != nil
    }

    func content(_ digest: BlobDigest) throws -> [UInt8]? {
        try node.directory.open(digest.sha256)?.readAll(limit: 64 << 20)
    }

    /// Changes bytes of a blob on the disk, as a bad disk does.
    func spoil(_ digest: BlobDigest, at offset: Int64) throws {
        let file = try #require(try node.directory.openForMending(digest.sha256))
        try file.layer.write(file.descriptor, [0xde, 0xad, 0xbe, 0xef], at: offset)
    }
}
