import Address
import Admission
import Hashing
import Logging
import Metainfo
import PeerWire
import Reactor
import SwarmCore
import Tracking

/// Downloads the metadata of a magnet link from peers: the info dictionary (BEP 9), and piece layers if needed (BEP
/// 52). For a torrent file without layers, only the layers. Then it ends, and a ``TorrentEngine`` begins. Lives on the
/// loop; work that takes long for large torrents runs on worker threads (``MetadataWork``).
final class MetadataSession: Dialler {
    private typealias Peer = ObjectIdentifier

    let context: EngineContext
    let limits: TransferLimits
    private let subject: MetadataSubject
    let wireHashes: WireHashes
    private let options: TransferOptions
    /// Gets the metadata, and the peer addresses known by then.
    private let finished: (Info, PieceHashes, [PeerAddress]) -> Void
    private let report: (TransferEvent) -> Void
    private let enter: @Sendable (@escaping @Sendable (MetadataSession) -> Void) -> Void

    private var connections: [ObjectIdentifier: PeerConnection] = [:]
    /// The incoming connections.
    private var incoming: IncomingRoom<ObjectIdentifier>
    var known: KnownPeers
    /// Addresses for the engine.
    private var addresses = RecentKeys<PeerAddress, Void>(capacity: MetadataSession.mostAddresses)
    private var announcers: [SwarmAnnouncer] = []
    private var acquisition: MetadataAcquisition
    private(set) var isStopped = false
    private var timer: TimerToken?
    /// Time at which requested metadata last arrived.
    private var lastProgressAt: Double

    /// Maximum number of peer addresses that are kept for the engine.
    private static let mostAddresses = 4_000

    init(
        context: EngineContext, subject: MetadataSubject, options: TransferOptions,
        enter: @escaping @Sendable (@escaping @Sendable (MetadataSession) -> Void) -> Void,
        report: @escaping (TransferEvent) -> Void,
        finished: @escaping (Info, PieceHashes, [PeerAddress]) -> Void
    ) {
        self.context = context
        self.subject = subject
        wireHashes = WireHashes(subject.hashes, secret: options.swarmSecret)
        self.options = options
        self.enter = enter
        self.report = report
        self.finished = finished
        acquisition = MetadataAcquisition(subject.torrent)
        known = KnownPeers(primary: wireHashes.primary)
        incoming = IncomingRoom(limits: context.incoming)
        limits = TransferLimits(
            down: options.downloadLimit, up: options.uploadLimit, parent: context.limits, now: context.loop.now)
        lastProgressAt = context.loop.now
    }

    var peerCount: Int { connections.values.count { $0.isOpen } }
    var announcesUnderWay: [Task<Void, Never>] { announcers.flatMap { Array($0.underWay.values) } }

    func start() {
        let named = subject.peers.compactMap { PeerAddress($0) } + options.extraPeers
        for address in named { addresses[address] = () }
        known.book.learn(named, from: .configured)
        let tiers = subject.tiers
        for (index, hash) in wireHashes.all.enumerated() where !tiers.isEmpty {
            let enter = enter
            announcers.append(
                SwarmAnnouncer(
                    infoHash: hash, tiers: tiers, context: context, options: options,
                    // The size is still unknown; any number above 0 announces a leecher.
                    progress: { SwarmAnnouncer.Progress(left: 1 << 40) },
                    found: { [weak self] in self?.found($0, in: hash) },
                    warn: { [weak self] in self?.report(.warning($0)) },
                    enter: { body in enter { if $0.announcers.indices.contains(index) { body($0.announcers[index]) } } }
                ))
        }
        for announcer in announcers { announcer.start() }
        if let torrent = subject.torrent {
            work {
                MetadataWork.examine(torrent.info, torrent.pieceHashes)
            } then: {
                $0.judged($1)
            }
        }
        tick()
    }

    /// Runs `body` on a worker thread, and `then` on the loop.
    private func work<Result: Sendable>(
        _ body: @escaping @Sendable () -> Result, then: @escaping @Sendable (MetadataSession, Result) -> Void
    ) {
        let enter = enter
        context.pool.submit {
            let result = body()
            enter { if !$0.isStopped { then($0, result) } }
        }
    }

    func stop() {
        guard !isStopped else { return }
        isStopped = true
        if let timer { context.loop.cancel(timer) }
        for connection in Array(connections.values) { connection.close(.shutdown) }
        for announcer in announcers { announcer.stop() }
    }

    /// - Parameter hash: whose swarm they are of; nil for the torrent's first.
    func found(_ peers: [PeerAddress], in hash: SHA1Digest? = nil) {
        guard !isStopped else { return }
        let hash = hash ?? wireHashes.primary
        for peer in peers { addresses[peer] = () }
        known.found(peers, in: hash)
        dial()
    }

    private func tick() {
        guard !isStopped else { return }
        dial()
        perform(acquisition.ask(open: open, now: context.loop.now))
        if let timeout = options.timeout, context.loop.now - lastProgressAt > timeout.seconds {
            let lacking =
                !acquisition.isInfoKnown ? "what the link is about" : "the piece hashes (piece layers) of the torrent"
            return report(
                .failed(
                    TransferError(
                        .other, "no peer told \(lacking) within \(timeout)",
                        advice: "Check that a seed is running, and that its tracker is named or give --peer.")))
        }
        timer = context.loop.schedule(after: 0.2) { [weak self] in self?.tick() }
    }

    private func dial() {
        let open = connections.values.filter { $0.isOpen }
        let dialled = open.count { !$0.isIncoming }
        dial(connections: open.count, dialled: dialled)
    }

    func opens(_ connection: PeerConnection) { connections[ObjectIdentifier(connection)] = connection }

    /// Peers that can be asked.
    private var open: some Sequence<Peer> { connections.lazy.filter { $1.isOpen }.map(\.key) }

    private func perform(_ actions: [MetadataAcquisition.Action]) {
        var asked: Set<Peer> = []
        for action in actions where !isStopped {
            switch action {
            case .send(let peer, let message):
                connections[peer]?.send(message)
                asked.insert(peer)
            case .progressed(let peer):
                lastProgressAt = context.loop.now
                connections[peer]?.progressed()
            case .ban(let peer): connections[peer]?.close(.banned)
            case .judge(let chunks):
                let (hashes, expectation) = (subject.hashes, options.expectation)
                work {
                    MetadataWork.judge(chunks, against: hashes, expecting: expectation)
                } then: {
                    $0.judged($1)
                }
            case .add(let layers, let hashes):
                work {
                    Result { () throws(MetainfoError) in try MetadataWork.add(layers, to: hashes) }
                } then: { session, result in
                    session.perform(session.acquisition.added(result).map { [$0] } ?? [])
                }
            case .finished(let info, let hashes): finish(info, hashes)
            case .failed(let error): report(.failed(error))
            }
        }
        for peer in asked { connections[peer]?.flush() }
    }

    private func judged(_ verdict: MetadataWork.Verdict) {
        perform(acquisition.judged(verdict, open: open, now: context.loop.now))
    }

    // MARK: ConnectionOwner

    var peerID: PeerID { context.peerID }
    var reservedBits: ReservedBits { subject.hashes.v2 != nil ? ReservedBits.ours.union(.v2) : .ours }
    var extensionIDs: ExtensionIDs { ExtensionIDs.own(isPrivate: subject.torrent?.info.isPrivate ?? false) }
    var bounds: ContentBounds? { nil }

    func adopt(_ connection: PeerConnection, _ hash: SHA1Digest) -> Bool {
        guard !isStopped, wireHashes.all.contains(hash) else { return false }
        connections[ObjectIdentifier(connection)] = connection
        return true
    }

    func opened(_ connection: PeerConnection, _ handshake: Handshake) -> Bool {
        let canHelp = acquisition.isInfoKnown || handshake.reserved.contains(.extensionProtocol)
        guard handshake.peerID != context.peerID, canHelp else {
            if !connection.isIncoming { known.book.shun(connection.address) }
            return false
        }
        if connection.isIncoming {
            let now = context.loop.now
            switch incoming.verdict(for: connection.address.source, now: now) {
            case .free: break
            case .full: return false
            case .afterClosing(let other): connections[other]?.close(.evicted)
            }
            incoming.insert(ObjectIdentifier(connection), from: connection.address.source, now: now)
        } else {
            known.book.connected(connection.address)
        }
        connections[ObjectIdentifier(connection)] = connection
        if handshake.reserved.contains(.fast) { connection.send(.haveNone) }
        if handshake.reserved.contains(.extensionProtocol) {
            var extended = ExtensionHandshake()
            extended.ids = extensionIDs
            extended.client = context.client
            extended.port = context.listenPort
            connection.send(.extended(.handshake(extended)))
        }
        perform(acquisition.opened(ObjectIdentifier(connection), now: context.loop.now))
        connection.flush()
        return connection.isOpen
    }

    func received(_ message: Message, on connection: PeerConnection) {
        let peer = ObjectIdentifier(connection)
        let now = context.loop.now
        switch message {
        case .extended(.handshake(let handshake)):
            connection.capabilities.apply(handshake)
            if let size = connection.capabilities.metadataSize, connection.capabilities.ids[.metadata] != nil {
                acquisition.offered(by: peer, size: size)
            }
            if connection.isIncoming, let port = connection.capabilities.port {
                addresses[connection.address.with(port: port)] = ()
            }
            perform(acquisition.ask(open: open, now: now))
        case .extended(.metadata(.data(let piece, _, let bytes))):
            perform(acquisition.received(chunk: piece, bytes, from: peer))
            perform(acquisition.ask(open: open, now: now))
        case .extended(.metadata(.reject(let piece))): acquisition.rejected(chunk: piece, by: peer, now: now)
        case .extended(.metadata(.request(let piece))):
            connection.send(.extended(.metadata(.reject(piece: piece))))
            connection.flush()
        case .hashes(let request, let digests):
            perform(acquisition.received(request, digests, from: peer, now: now))
        case .hashReject(let request): acquisition.rejected(request, by: peer, now: now)
        case .request(let request):
            if connection.handshake?.reserved.contains(.fast) == true { connection.send(.reject(request)) }
        default: break
        }
    }

    private func finish(_ info: Info, _ hashes: PieceHashes) {
        guard !isStopped else { return }
        // The engine announces itself; for the trackers there is no interruption.
        isStopped = true
        if let timer { context.loop.cancel(timer) }
        for connection in Array(connections.values) { connection.close(.shutdown) }
        finished(info, hashes, addresses.keys)
    }

    func beginBlock(_ header: PieceHeader, on connection: PeerConnection) -> BlockTarget { .violation }
    func finishBlock(_ block: IncomingBlock, on connection: PeerConnection) {}
    func carryOutActions() {}
    func nextUpload(to connection: PeerConnection, _ open: PeerConnection.Open) -> UploadStep { .nothing }
    func uploaded(_ bytes: Int, to connection: PeerConnection) {}
    func unreadable(_ span: BlockSpan, on connection: PeerConnection) {}
    func owesBlocks(_ connection: PeerConnection) -> Bool { false }
    /// Nothing is queued here: requests are rejected as they arrive.
    func answer(_ ask: PendingAnswers.Ask) -> Message {
        switch ask {
        case .metadata(let piece): .extended(.metadata(.reject(piece: piece)))
        case .hashes(let request): .hashReject(request)
        }
    }
    func progressed(_ connection: PeerConnection) {
        incoming.progressed(ObjectIdentifier(connection), now: context.loop.now)
    }

    func closed(_ connection: PeerConnection, _ reason: CloseReason, last open: PeerConnection.Open?) {
        connections[ObjectIdentifier(connection)] = nil
        incoming.remove(ObjectIdentifier(connection))
        acquisition.left(ObjectIdentifier(connection))
        guard !isStopped, !connection.isIncoming else { return }
        switch reason {
        case .banned: known.book.ban(connection.address)
        // The connection leads to ourselves, or the peer has no metadata.
        case .redundant: known.book.shun(connection.address)
        default: known.book.failed(connection.address, now: context.loop.now)
        }
    }
}

extension Duration {
    var seconds: Double { Double(components.seconds) + Double(components.attoseconds) / 1e18 }
}
