import Hashing
import Metainfo
import Reactor
import Storage
import SwarmCore

/// Opens the torrents of a shelf for the peers that ask for them, and lets them rest again. Lives on a loop; each loop of a
/// process has one, for the torrents that are pinned to it while they are awake.
final class ShelfService {
    private struct Awake {
        let engine: TorrentEngine
        let pin: TorrentPin
        let held: (any Sendable)?
    }

    private let shelf: any Shelf
    private let context: EngineContext
    private let options: TransferOptions
    private var torrents: AwakeTorrents<PeerConnection, Awake>
    private var timer: TimerToken?
    private var isStopped = false
    /// Torrents that are being opened, and whose right pieces are others since.
    private var outdated: Set<SHA1Digest> = []
    /// Of all loops.
    private let total: AwakeCount
    private let makeRoomElsewhere: () -> Void

    /// - Parameter makeRoom: lets those on other loops rest that have no connection.
    init(
        _ shelf: any Shelf, context: EngineContext, options: TransferOptions, limits: ShelfLimits, total: AwakeCount,
        makeRoom: @escaping () -> Void
    ) {
        self.total = total
        makeRoomElsewhere = makeRoom
        self.shelf = shelf
        self.context = context
        self.options = options
        torrents = AwakeTorrents(limits: limits)
    }

    /// Where a torrent lives that may be on the shelf: where it is awake, or where it is to wake.
    func pin(_ hash: SHA1Digest, in places: TorrentPlaces) -> TorrentPin? {
        places.existingPin(hash) ?? (shelf.mayHave(hash) ? places.pin([hash]) : nil)
    }

    /// Gives a connection its torrent, now or later; does nothing if it is not on the shelf.
    /// - Parameter pin: to this loop.
    func attach(_ connection: PeerConnection, to hash: SHA1Digest, _ pin: TorrentPin) {
        if let engine = torrents.awake[hash]?.torrent.engine {
            if engine.adopt(connection) { connection.join(engine) }
            return
        }
        guard shelf.mayHave(hash) else { return }
        if total.value >= torrents.limits.awake { makeRoom() }
        switch ask(hash, connection) {
        case .full:
            makeRoomElsewhere()
            // Whoever has shown least for longest goes, so that there is room when this one comes again.
            _ = context.admission.shed(at: .peers, now: context.loop.now)
        case .wait: connection.awaitTorrent()
        case .open:
            connection.awaitTorrent()
            open(hash, pin)
        }
    }

    private func ask(_ hash: SHA1Digest, _ connection: PeerConnection) -> AwakeTorrents<PeerConnection, Awake>.Step {
        var step = AwakeTorrents<PeerConnection, Awake>.Step.full
        // Two loops may ask for the last place at once.
        total.change { all in
            let before = torrents.count
            step = torrents.ask(hash, connection, others: all - before)
            return torrents.count - before
        }
        return step
    }

    /// Runs `body`, after which fewer may be awake.
    private func release<Result>(_ body: () -> Result) -> Result {
        let before = torrents.count
        let result = body()
        let change = torrents.count - before
        if change != 0 { total.change { _ in change } }
        return result
    }

    private func open(_ hash: SHA1Digest, _ pin: TorrentPin) {
        let (shelf, loop, service) = (shelf, context.loop, LoopBound(self, on: context.loop))
        let pool = context.pool
        Task {
            let isAdmitted = await shelf.admits(hash)
            pool.submit {
                let found = Result { () throws -> Opened? in
                    guard isAdmitted, let content = try shelf.open(hash) else { return nil }
                    return try Opened(content)
                }
                loop.post { service.value.opened(hash, found, pin) }
            }
        }
    }

    private struct Opened: Sendable {
        let torrent: Torrent
        let swarmSecret: SwarmSecret?
        let home: ContentHome
        let have: PieceSet
        let held: (any Sendable)?

        init(_ content: ShelvedContent) throws {
            (held, swarmSecret) = (content.held, content.swarmSecret)
            var have = PieceSet(full: content.torrent.info.layout.pieceCount)
            for piece in content.missing where (0..<content.torrent.info.layout.pieceCount).contains(piece) {
                have.remove(piece)
            }
            self.have = have
            torrent = content.torrent
            let layout = torrent.info.layout
            let files = ContentFiles(
                layout: layout, root: try ContentRoot.at(path: content.path), access: .reading,
                selection: FileSelection(all: layout), preallocation: .none)
            home = .served(files, path: content.path)
        }
    }

    private func opened(_ hash: SHA1Digest, _ found: Result<Opened?, any Error>, _ pin: TorrentPin) {
        if outdated.remove(hash) != nil, !isStopped {
            if case .success(let content?) = found { context.pool.submit { content.home.close() } }
            return open(hash, pin)
        }
        var (engine, held): (TorrentEngine?, (any Sendable)?)
        if case .failure(let error) = found {
            context.logger.warning(
                "content on the shelf cannot be served", metadata: ["reason": "\(error)"])
        }
        if !isStopped, case .success(let content?) = found,
            WireHashes(content.torrent.info.hashes, secret: content.swarmSecret).all.contains(hash)
        {
            (engine, held) = (start(content, as: hash), content.held)
        }
        let waiting = release {
            torrents.opened(hash, as: engine.map { Awake(engine: $0, pin: pin, held: held) }, now: context.loop.now)
        }
        for connection in waiting where !connection.isClosed {
            if let engine, engine.adopt(connection) { connection.join(engine) }
            connection.resumeHandshake()
        }
        if engine != nil, timer == nil { lookLater() }
    }

    private func start(_ content: Opened, as hash: SHA1Digest) -> TorrentEngine {
        var options = options
        options.swarmSecret = content.swarmSecret
        options.onChangedContent = { [shelf] in shelf.hasChanged(hash) }
        (options.usesWebSeeds, options.extraPeers, options.extraWebSeeds, options.timeout) = (false, [], [], nil)
        let entrance = Entrance(context.loop)
        let engine = TorrentEngine(
            context: context, info: content.torrent.info, hashes: content.torrent.pieceHashes, home: content.home,
            have: content.have, wanted: content.have, isComplete: true, options: options, startedAt: context.loop.now,
            enter: { entrance.enter($0) }, report: { _ in })
        entrance.engine.value.engine = engine
        engine.start(trackers: [], webSeeds: [])
        return engine
    }

    // MARK: Rest

    private func lookLater() {
        timer = context.loop.schedule(after: torrents.limits.look) { [weak self] in
            guard let self else { return }
            timer = nil
            letRest(patience: torrents.limits.idle)
            if !torrents.isEmpty { lookLater() }
        }
    }

    private func letRest(patience: Double) {
        let idle = release {
            torrents.rest(now: context.loop.now, patience: patience) {
                $0.engine.peers.isEmpty ? nil : $0.engine.machine.transferred.up
            }
        }
        for awake in idle { end(awake.engine) }
    }

    /// Ends a torrent whose pieces are others now: the next peer opens it anew.
    func close(_ hash: SHA1Digest) {
        if torrents.opening[hash] != nil { outdated.insert(hash) }
        guard let awake = release({ torrents.remove(hash) }) else { return }
        end(awake.engine)
    }

    /// Whoever is not in use rests at once.
    func makeRoom() { letRest(patience: 0) }

    /// The limits of the process are others now.
    func limitsChanged() { for entry in torrents.awake.values { entry.torrent.engine.limitsChanged() } }

    private func end(_ engine: TorrentEngine) {
        engine.stop()
        total.gave(engine.machine.transferred.up)
        let home = engine.home
        context.pool.submit { home.close() }
    }

    func stop() {
        guard !isStopped else { return }
        isStopped = true
        if let timer { context.loop.cancel(timer) }
        let all = release { torrents.removeAll() }
        for connection in all.waiting { connection.close(.shutdown) }
        for awake in all.awake { end(awake.engine) }
    }
}

/// Runs work with an engine that no transfer owns, from any thread.
private struct Entrance: Sendable {
    final class Holder { weak var engine: TorrentEngine? }

    let loop: EventLoop
    let engine: LoopBound<Holder>

    init(_ loop: EventLoop) {
        self.loop = loop
        engine = LoopBound(Holder(), on: loop)
    }

    func enter(_ body: @escaping @Sendable (TorrentEngine) -> Void) {
        loop.post { if let engine = engine.value.engine { body(engine) } }
    }
}
