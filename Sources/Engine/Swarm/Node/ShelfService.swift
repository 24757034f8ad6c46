import Hashing
import Metainfo
import Reactor
import Storage
import SwarmCore

/// Opens the torrents of a shelf for the peers that ask for them, and closes them when they are idle. Lives on the
/// loop.
final class ShelfService {
    private let shelf: any Shelf
    private let context: EngineContext
    private let options: TransferOptions
    private var torrents: AwakeTorrents<PeerConnection, TorrentEngine>
    private var timer: TimerToken?
    private var isStopped = false

    init(_ shelf: any Shelf, context: EngineContext, options: TransferOptions, limits: ShelfLimits) {
        self.shelf = shelf
        self.context = context
        self.options = options
        torrents = AwakeTorrents(limits: limits)
    }

    var count: Int { torrents.count }

    /// Assigns a torrent to a connection, now or later. Does nothing if it is not on the shelf.
    func attach(_ connection: PeerConnection, to hash: SHA1Digest) {
        if let engine = torrents.awake[hash]?.torrent {
            if engine.adopt(connection) { connection.join(engine) }
            return
        }
        guard shelf.mayHave(hash) else { return }
        if torrents.count >= torrents.limits.awake { letRest(patience: 0) }
        switch torrents.ask(hash, connection) {
        case .full:
            // Evicts the connection without progress for longest, so that there is room when this peer tries again.
            _ = context.admission.shed(at: .peers, now: context.loop.now)
        case .wait: connection.awaitTorrent()
        case .open:
            connection.awaitTorrent()
            open(hash)
        }
    }

    private func open(_ hash: SHA1Digest) {
        let (shelf, loop, service) = (shelf, context.loop, LoopBound(self))
        context.pool.submit {
            let found = Result { () throws -> Opened? in
                guard let content = try shelf.open(hash) else { return nil }
                return try Opened(content)
            }
            loop.post { service.value.opened(hash, found) }
        }
    }

    private struct Opened: Sendable {
        let torrent: Torrent
        let home: ContentHome

        init(_ content: ShelvedContent) throws {
            torrent = content.torrent
            let layout = torrent.info.layout
            let files = ContentFiles(
                layout: layout, root: try ContentRoot.at(path: content.path), access: .reading,
                selection: FileSelection(all: layout), preallocation: .none)
            home = .served(files, path: content.path)
        }
    }

    private func opened(_ hash: SHA1Digest, _ found: Result<Opened?, any Error>) {
        var engine: TorrentEngine?
        if case .failure(let error) = found {
            context.logger.warning(
                "content on the shelf cannot be served", metadata: ["torrent": "\(hash.hex)", "reason": "\(error)"])
        }
        if !isStopped, case .success(let content?) = found, content.torrent.info.hashes.wire.contains(hash) {
            engine = start(content)
        }
        for connection in torrents.opened(hash, as: engine, now: context.loop.now) where !connection.isClosed {
            if let engine, engine.adopt(connection) { connection.join(engine) }
            connection.resumeHandshake()
        }
        if engine != nil, timer == nil { lookLater() }
    }

    private func start(_ content: Opened) -> TorrentEngine {
        let layout = content.torrent.info.layout
        var options = options
        (options.usesWebSeeds, options.extraPeers, options.extraWebSeeds, options.timeout) = (false, [], [], nil)
        let entrance = Entrance(context.loop)
        let all = PieceSet(StoredPieces(pieceCount: layout.pieceCount, all: true))
        let engine = TorrentEngine(
            context: context, info: content.torrent.info, hashes: content.torrent.pieceHashes, home: content.home,
            have: all, wanted: all, isComplete: true, options: options, startedAt: context.loop.now,
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
        let idle = torrents.rest(now: context.loop.now, patience: patience) { !$0.connections.isEmpty || !$0.opening.isEmpty }
        for engine in idle { end(engine) }
    }

    private func end(_ engine: TorrentEngine) {
        engine.stop()
        let home = engine.home
        context.pool.submit { home.close() }
    }

    func stop() {
        guard !isStopped else { return }
        isStopped = true
        if let timer { context.loop.cancel(timer) }
        let all = torrents.removeAll()
        for connection in all.waiting { connection.close(.shutdown) }
        for engine in all.awake { end(engine) }
    }
}

/// Runs work with an engine that no transfer owns, from any thread.
private struct Entrance: Sendable {
    final class Holder { weak var engine: TorrentEngine? }

    let loop: EventLoop
    let engine = LoopBound(Holder())

    init(_ loop: EventLoop) { self.loop = loop }

    func enter(_ body: @escaping @Sendable (TorrentEngine) -> Void) {
        loop.post { if let engine = engine.value.engine { body(engine) } }
    }
}
