import Backends
import BlobNode
import HTTPOrigin
import Hashing
import Metainfo
import Registry
import Swarm
import Synchronization
import Threads

/// One blob on its way from a back end that has its torrent too: a transfer whose source is the back end. Each piece is checked and
/// given to peers and readers as it comes.
struct ColdStream: Sendable {
    enum Ending: Sendable {
        case here
        /// The torrent or the bytes beside it are not right. Which of them, only the whole blob tells.
        case doubtful
    }

    let info: BlobInfo
    let plan: BlobFetches.Plan
    private let backend: Backend
    private let problem: LastProblem
    private let node: BlobNode
    private let fetches: BlobFetches
    private let settings: ColdSettings

    /// Between two looks at how it goes.
    private static let look = Duration.milliseconds(100)
    /// The same until it has begun.
    private static let firstLook = Duration.milliseconds(5)

    init(
        _ info: BlobInfo, from backend: Backend, isOpen: Bool, node: BlobNode, fetches: BlobFetches,
        settings: ColdSettings
    ) {
        self.info = info
        self.backend = backend
        self.node = node
        self.fetches = fetches
        self.settings = settings
        let problem = LastProblem()
        self.problem = problem
        let source = BackendSource(
            backend: backend, digest: BlobDigest(info.digest), size: info.length, problem: problem)
        plan = BlobFetches.Plan(info: info, peers: [], trackers: [], isOpen: isOpen, source: source)
    }

    /// The torrent that lies beside a blob; nil where there is none that could be used.
    /// - Parameter limit: bytes of the largest one.
    static func torrent(
        of digest: BlobDigest, size: Int64, in backend: Backend, lengths: BlobPieceLengths, limit: Int
    ) async -> BlobInfo? {
        guard let bytes = (try? await backend.info(of: digest, limit: limit)) ?? nil,
            let info = try? BlobInfo.parse(
                bytes, expecting: InfoExpectation(blob: digest.sha256, length: size)),
            // One digest has one info hash.
            info.chain.pieceLength == lengths.pieceLength(for: size)
        else { return nil }
        return info
    }

    /// - Parameters:
    ///   - begun: is called when peers that connect are served: before that they would be turned away.
    ///   - progress: is told of bytes as they come.
    func run(
        begun: @escaping @Sendable () async -> Void, _ progress: @escaping @Sendable (Int64) async -> Void
    ) async throws(BackendProblem) -> Ending {
        try await makeRoom()
        // What is left of an earlier copy, which has left this disk since, is given no more.
        await node.endGiving(info.digest)
        let (fetches, digest) = (fetches, info.digest)
        let watch = Task { () -> SourceReason? in
            while !Task.isCancelled, !(await fetches.isServing(digest)) { try? await Task.sleep(for: Self.firstLook) }
            if Task.isCancelled { return nil }
            await begun()
            var done: Int64 = 0
            while !Task.isCancelled {
                if let now = await fetches.progress(of: digest)?.done, now > done {
                    await progress(now - done)
                    done = now
                }
                if case .exhausted(let reason, _)? = await fetches.sourceState(of: digest) {
                    await fetches.interrupt(digest)
                    return reason
                }
                try? await Task.sleep(for: Self.look)
            }
            return nil
        }
        let ending: FetchProblem?
        do throws(FetchProblem) {
            try await fetches.fetch(plan)
            ending = nil
        } catch {
            ending = error
        }
        watch.cancel()
        let trouble = await watch.value
        guard let ending else { return .here }
        if trouble?.kind == .wrongContent {
            await fetches.discard(digest)
            return .doubtful
        }
        switch ending.kind {
        case .disk, .full: throw BackendProblem(.disk, ending.description)
        case .stopped where trouble == nil: throw BackendProblem(.cancelled, "cancelled")
        case .stopped, .noSource, .other:
            throw problem.value ?? BackendProblem(.unavailable, trouble?.text ?? ending.description)
        }
    }

    private func makeRoom() async throws(BackendProblem) {
        let (node, wanted) = (node, info.length + settings.spareBytes)
        func isRoom() async -> Bool {
            await Threads.offload { ((try? node.directory.freeSpace()) ?? .max) >= wanted }
        }
        if await isRoom() { return }
        await node.makeRoom(for: wanted)
        guard await isRoom() else {
            throw BackendProblem(.disk, "no space is left here for \(BlobDigest(info.digest))")
        }
    }
}

/// What a back end said last when it did not give a range.
final class LastProblem: Sendable {
    private let state = Mutex<BackendProblem?>(nil)
    var value: BackendProblem? { state.withLock { $0 } }
    func set(_ problem: BackendProblem) { state.withLock { $0 = problem } }
}
