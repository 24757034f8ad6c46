import Backends
import BlobNode
import Files
import Logging
import Metainfo
import Registry
import Synchronization
import Threads

/// Reads blobs from back ends. A blob is read once for any number of requests, also under different names.
package actor ColdReads {
    private let node: BlobNode
    private let backends: Backends
    private let settings: ColdSettings
    private let clock: ColdClock
    private let logger: Logger

    /// Of blobs that come piece by piece.
    private let fetches: BlobFetches
    private var streams: [BlobDigest: ColdStream] = [:]
    /// Blobs that are being read, of which it is known whether they come piece by piece.
    private var judged: Set<BlobDigest> = []
    /// Is told of blobs that have come.
    private let arrivals = Mutex<(@Sendable (BlobDigest) -> Void)?>(nil)

    private var table: ColdReadTable
    private var tasks: [BlobDigest: Task<Void, Never>] = [:]
    /// Reads under way, by the labels of the back ends: one that hangs does not hold up the others.
    private var underWay: [String: Int] = [:]
    /// Reads that wait until another one at the same back end ends.
    private var queues: [String: [CheckedContinuation<Void, Never>]] = [:]
    private var waiters: [BlobDigest: [Int: Waiter]] = [:]
    private var lastWaiter = 0

    /// What a caller waits for.
    package enum Wish: Sendable, Hashable {
        /// The back end's answer whether it has the blob, and its size.
        case size
        /// That it is known whether it comes piece by piece.
        case torrent
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
        var fetching = BlobFetches.Settings()
        fetching.mostAtOnce = max(1, settings.reads) * max(1, backends.labels.count)
        fetches = BlobFetches(node, settings: fetching)
    }

    package nonisolated func onArrival(_ body: @escaping @Sendable (BlobDigest) -> Void) {
        arrivals.withLock { $0 = body }
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
        await fetches.stop()
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

    /// The torrent of a blob that comes piece by piece; nil for one that does not, or is here. If it is in the back end of the name
    /// and not here, it is read from now on.
    /// - Parameter patience: seconds to wait until the back end has said whether it has the torrent.
    package func torrent(of digest: BlobDigest, in name: ContentName, patience: Double) async -> BlobInfo? {
        guard let backend = backends.backend(for: name) else { return nil }
        let end = clock.now() + patience
        while !isHere(digest) {
            if let stream = streams[digest] { return stream.info }
            let now = clock.now()
            switch table.ask(digest, label: backend.label, now: now) {
            case .answer: return nil
            case .join: if judged.contains(digest) { return nil }
            case .start: begin(digest, from: backend)
            }
            guard now < end else { return nil }
            if await wait(for: .torrent, of: digest, seconds: min(end - now, 3_600)) != nil { return nil }
        }
        return nil
    }

    /// Begins to read a blob that comes piece by piece; returns when the first byte of the range is here.
    /// - Returns: nil when it does not come so any more: it is here, or that failed.
    package func read(_ digest: BlobDigest, _ range: Range<Int64>) async -> BlobReading? {
        guard let plan = streams[digest]?.plan else { return nil }
        return (try? await fetches.read(plan, range)) ?? nil
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
            guard BlobSize.isPossible(size) else {
                throw BackendProblem(.wrong, "\(backend.label) says that it has \(size) bytes, which nothing has")
            }
            if let largest = settings.largest, size > largest {
                throw BackendProblem(
                    .unsupported,
                    "it has \(size) bytes, and no more than \(largest) are read back here (blobrefresh.size_limit)")
            }
            table.sized(digest, total: size)
            for (number, waiter) in waiters[digest] ?? [:] where waiter.wish == .size { release(digest, number) }
            let isOnePiece = size <= Int64(node.directory.pieceLengths.pieceLength(for: size))
            if isOnePiece { judge(digest, nil) }
            await enter(backend.label)
            defer { leave(backend.label) }
            if !isOnePiece, try await stream(digest, size: size, from: backend) { return ended(digest, .here, nil) }
            let read = ColdRead(
                digest: digest, size: size, backend: backend, node: node, settings: settings, clock: clock)
            try await read.run { count in await self.advanced(digest, by: count) }
            ended(digest, .here, nil)
        } catch {
            if error.kind == .missing { return ended(digest, .missing, nil) }
            if error.kind == .cancelled { return ended(digest, .failed(error, again: 0), error) }
            logger.warning(
                "a blob cannot be read from its back end",
                metadata: ["blob": "\(digest)", "backend": "\(backend.label)", "reason": "\(error)"])
            ended(digest, .failed(error, again: 0), error)
        }
    }

    /// - Returns: false for a blob that does not come piece by piece.
    private func stream(_ digest: BlobDigest, size: Int64, from backend: Backend) async throws(BackendProblem) -> Bool {
        defer { streams[digest] = nil }
        let info = await ColdStream.torrent(
            of: digest, size: size, in: backend, lengths: node.directory.pieceLengths, limit: Self.mostInfo)
        guard let info else {
            judge(digest, nil)
            return false
        }
        let stream = ColdStream(
            info, from: backend, isOpen: await node.isOpen(digest.sha256), node: node, fetches: fetches,
            settings: settings)
        let ending = try await stream.run {
            await self.judge(digest, stream)
        } _: { count in
            await self.advanced(digest, by: count)
        }
        switch ending {
        case .here: return true
        case .doubtful:
            logger.warning(
                "what a back end has is not what the torrent beside it says: the blob is read as a whole",
                metadata: ["blob": "\(digest)", "backend": "\(backend.label)"])
            return false
        }
    }

    /// It is known whether a blob comes piece by piece: it does if there is a stream.
    private func judge(_ digest: BlobDigest, _ stream: ColdStream?) {
        guard tasks[digest] != nil else { return }
        streams[digest] = stream
        judged.insert(digest)
        for (number, waiter) in waiters[digest] ?? [:] where waiter.wish == .torrent { release(digest, number) }
    }

    /// Bytes of the largest info dictionary that is read.
    private static let mostInfo = 64 << 20

    private func advanced(_ digest: BlobDigest, by count: Int64) { table.advanced(digest, by: count) }

    private func ended(_ digest: BlobDigest, _ answer: ColdAnswer, _ problem: BackendProblem?) {
        tasks[digest] = nil
        judged.remove(digest)
        if answer == .here { arrivals.withLock { $0 }?(digest) }
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

    private func enter(_ label: String) async {
        let count = underWay[label, default: 0]
        if count < max(1, settings.reads) {
            underWay[label] = count + 1
            return
        }
        await withCheckedContinuation { queues[label, default: []].append($0) }
    }

    private func leave(_ label: String) {
        var queue = queues[label, default: []]
        if queue.isEmpty {
            underWay[label, default: 1] -= 1
            return
        }
        let next = queue.removeFirst()
        queues[label] = queue
        next.resume()
    }
}
