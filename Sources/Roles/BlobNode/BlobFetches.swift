import Blobs
import Files
import Hashing
import Swarm
import Threads

/// Fetches blobs into a host's directory. Several requests for one blob share one fetch.
package actor BlobFetches {
    private let node: BlobNode
    private let settings: Settings
    private let cache: BlobCache?
    private let downloads: Downloads
    var fetches = FetchTable()
    private var slots: FetchSlots
    var giving = GivenTransfers()
    /// The last run of ``makeRoom()``. Runs follow one after the other.
    private var lastRoom: Task<Bool, Never>?
    /// The figures of transfers that have ended.
    var ended = FetchFigures()
    private var isStopped = false

    /// - Parameter cache: evicts blobs to make room for fetches; nil where there is always room.
    package init(_ node: BlobNode, settings: Settings = Settings(), cache: BlobCache? = nil) {
        self.node = node
        self.settings = settings
        self.cache = cache
        downloads = Downloads(node.directory)
        slots = FetchSlots(most: settings.mostAtOnce)
        node.givers.withLock { $0.append { [weak self] in await self?.forget($0) } }
    }

    // MARK: Asking

    /// Returns when this host has the whole blob durably.
    package func fetch(_ plan: Plan) async throws(FetchProblem) {
        let digest = plan.info.digest
        while node.catalogue.entry(of: digest) == nil {
            let hold = try join(plan)
            let ending = await ending(of: hold)
            switch ending {
            case .whole: return
            case .failed(let problem): throw problem
            case .over: if Task.isCancelled { throw FetchProblem(kind: .stopped, description: "it was stopped") }
            }
        }
    }

    /// Begins to read a blob while it is fetched. Returns when the first byte of the range has arrived.
    /// - Returns: nil when this host has the whole blob.
    package func read(_ plan: Plan, _ range: Range<Int64>) async throws(FetchProblem) -> BlobReading? {
        let digest = plan.info.digest
        while node.catalogue.entry(of: digest) == nil {
            let hold = try join(plan)
            if let transfer = await transfer(of: hold) {
                let reader = Transfer.ReaderID()
                let path = SystemPath(downloads.dataPath(of: digest))
                if await transfer.available(range, for: reader) != nil,
                    let file = await Threads.offload({ try? HeldFile(path) })
                {
                    return BlobReading(digest, file, node, transfer, reader, hold)
                }
                await transfer.endReading(reader)
            }
            let ending = await ending(of: hold)
            if case .failed(let problem) = ending { throw problem }
            if Task.isCancelled { throw FetchProblem(kind: .stopped, description: "it was stopped") }
        }
        return nil
    }

    /// Joins the fetch of a blob. The first to join starts it.
    private func join(_ plan: Plan) throws(FetchProblem) -> FetchHold {
        if isStopped { throw FetchProblem(kind: .stopped, description: "the agent stops") }
        let (fetch, isNew) = fetches.join(plan)
        if isNew {
            node.downloadsInUse.withLock { $0.enter(plan.info.digest) }
            Task { await run(plan) }
        }
        let (digest, serial) = (plan.info.digest, fetch.serial)
        return FetchHold(digest, serial, fetch.outcome) { [weak self] in
            Task { await self?.leave(digest, serial) }
        }
    }

    private func leave(_ digest: SHA256Digest, _ serial: UInt64) {
        guard let arrivals = fetches.leave(digest, serial) else { return }
        let linger = settings.linger
        Task {
            try? await Task.sleep(for: linger)
            await abandon(digest, serial, arrivals)
        }
    }

    /// Stops a fetch, unless another caller has joined it meanwhile. The bytes that have arrived are kept, and the next
    /// fetch of the blob goes on from there.
    private func abandon(_ digest: SHA256Digest, _ serial: UInt64, _ arrivals: Int) async {
        await fetches.abandon(digest, serial, after: arrivals)?.stop()
    }

    /// Waits until the transfer of a fetch has begun; nil when the fetch has ended.
    private func transfer(of hold: FetchHold) async -> Transfer? {
        if let fetch = fetches[hold], fetch.transfer == nil {
            await withCheckedContinuation { fetches.awaitBeginning(of: hold.digest, $0) }
        }
        return fetches[hold]?.transfer
    }

    private func ending(of hold: FetchHold) async -> FetchEnding {
        let (waiter, digest) = (fetches.nextSerial(), hold.digest)
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                if let ending = hold.outcome.ending { return continuation.resume(returning: ending) }
                guard fetches[hold] != nil, !Task.isCancelled else {
                    return continuation.resume(returning: .over)
                }
                fetches.awaitEnd(of: digest, waiter, continuation)
            }
        } onCancel: {
            Task { await self.cancelWaiting(digest, waiter) }
        }
    }

    private func cancelWaiting(_ digest: SHA256Digest, _ waiter: UInt64) {
        fetches.cancelWaiting(for: digest, waiter)
    }

    // MARK: Leaving

    /// Ends a fetch, whoever waits for it. What has come is kept.
    package func interrupt(_ digest: SHA256Digest) async {
        guard let fetch = fetches[digest] else { return }
        let hold = FetchHold(digest, fetch.serial, fetch.outcome) {}
        if !fetch.isGiven { await fetch.transfer?.stop() }
        _ = await ending(of: hold)
    }

    /// Removes what has come of a blob that is not being fetched.
    package func discard(_ digest: SHA256Digest) async {
        guard fetches[digest] == nil else { return }
        await Threads.offload { [node] in _ = node.removeDownload(digest) }
    }

    /// Stops giving a blob that is to go.
    package func forget(_ digest: SHA256Digest) async {
        if let given = giving.remove(digest) { await endGiving(given) }
    }

    /// Evicts blobs that have not been used for long, and blobs above the cache's limits.
    package func tidy() async { _ = await makeRoom() }

    /// Ends all fetches and transfers. The bytes that have arrived are kept.
    package func stop() async {
        isStopped = true
        let (transfers, given) = (fetches.transfers, giving.removeAll())
        fetches.abandonAll()
        for transfer in transfers + given.map(\.transfer) { await transfer.stop() }
        node.downloadsInUse.withLock { inUse in for entry in given { inUse.leave(entry.digest) } }
        for (digest, fetch) in fetches.all {
            _ = await ending(of: FetchHold(digest, fetch.serial, fetch.outcome) {})
        }
    }

    // MARK: One fetch

    private func run(_ plan: Plan) async {
        if !slots.take() { await withCheckedContinuation { slots.wait($0) } }
        let (digest, begunAt) = (plan.info.digest, Clocks.steadySeconds)
        fetches.takeTurn(digest)
        var ending = FetchEnding.over
        if fetches[digest]?.isAbandoned == false { ending = await transfer(plan) }
        if case .failed(let problem) = ending, problem.kind == .disk, await isDiskFull {
            // Blobs that are not in use are evicted; the bytes of this download are kept.
            ending = await makeRoom() ? await transfer(plan) : .failed(Self.noRoom(for: digest))
            if case .failed(let problem) = ending, problem.kind == .disk, await isDiskFull {
                ending = .failed(Self.noRoom(for: digest))
            }
        }
        if fetches[digest]?.isAbandoned == true, case .failed = ending { ending = .over }
        switch ending {
        case .whole: ended.came(in: Clocks.steadySeconds - begunAt)
        case .failed: ended.failed += 1
        case .over: break
        }
        fetches.end(digest, ending)
        node.downloadsInUse.withLock { $0.leave(digest) }
        slots.free()
        await shareBuffers()
    }

    /// Divides the memory for pieces among the downloads.
    private func shareBuffers() async {
        let transfers = fetches.transfers
        for transfer in transfers { await transfer.setOpenBytes(settings.bufferBytes / transfers.count) }
    }

    private static func noRoom(for digest: SHA256Digest) -> FetchProblem {
        FetchProblem(kind: .full, description: "no space is left in the cache for sha256:\(digest)")
    }

    private func transfer(_ plan: Plan) async -> FetchEnding {
        let digest = plan.info.digest
        guard await makeRoom() else { return .failed(Self.noRoom(for: digest)) }
        let download = BlobDownload(plan, node: node, downloads: downloads, patience: settings.patience)
        var begun: Transfer?
        do {
            let transfer = try await download.begin()
            begun = transfer
            fetches.begin(digest, transfer)
            await shareBuffers()
            if fetches[digest]?.isAbandoned == true { await transfer.stop() }
            if let problem = await transfer.problem(warn: { fetches.warn(digest, $0) }) {
                await drop(transfer, of: digest)
                return .failed(problem)
            }
            try await download.publish(transfer)
            await keepGiving(digest, transfer)
            return .whole
        } catch {
            // What has come stays on the disk for the next try, which needs it to itself.
            if let begun { await drop(begun, of: digest) }
            guard let error = error as? SystemError else {
                return .failed(FetchProblem(kind: .other, description: "\(error)"))
            }
            return .failed(FetchProblem(kind: .disk, description: "\(downloads.place(of: digest)): \(error)"))
        }
    }

    private func drop(_ transfer: Transfer, of digest: SHA256Digest) async {
        await end(transfer)
        fetches.dropTransfer(of: digest)
    }

    /// Keeps the transfer of a complete blob, so that peers that are downloading from it are not cut off. Later peers are
    /// served from the directory of blobs.
    private func keepGiving(_ digest: SHA256Digest, _ transfer: Transfer) async {
        fetches.giveOn(digest)
        // It may have been stopped while the blob was published. Such a transfer neither gives the blob nor announces it.
        let wasStopped = await transfer.status().state == .stopped
        if wasStopped || fetches[digest]?.isAbandoned == true { return await end(transfer) }
        node.downloadsInUse.withLock { $0.enter(digest) }
        if let surplus = giving.add(digest, transfer) { await endGiving(surplus) }
    }

    private func endGiving(_ given: GivenTransfers.Entry) async {
        await end(given.transfer)
        let digest = given.digest
        node.downloadsInUse.withLock { $0.leave(digest) }
        await Threads.offload { [node] in _ = node.removeDownload(digest) }
    }

    private func end(_ transfer: Transfer) async {
        await transfer.stop()
        ended.add(await transfer.status())
    }

    // MARK: Room

    /// Free bytes below which the disk counts as full.
    private static let little: Int64 = 16 << 20

    private var isDiskFull: Bool {
        get async {
            let directory = node.directory
            return await Threads.offload { ((try? directory.freeSpace()) ?? .max) < Self.little }
        }
    }

    /// Why the cache has no room for another blob; nil where it has.
    package var lackOfRoom: String? {
        get async {
            if await isDiskFull { return "no space is left on the cache's disk" }
            return await makeRoom() ? nil : "no space is left in the cache: all of it is in use"
        }
    }

    /// Makes room for all blobs that are being fetched.
    /// - Returns: whether there is enough.
    private func makeRoom() async -> Bool {
        guard let cache else { return true }
        let before = lastRoom
        let task = Task {
            _ = await before?.value
            return await makeRoom(in: cache)
        }
        lastRoom = task
        return await task.value
    }

    private func makeRoom(in cache: BlobCache) async -> Bool {
        var kept: Set<SHA256Digest> = []
        // Only blobs that are being uploaded now stay: connected peers that have the whole blob themselves download nothing.
        for given in giving.all where await given.transfer.status().up >= 1 { kept.insert(given.digest) }
        let (given, taken, underWay) = (digestsGiven, kept, fetches.lengths)
        let outcome = await Threads.offload { cache.makeRoom(underWay: underWay, kept: taken, given: given) }
        for digest in outcome.removed { await forget(digest) }
        return outcome.isEnough
    }
}
