import Backends
import BlobNode
import Files
import Logging
import Registry
import Threads

/// Reads blobs from back ends. A blob is read once for any number of requests, also under different names.
package actor ColdReads {
    private let node: BlobNode
    private let backends: Backends
    private let settings: ColdSettings
    private let clock: ColdClock
    private let logger: Logger

    private var table: ColdReadTable
    private var tasks: [BlobDigest: Task<Void, Never>] = [:]
    private var underWay = 0
    private var queue: [CheckedContinuation<Void, Never>] = []
    private var waiters: [BlobDigest: [Int: Waiter]] = [:]
    private var lastWaiter = 0

    /// What a caller waits for.
    package enum Wish: Sendable, Hashable {
        /// The back end's answer whether it has the blob, and its size.
        case size
        /// The blob.
        case content
    }

    private struct Waiter {
        let wish: Wish
        let continuation: CheckedContinuation<ColdAnswer?, Never>
    }

    init(node: BlobNode, backends: Backends, settings: ColdSettings, clock: ColdClock, logger: Logger) {
        self.node = node
        self.backends = backends
        self.settings = settings
        self.clock = clock
        self.logger = logger
        table = ColdReadTable(settings.backoff)
    }

    /// Removes the unfinished files of an earlier process.
    func start() async {
        let path = node.directory.path
        await Threads.offload { ColdRead.removeLeftovers(in: path) }
    }

    func stop() async {
        let running = Array(tasks.values)
        for task in running { task.cancel() }
        for task in running { await task.value }
    }

    /// The state of a blob. If this host does not have it, reading it from the back end of the name begins.
    /// - Parameter patience: the most seconds to wait for the wish. When they are over, the answer is the present state.
    package func answer(
        for digest: BlobDigest, of name: ContentName, wish: Wish, patience: Double
    ) async -> ColdAnswer {
        guard let backend = backends.backend(for: name) else { return isHere(digest) ? .here : .missing }
        let end = clock.now() + patience
        while true {
            if isHere(digest) { return .here }
            let now = clock.now()
            let (label, state): (String, ColdAnswer)
            switch table.ask(digest, label: backend.label, now: now) {
            case .answer(let answer): return answer
            case .join(let from, let answer): (label, state) = (from, answer)
            case .start:
                begin(digest, from: backend)
                (label, state) = (backend.label, .fetching(done: 0, total: nil))
            }
            if wish == .size, case .fetching(_, .some) = state { return state }
            guard now < end else { return state }
            let outcome = await wait(for: wish, of: digest, seconds: min(end - now, 3_600))
            // The read that was joined may have been from another name's back end, which lacks the blob: this name's may
            // have it.
            if let outcome, outcome != .missing || label == backend.label { return outcome }
        }
    }

    /// The size of a blob that is here or in the back end of the name, without reading it; nil when it is in neither.
    package func size(of digest: BlobDigest, in name: ContentName) async throws(BackendProblem) -> Int64? {
        if let entry = node.catalogue.entry(of: digest.sha256) { return entry.size }
        return try await backends.backend(for: name)?.size(of: digest)
    }

    private func isHere(_ digest: BlobDigest) -> Bool { node.catalogue.entry(of: digest.sha256) != nil }

    // MARK: One blob

    private func begin(_ digest: BlobDigest, from backend: Backend) {
        tasks[digest] = Task { await self.run(digest, from: backend) }
    }

    private func run(_ digest: BlobDigest, from backend: Backend) async {
        do throws(BackendProblem) {
            guard let size = try await backend.size(of: digest) else { return ended(digest, .missing, nil) }
            if let largest = settings.largest, size > largest {
                throw BackendProblem(
                    .unsupported,
                    "it has \(size) bytes, and no more than \(largest) are read back here (blobrefresh.size_limit)")
            }
            table.sized(digest, total: size)
            for (number, waiter) in waiters[digest] ?? [:] where waiter.wish == .size { release(digest, number) }
            await enter()
            defer { leave() }
            let read = ColdRead(
                digest: digest, size: size, backend: backend, node: node, settings: settings, clock: clock)
            try await read.run { count in await self.advanced(digest, by: count) }
            ended(digest, .here, nil)
        } catch {
            if error.kind == .missing { return ended(digest, .missing, nil) }
            logger.warning(
                "a blob cannot be read from its back end",
                metadata: ["blob": "\(digest)", "backend": "\(backend.label)", "reason": "\(error)"])
            ended(digest, .failed(error, again: 0), error)
        }
    }

    private func advanced(_ digest: BlobDigest, by count: Int64) { table.advanced(digest, by: count) }

    private func ended(_ digest: BlobDigest, _ answer: ColdAnswer, _ problem: BackendProblem?) {
        tasks[digest] = nil
        let again = table.ended(digest, problem, now: clock.now())
        var answer = answer
        if let problem { answer = .failed(problem, again: again) }
        for waiter in (waiters.removeValue(forKey: digest) ?? [:]).values {
            waiter.continuation.resume(returning: answer)
        }
    }

    // MARK: Waiting

    /// Waits for the end of a read. Nil when the caller must check the state again: it has changed, or the time is over.
    private func wait(for wish: Wish, of digest: BlobDigest, seconds: Double) async -> ColdAnswer? {
        lastWaiter += 1
        let (number, clock) = (lastWaiter, clock)
        let timer = Task {
            await clock.sleep(seconds)
            self.release(digest, number)
        }
        let answer = await withCheckedContinuation {
            waiters[digest, default: [:]][number] = Waiter(wish: wish, continuation: $0)
        }
        timer.cancel()
        return answer
    }

    private func release(_ digest: BlobDigest, _ number: Int) {
        waiters[digest]?.removeValue(forKey: number)?.continuation.resume(returning: nil)
    }

    private func enter() async {
        if underWay < max(1, settings.reads) {
            underWay += 1
            return
        }
        await withCheckedContinuation { queue.append($0) }
    }

    private func leave() {
        if queue.isEmpty { underWay -= 1 } else { queue.removeFirst().resume() }
    }
}
