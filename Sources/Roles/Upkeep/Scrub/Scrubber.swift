import BlobNode
import ColdStore
import Hashing
import Logging
import Metainfo
import Registry
import Synchronization
import Threads

/// Checks each blob periodically, and a blob that is reported as damaged soon. Damaged pieces are not served, and are
/// mended.
package actor Scrubber {
    private let node: BlobNode
    private let cold: ColdStore?
    private let holders: any BlobHolders
    private let sources: [any PieceSource]
    private let settings: ScrubSettings
    private let clock: ColdClock
    private let logger: Logger
    private let stopped = Atomic(false)
    /// Is told of blobs that are lost here as a whole.
    private let losses = Mutex<(@Sendable (SHA256Digest) -> Void)?>(nil)
    /// Whether `doubted` has blobs.
    private let isHurried = Atomic(false)

    private var figures = ScrubFigures()
    private var loop: Task<Void, Never>?
    private var sleeper: Task<Void, Never>?
    /// Blobs that were reported as damaged, in order.
    private var doubted: [SHA256Digest] = [] {
        didSet { isHurried.store(!doubted.isEmpty, ordering: .relaxed) }
    }
    /// Blobs whose last check was before this time are due, because a check of all was requested. Seconds since 1970.
    private var allBefore = 0.0
    /// Blobs that could not be mended: the time of the next attempt in seconds since 1970, and the number of failures.
    private var broken: [SHA256Digest: (at: Double, failures: Int)] = [:]
    private var waiters: [CheckedContinuation<Void, Never>] = []

    private static let mostDoubted = 1_000
    private static let mostChosen = 1_000
    private static let mostNames = 64
    /// The longest pause between two searches for due blobs, in seconds.
    private static let pause = 300.0

    /// - Parameter sources: the sources of intact pieces, in the order in which they are tried.
    package init(
        node: BlobNode, cold: ColdStore?, holders: any BlobHolders, sources: [any PieceSource],
        settings: ScrubSettings = ScrubSettings(), clock: ColdClock = .system, logger: Logger
    ) {
        self.node = node
        self.cold = cold
        self.holders = holders
        self.sources = sources
        self.settings = settings
        self.clock = clock
        self.logger = logger
    }

    /// Sets the function to call with each blob of which nothing on this disk is of use any more.
    package nonisolated func onLoss(_ body: @escaping @Sendable (SHA256Digest) -> Void) {
        losses.withLock { $0 = body }
    }

    package func start() {
        node.onDoubt { [weak self] digest, piece in
            Task { await self?.doubt(digest, piece: piece) }
        }
        loop = Task { await self.run() }
    }

    package func stop() async {
        stopped.store(true, ordering: .relaxed)
        sleeper?.cancel()
        loop?.cancel()
        await loop?.value
        releaseWaiters()
    }

    // MARK: Asking

    /// Reports that a blob may be damaged. It is checked soon, unless the named piece turns out to be intact.
    /// - Returns: false for a blob that this host does not have.
    @discardableResult
    package func doubt(_ digest: SHA256Digest, piece: Int? = nil) async -> Bool {
        guard node.catalogue.entryOfAny(digest) != nil else { return false }
        guard !doubted.contains(digest), doubted.count < Self.mostDoubted else { return true }
        if let piece {
            // The report may be wrong: the whole blob is read only if the named piece is damaged.
            let check = BlobCheck(directory: node.directory, digest: digest, rate: nil, isStopped: { false })
            let isRight = await Threads.offload { (try? check.isRight(piece: piece)) ?? nil }
            if isRight == true { return true }
            // Given no more from now on: the whole blob is looked at when others have been.
            if isRight == false { await found(piece, badIn: digest) }
            if doubted.contains(digest) { return true }
        }
        doubted.append(digest)
        sleeper?.cancel()
        return true
    }

    /// Requests a check of all blobs.
    package func scrubAll() {
        // Times in the catalogue are whole seconds.
        allBefore = clock.now().rounded(.down) + 1
        for digest in broken.keys { broken[digest]?.at = 0 }
        sleeper?.cancel()
    }

    /// Returns when all requested checks are done.
    package func wait() async {
        guard left > 0, !stopped.load(ordering: .relaxed) else { return }
        await withCheckedContinuation { waiters.append($0) }
    }

    /// The results since the start, without those figures that need a pass over all blobs.
    package var figuresSoFar: ScrubFigures { figures }

    package func status() -> ScrubFigures {
        var (figures, oldest) = (figures, Double.infinity)
        node.catalogue.forEach { _, entry in oldest = min(oldest, entry.checkedAt) }
        figures.oldest = oldest.isFinite ? oldest : nil
        figures.left = left
        return figures
    }

    private var left: Int {
        var count = doubted.count
        node.catalogue.forEach { digest, entry in
            if entry.checkedAt < allBefore, broken[digest] == nil { count += 1 }
        }
        return count
    }

    // MARK: The loop

    private var isOver: Bool { stopped.load(ordering: .relaxed) }

    private func run() async {
        while !isOver {
            if !doubted.isEmpty {
                let digest = doubted.removeFirst()
                await look(at: digest, rate: nil)
                continue
            }
            let now = clock.now()
            let due = due(now)
            for digest in due where !isOver {
                await look(at: digest, rate: settings.rate)
                while let doubted = doubted.popLast(), !isOver { await look(at: doubted, rate: nil) }
                // In turn: many that cannot be mended do not keep the others from being checked.
                await mendAgain()
            }
            guard due.isEmpty else { continue }
            if doubted.isEmpty { releaseWaiters() }
            if await mendAgain() { continue }
            let next = broken.values.map { $0.at - now }.min() ?? Self.pause
            await sleep(max(0.1, min(Self.pause, next)))
        }
    }

    /// Tries once more to mend the blob whose attempt has been due for longest.
    /// - Returns: false when none is due.
    @discardableResult
    private func mendAgain() async -> Bool {
        let now = clock.now()
        guard let next = broken.min(by: { $0.value.at < $1.value.at }), next.value.at <= now, !isOver else {
            return false
        }
        let (digest, node) = (next.key, node)
        let pieces = node.catalogue.badPieces(of: digest)
        // What was wrong is known: the rest is not read again.
        let info = await Threads.offload { () -> BlobInfo? in
            guard let bytes = try? node.directory.info(of: digest) else { return nil }
            return try? BlobInfo.parse(bytes, expecting: InfoExpectation(blob: digest))
        }
        if let info, !pieces.isEmpty { await bad(info, pieces) } else { await look(at: digest, rate: settings.rate) }
        return true
    }

    private func releaseWaiters() {
        for waiter in waiters { waiter.resume() }
        waiters = []
    }

    private func sleep(_ seconds: Double) async {
        guard doubted.isEmpty, !isOver else { return }
        let clock = clock
        let task = Task { await clock.sleep(seconds) }
        sleeper = task
        await task.value
        sleeper = nil
    }

    /// The due blobs whose last check is longest ago, up to ``mostChosen``.
    private func due(_ now: Double) -> [SHA256Digest] {
        let before = max(allBefore, now - settings.due)
        var oldest = OldestBlobs(bytes: .max, most: Self.mostChosen)
        node.catalogue.forEach { digest, entry in
            guard entry.checkedAt < before, broken[digest] == nil else { return }
            oldest.add(DatedBlob(digest, size: entry.size, time: entry.checkedAt))
        }
        return oldest.chosen.map(\.digest)
    }

    private func look(at digest: SHA256Digest, rate: Double?) async {
        let (node, stopped) = (node, self)
        // A check that takes its time is put off for a blob that somebody got wrong: it stays due.
        let isPaced = rate != nil
        let check = BlobCheck(
            directory: node.directory, digest: digest, rate: rate,
            isStopped: {
                stopped.stopped.load(ordering: .relaxed) || isPaced && stopped.isHurried.load(ordering: .relaxed)
            })
        let read = Atomic<Int64>(0)
        let finding = await Threads.offload(name: "scrub") {
            Result { try check.run { read.add($0, ordering: .relaxed) } }
        }
        figures.blobs += 1
        figures.bytes += read.load(ordering: .relaxed)
        switch finding {
        case .failure(let error):
            logger.warning("a blob cannot be read", metadata: ["blob": "\(digest)", "reason": "\(error)"])
            failed(digest)
        case .success(.stopped): break
        case .success(.gone):
            // What collection removes has left the catalogue before.
            let isLost = node.catalogue.entryOfAny(digest) != nil
            node.catalogue.remove(digest)
            broken[digest] = nil
            if isLost {
                logger.error("a blob is gone from the disk", metadata: ["blob": "\(digest)"])
                lost(digest)
            }
        case .success(.right): await right(digest)
        case .success(.wrongInfo(let info)): await store(info)
        case .success(.ruined): await ruined(digest)
        case .success(.bad(let info, let pieces)): await bad(info, pieces)
        }
    }

    // MARK: Handling findings

    /// Records that a blob is intact, or was mended.
    private func right(_ digest: SHA256Digest) async {
        broken[digest] = nil
        let wasBad = !node.catalogue.badPieces(of: digest).isEmpty
        node.catalogue.setBad(digest, [])
        node.catalogue.setChecked(digest, at: max(clock.now(), allBefore))
        if wasBad { await reopen(digest) }
    }

    /// Closes the blob in the engine, so that peers that connect again get the present set of intact pieces.
    private func reopen(_ digest: SHA256Digest) async {
        await node.endGiving(digest)
    }

    private func store(_ info: BlobInfo) async {
        logger.warning("the torrent of a blob was wrong, and was made anew", metadata: ["blob": "\(info.digest)"])
        figures.bad += 1
        let node = node
        let isStored = await Threads.offload {
            (try? node.directory.store(info: info.info.bytes, of: info.digest)) != nil
        }
        guard isStored else { return failed(info.digest) }
        figures.mended += 1
        let usedAt = node.catalogue.entryOfAny(info.digest)?.usedAt ?? clock.now()
        node.catalogue.add(info.digest, info, usedAt: usedAt)
        await right(info.digest)
        await reopen(info.digest)
    }

    private func found(_ piece: Int, badIn digest: SHA256Digest) async {
        let known = node.catalogue.badPieces(of: digest)
        guard !known.contains(piece) else { return }
        node.catalogue.setBad(digest, known.union([piece]))
        node.catalogue.setChecked(digest, at: 0)
        figures.bad += 1
        logger.error("a piece is wrong on the disk", metadata: ["blob": "\(digest)", "piece": "\(piece)"])
        await reopen(digest)
    }

    private func bad(_ info: BlobInfo, _ pieces: Set<Int>) async {
        let digest = info.digest
        let known = node.catalogue.badPieces(of: digest)
        if known != pieces {
            figures.bad += pieces.subtracting(known).count
            logger.error(
                "a blob is wrong on the disk",
                metadata: ["blob": "\(digest)", "pieces": "\(pieces.count) of \(info.chain.pieceCount)"])
            node.catalogue.setBad(digest, pieces)
            // The mark of damaged pieces is not kept over a restart: the next process must check the blob at once.
            node.catalogue.setChecked(digest, at: 0)
            await reopen(digest)
        }
        let names = (try? await holders.names(having: BlobDigest(digest), limit: Self.mostNames)) ?? []
        let mending = Mending(node: node, sources: sources, names: names)
        let left: Set<Int>
        do { left = try await mending.run(info, pieces) } catch {
            logger.warning("a blob cannot be mended", metadata: ["blob": "\(digest)", "reason": "\(error)"])
            return failed(digest)
        }
        figures.mended += pieces.count - left.count
        guard left.isEmpty else {
            node.catalogue.setBad(digest, left)
            return failed(digest)
        }
        logger.notice("a blob was mended", metadata: ["blob": "\(digest)", "pieces": "\(pieces.count)"])
        await right(digest)
    }

    private func lost(_ digest: SHA256Digest) { losses.withLock { $0 }?(digest) }

    /// Handles a damaged blob without a torrent. None of it can be served: the whole blob is read again from a back end, or
    /// comes from another owner.
    private func ruined(_ digest: SHA256Digest) async {
        if node.catalogue.badPieces(of: digest).isEmpty {
            figures.bad += 1
            logger.error("a blob and its torrent are wrong on the disk", metadata: ["blob": "\(digest)"])
            node.catalogue.setBad(digest, [0])
            await reopen(digest)
        }
        lost(digest)
        guard let size = node.catalogue.entryOfAny(digest)?.size, let cold,
            let names = try? await holders.names(having: BlobDigest(digest), limit: Self.mostNames)
        else { return failed(digest) }
        for name in names {
            guard (try? await cold.reads.size(of: BlobDigest(digest), in: name)) == size else { continue }
            if case .here = await cold.reads.answer(
                for: BlobDigest(digest), of: name, wish: .content, patience: 3_600)
            {
                figures.mended += 1
                return await right(digest)
            }
        }
        failed(digest)
    }

    private func failed(_ digest: SHA256Digest) {
        let failures = (broken[digest]?.failures ?? 0) + 1
        let pause = Backoff(first: settings.firstPause, longest: settings.longestPause).pause(afterFailures: failures)
        broken[digest] = (clock.now() + pause, failures)
    }
}
