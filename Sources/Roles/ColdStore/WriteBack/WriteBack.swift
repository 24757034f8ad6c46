import Backends
import BlobNode
import Database
import Files
import Hashing
import Logging
import Registry
import Threads

/// Uploads blobs to their back ends, a few at a time to each, and retries until they are stored.
package actor WriteBack {
    private let store: WriteBackStore
    private let node: BlobNode
    private let backends: Backends
    private let policy: WriteBackPolicy
    /// The most tasks of one back end that run at a time: one that hangs does not hold up the others.
    private let atOnce: Int
    private let clock: ColdClock
    private let logger: Logger

    private var running: [WriteBackTask.Key: Task<Void, Never>] = [:]
    private var rests: BackendRests
    private var timer: Task<Void, Never>?
    private var isLooking = false
    private var isToLookAgain = false
    private var isStopped = false
    /// Back ends whose present failure has been logged.
    private var told: Set<String> = []
    /// Back ends that have tasks in the queue and are no longer configured.
    private var absent: [String] = []

    /// The most due tasks that are read from the queue at a time.
    private static let mostLookedAt = 64
    /// Seconds until the queue is read again after its database failed.
    private static let databasePause = 5.0

    init(
        _ store: WriteBackStore, node: BlobNode, backends: Backends, settings: ColdSettings, clock: ColdClock,
        logger: Logger
    ) {
        self.store = store
        self.node = node
        self.backends = backends
        self.clock = clock
        self.logger = logger
        atOnce = max(1, settings.uploads)
        policy = WriteBackPolicy(backoff: settings.backoff, ownerPause: settings.ownerPause)
        rests = BackendRests(settings.backoff)
    }

    /// Resumes the tasks that an earlier process left in the queue.
    package func start() async throws(DatabaseFileError) {
        let backends = backends
        try await store.choose { ContentName($0).flatMap { backends.backend(for: $0)?.label } }
        absent = try await store.labels().filter { backends.backend(labelled: $0) == nil }
        for label in absent {
            logger.warning(
                "blobs wait for a back end that is not configured any more", metadata: ["backend": "\(label)"])
        }
        await look()
    }

    /// Cancels the uploads that are under way. Their tasks stay in the queue.
    package func stop() async {
        isStopped = true
        timer?.cancel()
        let tasks = Array(running.values)
        for task in tasks { task.cancel() }
        for task in tasks { await task.value }
        await store.close()
    }

    /// Adds a task for a blob that was pushed under a name. When this returns, the task is durable.
    /// - Parameter rank: this host's rank among the blob's owners, from 1.
    package func add(_ digest: BlobDigest, for name: ContentName, rank: Int = 1) async throws(DatabaseFileError) {
        guard let backend = backends.backend(for: name), backend.store.isWritable else { return }
        let now = clock.now()
        try await store.add(
            WriteBackTask.Key(backend: backend.label, digest: digest), name: name.text, added: now,
            due: policy.firstDue(rank: rank, now: now))
        Task { await look() }
    }

    package func figures() async throws(DatabaseFileError) -> (tasks: Int, oldest: Double?) {
        try await store.figures()
    }

    /// Whether a task for the blob is in the queue. Such a blob must not be removed.
    package func isWaiting(_ digest: BlobDigest) async throws(DatabaseFileError) -> Bool {
        try await store.isWaiting(digest)
    }

    /// For each of these blobs that has tasks in the queue, the names under which it was pushed.
    package func names(of digests: [BlobDigest]) async throws(DatabaseFileError) -> [BlobDigest: [ContentName]] {
        try await store.names(of: digests).mapValues { $0.compactMap { ContentName($0) } }
    }

    // MARK: The queue

    /// Starts the due tasks that may run, and sets a timer for the next ones.
    private func look() async {
        guard !isLooking else {
            isToLookAgain = true
            return
        }
        isLooking = true
        defer { isLooking = false }
        do throws(DatabaseFileError) {
            repeat {
                isToLookAgain = false
                if isStopped { return }
                let now = clock.now()
                // The tasks of one back end may fill the limit: then the others' tasks are read again without them.
                var isMore = true
                while isMore {
                    let tasks = try await store.due(now, resting: waiting(now), limit: Self.mostLookedAt)
                    let before = running.count
                    for task in tasks { startIfPossible(task) }
                    isMore = tasks.count == Self.mostLookedAt && running.count > before
                }
                let due = try await store.nextDue(after: now, resting: waiting(now)).map { $0 - now }
                if let pause = [due, rests.nextEnd(now: now)].compactMap({ $0 }).min() { look(in: pause) }
            } while isToLookAgain
        } catch {
            logger.error("the queue of the back ends cannot be read", metadata: ["reason": "\(error)"])
            look(in: Self.databasePause)
        }
    }

    /// Back ends whose tasks are left out of the query, so that they do not fill its limit.
    private func waiting(_ now: Double) -> [String] {
        let tried = Set(running.keys.map(\.backend)).filter { rests.isSuspect($0) || isFull($0) }
        return rests.resting(now: now) + absent + tried
    }

    /// Whether as many tasks of a back end run as may.
    private func isFull(_ label: String) -> Bool { running.keys.filter { $0.backend == label }.count >= atOnce }

    private func look(in seconds: Double) {
        timer?.cancel()
        guard !isStopped else { return }
        let clock = clock
        timer = Task {
            await clock.sleep(seconds)
            if !Task.isCancelled { await self.timeIsOver() }
        }
    }

    /// Forgets the timer before `look()` is called in the timer's task: `look()` may set a new timer, which cancels the old
    /// one.
    private func timeIsOver() async {
        timer = nil
        await look()
    }

    private func startIfPossible(_ task: WriteBackTask) {
        let label = task.key.backend
        guard !isStopped, !isFull(label), running[task.key] == nil,
            // A task without a configured back end stays in the queue until the back end is configured again.
            let backend = backends.backend(labelled: label),
            !rests.isSuspect(label) || !running.keys.contains(where: { $0.backend == label })
        else { return }
        running[task.key] = Task {
            let outcome = await self.attempt(task, at: backend)
            await self.ended(task, outcome)
        }
    }

    private nonisolated func attempt(_ task: WriteBackTask, at backend: Backend) async -> WriteBackOutcome {
        let digest = task.key.digest
        do throws(BackendProblem) {
            guard let entry = try await entry(of: digest) else { return .gone }
            if try await backend.size(of: digest) == entry.size { return .wasThere }
            guard node.catalogue.badPieces(of: digest.sha256).isEmpty else {
                throw BackendProblem(.disk, "\(digest) has damaged pieces: it waits until they are mended")
            }
            let info = entry.infoHash == nil ? nil : node.directory.infoPath(of: digest.sha256)
            do throws(BackendProblem) {
                try await backend.store(digest, file: node.directory.path(of: digest.sha256), info: info)
            } catch {
                return .notTaken(error)
            }
            return .stored
        } catch {
            return .failed(error)
        }
    }

    /// The facts about a blob, damaged or not; nil for a blob that is not on the disk either. A blob that is on the disk and
    /// not in the catalogue, because its torrent could not be made at the start, is added to the catalogue.
    private nonisolated func entry(of digest: BlobDigest) async throws(BackendProblem) -> BlobCatalogue.Entry? {
        if let entry = node.catalogue.entryOfAny(digest.sha256) { return entry }
        let isOnDisk: Bool
        do throws(SystemError) {
            isOnDisk = try await Threads.offload { [node] () throws(SystemError) in
                try node.directory.size(of: digest.sha256) != nil
            }
        } catch {
            throw BackendProblem(.disk, "\(digest): \(error)")
        }
        guard isOnDisk else { return nil }
        let problem = await node.complete(digest.sha256)
        if let entry = node.catalogue.entryOfAny(digest.sha256) { return entry }
        throw BackendProblem(.disk, "\(digest): \(problem ?? "it is not in the catalogue")")
    }

    private func ended(_ task: WriteBackTask, _ outcome: WriteBackOutcome) async {
        let (now, label) = (clock.now(), task.key.backend)
        if let problem = outcome.problem {
            if problem.isOfBackend { rests.failed(label, asked: problem.retryAfter, now: now) }
            if problem.kind != .cancelled { tell(label, problem) }
        } else {
            rests.answered(label)
            if told.remove(label) != nil {
                logger.notice("a back end answers again", metadata: ["backend": "\(label)"])
            }
        }
        do throws(DatabaseFileError) {
            switch policy.step(after: outcome, of: task, now: now) {
            case .drop: try await store.drop(task)
            case .retry(let due):
                try await store.postpone(task, to: due, problem: outcome.problem?.description ?? "")
            case .wait: break
            }
        } catch {
            // The task is still in the queue. Repeating it later loses nothing.
            if !isStopped {
                logger.error("the queue of the back ends cannot be written", metadata: ["reason": "\(error)"])
            }
            rests.failed(label, asked: Self.databasePause, now: now)
        }
        running[task.key] = nil
        await look()
    }

    /// Logs only the first failure of a back end until it answers again, not each attempt.
    private func tell(_ label: String, _ problem: BackendProblem) {
        guard told.insert(label).inserted else { return }
        logger.warning(
            "a back end does not take blobs: they wait here until it does",
            metadata: ["backend": "\(label)", "reason": "\(problem)"])
    }
}
