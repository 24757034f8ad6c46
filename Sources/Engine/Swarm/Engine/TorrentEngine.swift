import Address
import Admission
import Hashing
import Logging
import Metainfo
import PeerWire
import Reactor
import Storage
import SwarmCore
import Synchronization
import Tracking

/// Runs one torrent with known metainfo: passes events to its ``SwarmMachine`` and carries out its actions.
///
/// Lives on the loop and owns the torrent's state there. Decisions belong in `SwarmCore`; blocking work belongs on the
/// worker pool.
final class TorrentEngine: Dialler {
    let context: EngineContext
    let info: Info
    let hashes: PieceHashes
    let wireHashes: WireHashes
    let home: ContentHome
    let gate = HomeGate()
    let options: TransferOptions
    let limits: TransferLimits
    /// What comes from outside our site has a limit of its own, within ``limits``; nil without such a limit.
    var outsideLimits: TransferLimits?
    let bounds: ContentBounds?
    /// Runs its argument with this object on the loop; callable from any thread.
    let enter: @Sendable (@escaping @Sendable (TorrentEngine) -> Void) -> Void
    let report: (TransferEvent) -> Void

    var machine: SwarmMachine
    /// What the memory for pieces has room for.
    let mostOpenBytes: Int
    var peers: ConnectionTable
    var known: KnownPeers
    var memory: PieceMemory
    private(set) var finisher: PieceFinisher?
    var ledger: DurabilityLedger
    var announces = Announces()
    /// The last verified piece: the subject of a ban.
    var judgedPiece = PieceIndex(unchecked: 0)
    var sources = SourceTable()
    /// For staged content only.
    var progress: FileProgress?
    /// Those who read the content while it arrives; nil for content that is only served.
    var readers: ContentReaders?
    var lackOfPeers = LackOfPeers()
    var arrivals: Arrivals
    /// Uploads are paused while the content is moved.
    var isHeld = false
    var isRelocated = false
    var exchange = ExchangeLedger<PeerAddress>()
    var heldAnnouncements = HeldAnnouncements()
    /// Bytes of blocks from the peers that were given with the transfer.
    var receivedFromGiven: Int64 = 0
    var furtherConnections: FurtherConnectionTable
    var reachProbes: [PeerKey: ReachProbe] = [:]
    var room: UploadRoom
    var efficiency: EfficiencyWatch
    var layerHashes = LayerHashes()
    var dirty: Set<PeerKey> = []
    var isCarryingOut = false
    var isStopped = false
    var isPublished: Bool
    /// Whether the lack of descriptors was reported.
    var hasToldOfShortage = false
    var failure: TransferError?
    let startedAt: Double
    var tickTimer: TimerToken?
    var ticks = 0

    /// - Parameters:
    ///   - have: pieces that are on disk and verified.
    ///   - isComplete: the content has its final place and name.
    ///   - enter: runs its argument with this object on the loop, from any thread.
    init(
        context: EngineContext, info: Info, hashes: PieceHashes, home: ContentHome, have: PieceSet, wanted: PieceSet,
        isComplete: Bool, options: TransferOptions, startedAt: Double,
        enter: @escaping @Sendable (@escaping @Sendable (TorrentEngine) -> Void) -> Void,
        report: @escaping (TransferEvent) -> Void
    ) {
        self.context = context
        self.info = info
        self.hashes = hashes
        wireHashes = WireHashes(info.hashes, secret: options.swarmSecret)
        self.home = home
        self.options = options
        self.enter = enter
        self.report = report
        self.startedAt = startedAt
        let now = context.loop.now
        let layout = info.layout
        let limits = TransferLimits(
            down: options.downloadLimit, up: options.uploadLimit, parent: context.limits, now: now)
        self.limits = limits
        outsideLimits = options.outsideLimit.map {
            TransferLimits(down: $0, up: nil, parent: limits, now: now)
        }
        let last = layout.piece(layout.pieceCount - 1)
        let lastLength = layout.alignsFiles ? layout.pieceLength : last.map { layout.length(of: $0) } ?? 0
        bounds = ContentBounds(
            pieceCount: layout.pieceCount, pieceLength: layout.pieceLength, lastPieceLength: lastLength)
        var configuration = context.swarm
        configuration.superSeed = options.superSeed
        configuration.egress = options.egress
        configuration.beginsAtFirst = options.beginsAtFirst
        configuration.openBytes = max(configuration.openBytes, 2 * layout.pieceLength)
        var unservable = PieceSet(size: layout.pieceCount)
        if !home.files.selection.isEverything {
            for piece in layout.pieces where !home.files.canServe(piece) { unservable.insert(piece.value) }
        }
        var generator = SystemRandomNumberGenerator()
        machine = SwarmMachine(
            layout: layout, wanted: wanted, have: have, unservable: unservable, configuration: configuration,
            seed: context.seed ?? generator.next(), now: now)
        mostOpenBytes = configuration.openBytes + configuration.openBytesOnLongPath
        memory = PieceMemory(
            capacity: configuration.openBytes + configuration.openBytesOnLongPath + layout.pieceLength + (1 << 16))
        known = KnownPeers(primary: wireHashes.primary, pieceLength: layout.pieceLength)
        peers = ConnectionTable(own: context.peerID, limits: context.incoming)
        furtherConnections = FurtherConnectionTable(limits: context.connectionLimits)
        ledger = DurabilityLedger(durable: have, policy: context.syncPolicy)
        arrivals = Arrivals(now: now)
        room = UploadRoom(now: now)
        efficiency = EfficiencyWatch(now: now, isSeed: machine.isFinished)
        isPublished = isComplete
        if home.isStaged {
            let selected = home.files.selection.allFlags
            machine.countedFiles = selected
            progress = FileProgress(layout: layout, selected: selected) { have.contains($0) }
        }
        if let share = options.ownerShare { machine.setShare(share(info.hashes.primary), now: now) }
        machine.setAsksPeers(options.arePeersActive, now: now)
        let enter = enter
        finisher = PieceFinisher(hashes: hashes, files: home.files, pool: context.pool) { piece, outcome in
            enter { $0.finished(piece, outcome) }
        }
    }

    func start(trackers: [[String]], webSeeds: [String]) {
        announces.tiers = trackers
        lackOfPeers.begin(context.loop.now)
        arrivals.peersAreActive(context.loop.now)
        if options.usesPeers { known.book.learn(options.extraPeers, from: .configured) }
        startWebSeeds(options.usesWebSeeds ? webSeeds : [], extra: options.extraWebSeeds)
        for plan in options.rangeSources { addSource(plan) }
        if machine.isFinished && !isPublished { publish() }
        startAnnouncing()
        tick()
    }

    /// The connection to each peer that has joined, without further ones.
    var connections: [PeerKey: PeerConnection] { peers.joined }

    // MARK: ConnectionOwner

    var peerID: PeerID { context.peerID }
    var reservedBits: ReservedBits { info.version.hasV2 ? ReservedBits.ours.union(.v2) : .ours }
    var extensionIDs: ExtensionIDs { .own(isPrivate: info.isPrivate, isOrigin: options.egress != nil) }

    // MARK: Carrying out

    /// Carries out the machine's actions until there are none, then flushes the sockets.
    func carryOutActions() {
        guard !isCarryingOut else { return }
        isCarryingOut = true
        while true {
            while machine.hasActions {
                for action in machine.takeActions() { perform(action) }
            }
            for source in sources.takeAsked() { source.pump() }
            guard !dirty.isEmpty else {
                if machine.hasActions { continue }
                break
            }
            let ready = dirty
            dirty.removeAll(keepingCapacity: true)
            for key in ready {
                connections[key]?.flush()
                guard let further = furtherConnections.open[key] else { continue }
                for connection in further { connection.flush() }
            }
        }
        isCarryingOut = false
    }

    private func perform(_ action: SwarmAction) {
        switch action {
        case .send(let key, let message):
            if !heldAnnouncements.isEmpty { sayHeld(to: key) }
            connections[key]?.send(message)
            dirty.insert(key)
        case .announce(let piece): announce(UInt32(truncatingIfNeeded: piece.value))
        case .upload(let key): dirty.insert(key)
        case .fetch(let key, let span):
            sources[key]?.fetch(span)
            sources.asks(key)
        case .cancelFetch(let key, let span): sources[key]?.cancel(span)
        case .open(let piece): open(piece)
        case .close(let piece): memory.close(piece.value)
        case .divert(let key, let span):
            for connection in allConnections(of: key) { connection.divert(span) }
        case .verify(let piece, let digests): verify(piece, digests)
        case .disconnect(let key, let reason): disconnect(key, reason)
        case .ban(let key): ban(key)
        case .finished: finishedAll()
        }
    }

    private func disconnect(_ key: PeerKey, _ reason: SwarmAction.Reason) {
        guard let connection = connections[key] else { return }
        switch reason {
        case .violation(let what): connection.close(.violation(what))
        case .stalled: connection.close(.timedOut)
        case .redundant: connection.close(.redundant)
        }
    }

    func limitsChanged() {
        for connection in Array(connections.values) + furtherConnections.open.values.joined() {
            connection.limitsChanged()
        }
        carryOutActions()
    }

    func fail(_ error: TransferError) {
        guard failure == nil, !isStopped else { return }
        failure = error
        report(.failed(error))
        // A download that cannot be finished is stopped.
        stop()
    }

    // MARK: The end

    /// Closes all connections and writes the last state to disk. Trackers get `stopped`.
    func stop() {
        guard !isStopped else { return }
        isStopped = true
        readers?.end()
        if let tickTimer { context.loop.cancel(tickTimer) }
        for connection in peers.all { connection.close(.shutdown) }
        stopProbing()
        for source in Array(sources.all) { source.stop() }
        for announcer in announces.announcers { announcer.stop() }
    }

    /// What has to reach the disk at the end.
    var finalCheckpoint: PieceSet? { isPublished || isRelocated ? nil : machine.have }

    var statusNow: TransferStatus {
        let now = context.loop.now
        var status = TransferStatus(state: isStopped ? .stopped : machine.isFinished ? .seeding : .downloading)
        (status.done, status.total) = progressBytes
        (status.down, status.up) = machine.rates(now: now)
        (status.downloaded, status.uploaded) = machine.transferred
        status.wasted = machine.wastedBytes
        status.peers = connections.count
        status.givenPeers = connections.values.count { isGiven($0) }
        status.receivedFromSite = machine.nearCredit
        status.downloadedFromGiven = min(receivedFromGiven, status.downloaded)
        status.webSources = sources.all.count { $0.isAlive }
        if home.isStaged { status.sources = sourceStatus(now, down: status.down) }
        status.efficiency = efficiency.reading(uplink: uplink)
        if !machine.isFinished, status.down > 1 { status.eta = Double(status.total - status.done) / status.down }
        return status
    }

    /// Verified bytes and total bytes of the wanted files. Pieces at the edge of a selection count completely.
    private var progressBytes: (Int64, Int64) {
        let layout = info.layout
        if let progress { return (progress.bytes, home.files.selection.length(in: layout)) }
        if machine.isFinished || machine.have.isEmpty {
            let total = home.files.selection.length(in: layout)
            return (machine.isFinished ? total : 0, total)
        }
        let total = home.files.selection.length(in: layout)
        let wantedPieces = max(1, machine.wanted.count)
        let done = wantedPieces - machine.missingPieces
        return (min(total, Int64(Double(total) * Double(done) / Double(wantedPieces))), total)
    }
}
