import Address
import Blobs
import Files
import Hashing
import Metainfo
import Swarm
import Threads

/// Fetches blobs into a host's directory. However many ask for a blob, it comes once.
package actor BlobFetches {
    /// Where a blob can come from.
    package struct Plan: Sendable {
        package let info: BlobInfo
        package let peers: [PeerAddress]
        /// URLs of trackers, in the order in which they are asked.
        package let trackers: [String]
        /// Whether its swarm is that of any client, whatever secret there is.
        package let isOpen: Bool

        package init(info: BlobInfo, peers: [PeerAddress], trackers: [String], isOpen: Bool = false) {
            self.info = info
            self.peers = peers
            self.trackers = trackers
            self.isOpen = isOpen
        }
    }

    package struct Settings: Sendable {
        package var mostAtOnce = 8
        /// Bytes of pieces that are being received, of all downloads together.
        package var bufferBytes = 48 << 20
        /// Without a byte, after which a fetch is given up.
        package var patience = Duration.seconds(60)
        /// How long a fetch goes on that nobody waits for any more.
        package var linger = Duration.seconds(30)

        package init() {}
    }

    private let node: BlobNode
    private let settings: Settings
    private let cache: BlobCache?
    private let downloads: Downloads
    private var fetches: [SHA256Digest: Fetch] = [:]
    private var serials: UInt64 = 0
    private var slots: FetchSlots
    private var giving = GivenTransfers()
    /// The last look for room: they come one after the other.
    private var lastRoom: Task<Bool, Never>?
    /// Of transfers that have ended.
    private var figures = FetchFigures()
    private var isStopped = false

    private struct Fetch {
        let serial: UInt64
        let plan: Plan
        let outcome = FetchOutcome()
        var transfer: Transfer?
        /// Who waits for it, or reads it.
        var holders = 0
        /// Counts those who have come.
        var arrivals = 0
        var isAbandoned = false
        var untilBegun: [CheckedContinuation<Void, Never>] = []
        var untilEnd: [UInt64: CheckedContinuation<FetchEnding, Never>] = [:]
    }

    /// - Parameter cache: makes room for what comes; nil where there is always room.
    package init(_ node: BlobNode, settings: Settings = Settings(), cache: BlobCache? = nil) {
        self.node = node
        self.settings = settings
        self.cache = cache
        downloads = Downloads(node.directory)
        slots = FetchSlots(most: settings.mostAtOnce)
    }

    // MARK: Asking

    /// Returns when the blob is here, whole and durable.
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

    /// Begins to read a blob while it arrives; returns when the first byte of the range is here.
    /// - Returns: nil when the blob is here as a whole.
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

    /// Takes part in a fetch, which begins with the first.
    private func join(_ plan: Plan) throws(FetchProblem) -> FetchHold {
        if isStopped { throw FetchProblem(kind: .stopped, description: "the agent stops") }
        let digest = plan.info.digest
        var fetch: Fetch
        if let known = fetches[digest] {
            fetch = known
        } else {
            serials += 1
            fetch = Fetch(serial: serials, plan: plan)
            Task { await run(plan) }
        }
        fetch.holders += 1
        fetch.arrivals += 1
        fetches[digest] = fetch
        let serial = fetch.serial
        return FetchHold(digest, serial, fetch.outcome) { [weak self] in
            Task { await self?.leave(digest, serial) }
        }
    }

    private func leave(_ digest: SHA256Digest, _ serial: UInt64) {
        guard let fetch = fetches[digest], fetch.serial == serial else { return }
        fetches[digest]?.holders -= 1
        guard fetch.holders == 1 else { return }
        let (linger, arrivals) = (settings.linger, fetch.arrivals)
        Task {
            try? await Task.sleep(for: linger)
            await abandon(digest, serial, arrivals)
        }
    }

    /// What has come is kept: the next to ask goes on from there.
    private func abandon(_ digest: SHA256Digest, _ serial: UInt64, _ arrivals: Int) async {
        guard let fetch = fetches[digest], fetch.serial == serial, fetch.arrivals == arrivals, fetch.holders == 0
        else { return }
        fetches[digest]?.isAbandoned = true
        await fetch.transfer?.stop()
    }

    /// The transfer of a fetch, when it has begun; nil when the fetch has ended.
    private func transfer(of hold: FetchHold) async -> Transfer? {
        if let fetch = fetches[hold.digest], fetch.serial == hold.serial, fetch.transfer == nil {
            await withCheckedContinuation { fetches[hold.digest]?.untilBegun.append($0) }
        }
        guard let fetch = fetches[hold.digest], fetch.serial == hold.serial else { return nil }
        return fetch.transfer
    }

    private func ending(of hold: FetchHold) async -> FetchEnding {
        serials += 1
        let (waiter, digest) = (serials, hold.digest)
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                if let ending = hold.outcome.ending { return continuation.resume(returning: ending) }
                guard fetches[digest]?.serial == hold.serial, !Task.isCancelled else {
                    return continuation.resume(returning: .over)
                }
                fetches[digest]?.untilEnd[waiter] = continuation
            }
        } onCancel: {
            Task { await self.cancelWaiting(digest, waiter) }
        }
    }

    private func cancelWaiting(_ digest: SHA256Digest, _ waiter: UInt64) {
        fetches[digest]?.untilEnd.removeValue(forKey: waiter)?.resume(returning: .over)
    }

    // MARK: Figures

    /// Of a fetch that is under way; nil for any other.
    package func progress(of digest: SHA256Digest) async -> FetchProgress? {
        guard let fetch = fetches[digest] else { return nil }
        guard let status = await fetch.transfer?.status() else {
            return FetchProgress(done: 0, total: fetch.plan.info.length, rate: 0, peers: 0, origins: 0)
        }
        return FetchProgress(
            done: status.done, total: fetch.plan.info.length, rate: status.down,
            peers: status.peers - status.givenPeers, origins: status.givenPeers)
    }

    /// Where a blob comes from that is being fetched; nil for any other.
    package func plan(of digest: SHA256Digest) -> Plan? { fetches[digest]?.plan }

    /// Blobs that are being fetched.
    package var digestsUnderWay: [SHA256Digest] { Array(fetches.keys) }

    /// Blobs that are given on since they came: their transfers announce them.
    package var digestsGiven: Set<SHA256Digest> { giving.digests }

    /// Peers of each blob that is given on since it came.
    package func peersOfGiven() async -> [SHA256Digest: Int] {
        var peers: [SHA256Digest: Int] = [:]
        for given in giving.all { peers[given.digest] = await given.transfer.status().peers }
        return peers
    }

    package func figures() async -> FetchFigures {
        var figures = figures
        figures.underWay = fetches.count
        for transfer in fetches.values.compactMap(\.transfer) + giving.all.map(\.transfer) {
            figures.add(await transfer.status())
        }
        return figures
    }

    // MARK: Leaving

    /// Stops giving a blob that is to go.
    package func forget(_ digest: SHA256Digest) async {
        if let given = giving.remove(digest) { await endGiving(given) }
    }

    /// Removes what was not used for long, and what is too much.
    package func tidy() async { _ = await makeRoom() }

    /// Ends everything that is under way; what has come is kept.
    package func stop() async {
        isStopped = true
        let transfers = fetches.values.compactMap(\.transfer) + giving.removeAll()
        for digest in Array(fetches.keys) { fetches[digest]?.isAbandoned = true }
        for transfer in transfers { await transfer.stop() }
        for (digest, fetch) in fetches {
            _ = await ending(of: FetchHold(digest, fetch.serial, fetch.outcome) {})
        }
    }

    // MARK: One fetch

    private func run(_ plan: Plan) async {
        if !slots.take() { await withCheckedContinuation { slots.wait($0) } }
        let (digest, begunAt) = (plan.info.digest, Clocks.steadySeconds)
        var ending = FetchEnding.over
        if fetches[digest]?.isAbandoned == false { ending = await transfer(plan) }
        if case .failed(let problem) = ending, problem.kind == .disk, await isDiskFull {
            // What nobody uses goes; what has come of this one is kept.
            ending = await makeRoom() ? await transfer(plan) : .failed(Self.noRoom(for: digest))
            if case .failed(let problem) = ending, problem.kind == .disk, await isDiskFull {
                ending = .failed(Self.noRoom(for: digest))
            }
        }
        if fetches[digest]?.isAbandoned == true, case .failed = ending { ending = .over }
        switch ending {
        case .whole: figures.came(in: Clocks.steadySeconds - begunAt)
        case .failed: figures.failed += 1
        case .over: break
        }
        let fetch = fetches.removeValue(forKey: digest)
        fetch?.outcome.end(ending)
        for waiter in fetch?.untilBegun ?? [] { waiter.resume() }
        for waiter in fetch?.untilEnd.values.map({ $0 }) ?? [] { waiter.resume(returning: ending) }
        slots.free()
        await shareBuffers()
    }

    /// Each download has its part of the memory for pieces.
    private func shareBuffers() async {
        let transfers = fetches.values.compactMap(\.transfer)
        for transfer in transfers { await transfer.setOpenBytes(settings.bufferBytes / transfers.count) }
    }

    private static func noRoom(for digest: SHA256Digest) -> FetchProblem {
        FetchProblem(kind: .full, description: "no space is left in the cache for sha256:\(digest)")
    }

    private func transfer(_ plan: Plan) async -> FetchEnding {
        let digest = plan.info.digest
        guard await makeRoom() else { return .failed(Self.noRoom(for: digest)) }
        let place = downloads.place(of: digest)
        var options = node.options(of: digest, isOpen: plan.isOpen)
        options.staging = StagingPlace(contentPath: downloads.dataPath(of: digest), recordPath: "\(place)/record")
        options.extraPeers = plan.peers
        options.timeout = settings.patience
        options.onFalsePiece = { [node] in node.isForgiven($0, piece: $1, of: digest) }
        do {
            try await Threads.offload { () throws(SystemError) in
                _ = try HeldDirectory.open(SystemPath(place), creating: true)
            }
            let torrent = Torrent(info: plan.info.info, trackers: [plan.trackers])
            let transfer = try await node.swarm.get(torrent: torrent, into: place, options: options)
            fetches[digest]?.transfer = transfer
            for waiter in fetches[digest]?.untilBegun ?? [] { waiter.resume() }
            fetches[digest]?.untilBegun = []
            await shareBuffers()
            if fetches[digest]?.isAbandoned == true { await transfer.stop() }
            if let problem = await transfer.problem() {
                await end(transfer)
                fetches[digest]?.transfer = nil
                return .failed(problem)
            }
            let (directory, info) = (node.directory, plan.info)
            try await transfer.relocate(to: directory.path(of: digest)) {
                let held = try HeldDirectory.open(SystemPath(place))
                try directory.publish(Downloads.dataName, in: held, as: digest, info: info.info.bytes)
            }
            node.catalogue.add(digest, info, usedAt: Clocks.wallSeconds)
            await keepGiving(digest, transfer)
            return .whole
        } catch let error as SystemError {
            return .failed(FetchProblem(kind: .disk, description: "\(place): \(error)"))
        } catch {
            return .failed(FetchProblem(kind: .other, description: "\(error)"))
        }
    }

    /// Peers that take the blob from here at this moment are not cut off. Later ones are served from the directory.
    private func keepGiving(_ digest: SHA256Digest, _ transfer: Transfer) async {
        if isStopped { return await end(transfer) }
        if let surplus = giving.add(digest, transfer) { await endGiving(surplus) }
    }

    private func endGiving(_ given: GivenTransfers.Entry) async {
        await end(given.transfer)
        guard fetches[given.digest] == nil else { return }
        let (downloads, digest) = (downloads, given.digest)
        await Threads.offload { downloads.remove(digest) }
    }

    private func end(_ transfer: Transfer) async {
        await transfer.stop()
        figures.add(await transfer.status())
    }

    // MARK: Room

    /// Less than this is a full disk, for whoever was told so.
    private static let little: Int64 = 16 << 20

    private var isDiskFull: Bool {
        get async {
            let directory = node.directory
            return await Threads.offload { ((try? directory.freeSpace()) ?? .max) < Self.little }
        }
    }

    /// Why nothing new has room; nil where something has.
    package var lackOfRoom: String? {
        get async {
            if await isDiskFull { return "no space is left on the cache's disk" }
            return await makeRoom() ? nil : "no space is left in the cache: all of it is in use"
        }
    }

    /// Makes room for all that is being fetched.
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
        // A peer that has everything itself takes nothing.
        for given in giving.all where await given.transfer.status().up >= 1 { kept.insert(given.digest) }
        let (given, taken, underWay) = (digestsGiven, kept, fetches.mapValues(\.plan.info.length))
        let outcome = await Threads.offload { cache.makeRoom(underWay: underWay, kept: taken, given: given) }
        for digest in outcome.removed { await forget(digest) }
        return outcome.isEnough
    }
}
