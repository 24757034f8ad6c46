import Hashing
import Logging
import Metainfo
import PeerWire
import Reactor
import SwarmCore
import Tracking

/// Learns from peers what a magnet link is about: the info dictionary (BEP 9), and where that needs them the piece
/// layers (BEP 52). Then it ends, and a ``TorrentEngine`` begins. Lives on the loop.
final class MetadataSession: ConnectionOwner {
    private typealias Peer = ObjectIdentifier

    let context: EngineContext
    let limits: TransferLimits
    private let magnet: Magnet
    private let options: TransferOptions
    /// What was learned, and the addresses of peers known by then.
    private let finished: (Info, PieceHashes, [PeerAddress]) -> Void
    private let report: (TransferEvent) -> Void
    private let enter: @Sendable (@escaping @Sendable (MetadataSession) -> Void) -> Void

    private var connections: [ObjectIdentifier: PeerConnection] = [:]
    private var book = PeerBook<SocketAddress>()
    private var swarmOf: [SocketAddress: SHA1Digest] = [:]
    private var addresses: Set<PeerAddress> = []
    private var announcers: [SwarmAnnouncer] = []
    private var metadata = MetadataFetch<ObjectIdentifier>()
    private var info: Info?
    private var layers: LayerFetch<ObjectIdentifier>?
    private var isStopped = false
    private var timer: TimerToken?
    private let startedAt: Double
    private var lastByteAt: Double

    init(
        context: EngineContext, magnet: Magnet, options: TransferOptions,
        enter: @escaping @Sendable (@escaping @Sendable (MetadataSession) -> Void) -> Void,
        report: @escaping (TransferEvent) -> Void,
        finished: @escaping (Info, PieceHashes, [PeerAddress]) -> Void
    ) {
        self.context = context
        self.magnet = magnet
        self.options = options
        self.enter = enter
        self.report = report
        self.finished = finished
        limits = TransferLimits(
            down: options.downloadLimit, up: options.uploadLimit, parent: context.limits, now: context.loop.now)
        startedAt = context.loop.now
        lastByteAt = context.loop.now
    }

    var peerCount: Int { connections.values.count { $0.phase == .open } }
    var announcesUnderWay: [Task<Void, Never>] { announcers.flatMap { Array($0.underWay.values) } }

    func start() {
        let named = magnet.peers.compactMap { PeerAddress($0) } + options.extraPeers
        addresses.formUnion(named)
        book.learn(named.compactMap(SocketAddress.init), from: .configured)
        let tiers = magnet.trackers.map { [$0] }
        for (index, hash) in magnet.hashes.wire.enumerated() where !tiers.isEmpty {
            let enter = enter
            announcers.append(
                SwarmAnnouncer(
                    infoHash: hash, tiers: tiers, context: context, advertised: options.announceAddress,
                    // How much is left is not known yet; a leecher is what we are.
                    progress: { SwarmAnnouncer.Progress(left: 1 << 40) },
                    found: { [weak self] in self?.found($0, in: hash) },
                    warn: { [weak self] in self?.report(.warning($0)) },
                    enter: { body in enter { if $0.announcers.indices.contains(index) { body($0.announcers[index]) } } }
                ))
        }
        for announcer in announcers { announcer.start() }
        tick()
    }

    func stop() {
        guard !isStopped else { return }
        isStopped = true
        if let timer { context.loop.cancel(timer) }
        for connection in Array(connections.values) { connection.close(.shutdown) }
        for announcer in announcers { announcer.stop() }
    }

    private func found(_ peers: [SocketAddress], in hash: SHA1Digest) {
        guard !isStopped else { return }
        addresses.formUnion(peers.compactMap(PeerAddress.init))
        if hash != magnet.hashes.primary { for peer in peers { swarmOf[peer] = hash } }
        book.learn(peers, from: .tracker)
        dial()
    }

    private func tick() {
        guard !isStopped else { return }
        dial()
        ask()
        if let timeout = options.timeout, context.loop.now - lastByteAt > timeout.seconds {
            return report(
                .failed(
                    TransferError(
                        .other, "no peer told what the link is about within \(timeout)",
                        advice: "Check that a seed is running, and that the link names its tracker or give --peer.")))
        }
        timer = context.loop.schedule(after: 0.2) { [weak self] in self?.tick() }
    }

    private func dial() {
        for address in book.dial(connections: connections.count, now: context.loop.now) {
            let hash = swarmOf[address] ?? magnet.hashes.primary
            do {
                let descriptor = try Socket.connect(to: address, from: context.listenAddress)
                let connection = PeerConnection(
                    dialled: descriptor, to: address, infoHash: hash, owner: self, loop: context.loop,
                    staging: context.staging, tunables: context.tunables)
                connections[ObjectIdentifier(connection)] = connection
                connection.start()
            } catch {
                book.failed(address, now: context.loop.now)
            }
        }
    }

    private func ask() {
        let now = context.loop.now
        if info == nil {
            for case .request(let peer, let chunk) in metadata.next(now: now) {
                connections[peer]?.send(.extended(.metadata(.request(piece: chunk))))
                connections[peer]?.flush()
            }
        } else {
            let peers = connections.filter { $0.value.phase == .open }.map(\.key)
            for (peer, request) in layers?.next(peers: peers, now: now) ?? [] {
                connections[peer]?.send(.hashRequest(request))
                connections[peer]?.flush()
            }
        }
    }

    // MARK: ConnectionOwner

    var peerID: PeerID { context.peerID }
    var reservedBits: ReservedBits { magnet.hashes.v2 != nil ? ReservedBits.ours.union(.v2) : .ours }
    var infoHashes: InfoHashes { magnet.hashes }
    var extensionIDs: ExtensionIDs { ExtensionIDs.own(isPrivate: false) }
    var bounds: ContentBounds? { nil }

    func adopt(_ connection: PeerConnection, _ hash: SHA1Digest) -> Bool {
        guard !isStopped, magnet.hashes.wire.contains(hash) else { return false }
        connections[ObjectIdentifier(connection)] = connection
        return true
    }

    func opened(_ connection: PeerConnection, _ handshake: Handshake) -> Bool {
        guard handshake.peerID != context.peerID, handshake.reserved.contains(.extensionProtocol) else {
            if !connection.isIncoming { book.shun(connection.address) }
            return false
        }
        if !connection.isIncoming { book.connected(connection.address) }
        connections[ObjectIdentifier(connection)] = connection
        if handshake.reserved.contains(.fast) { connection.send(.haveNone) }
        var extended = ExtensionHandshake()
        extended.ids = extensionIDs
        extended.client = context.client
        extended.port = context.listenAddress.port
        connection.send(.extended(.handshake(extended)))
        connection.flush()
        return connection.phase == .open
    }

    func received(_ message: Message, on connection: PeerConnection) {
        let peer = ObjectIdentifier(connection)
        lastByteAt = context.loop.now
        switch message {
        case .extended(.handshake(let handshake)):
            connection.capabilities.apply(handshake)
            if let size = connection.capabilities.metadataSize, connection.capabilities.ids[.metadata] != nil {
                metadata.offered(by: peer, size: size)
            }
            if connection.isIncoming, let port = connection.capabilities.port {
                if let address = PeerAddress(connection.address.with(port: port)) { addresses.insert(address) }
            }
            ask()
        case .extended(.metadata(.data(let piece, _, let bytes))):
            if case .complete(let whole)? = metadata.received(chunk: piece, data: bytes, from: peer) { judge(whole) }
            ask()
        case .extended(.metadata(.reject(let piece))):
            metadata.rejected(by: peer, chunk: piece, now: context.loop.now)
        case .extended(.metadata(.request(let piece))):
            connection.send(.extended(.metadata(.reject(piece: piece))))
            connection.flush()
        case .hashes(let request, let digests):
            if layers?.received(request, digests, from: peer) == .wrong { return connection.close(.banned) }
            finishLayers()
            ask()
        case .hashReject(let request):
            layers?.rejected(request, by: peer, now: context.loop.now)
        case .request(let request):
            if connection.handshake?.reserved.contains(.fast) == true { connection.send(.reject(request)) }
        default: break
        }
    }

    private func judge(_ bytes: [UInt8]) {
        guard magnet.hashes.match(bytes) else {
            if let liar = metadata.judged(isRight: false) { connections[liar]?.close(.banned) }
            return
        }
        _ = metadata.judged(isRight: true)
        do {
            let info = try Info.parse(bytes)
            self.info = info
            let hashes = PieceHashes(info: info)
            // A hybrid's pieces verify by their first version hashes.
            let missing = info.version == .v2 ? hashes.filesMissingLayers : []
            if missing.isEmpty { return finish(info, hashes) }
            layers = LayerFetch(files: missing, layout: info.layout)
        } catch {
            report(
                .failed(
                    TransferError(
                        .verification, "what the link describes is not usable: \(error)",
                        advice: "Ask whoever made the torrent to make it anew.")))
        }
    }

    private func finishLayers() {
        guard let info, let layers, layers.isComplete else { return }
        var hashes = PieceHashes(info: info)
        do {
            for layer in layers.layers { try hashes.add(layer: layer.bytes, ofFile: layer.file) }
        } catch {
            return report(
                .failed(TransferError(.verification, "piece layers do not verify: \(error)", advice: "Try again.")))
        }
        finish(info, hashes)
    }

    private func finish(_ info: Info, _ hashes: PieceHashes) {
        guard !isStopped else { return }
        // The engine announces itself; to the trackers we go on.
        isStopped = true
        if let timer { context.loop.cancel(timer) }
        for connection in Array(connections.values) { connection.close(.shutdown) }
        finished(info, hashes, Array(addresses))
    }

    func beginBlock(_ header: PieceHeader, on connection: PeerConnection) -> BlockTarget { .violation }
    func finishBlock(_ block: IncomingBlock, on connection: PeerConnection) {}
    func settle() {}
    func nextUpload(to connection: PeerConnection) -> UploadStep { .nothing }
    func uploaded(_ bytes: Int, to connection: PeerConnection) {}
    func unreadable(_ span: BlockSpan, on connection: PeerConnection) {}

    func closed(_ connection: PeerConnection, _ reason: CloseReason) {
        connections[ObjectIdentifier(connection)] = nil
        metadata.removePeer(ObjectIdentifier(connection))
        layers?.removePeer(ObjectIdentifier(connection))
        guard !isStopped, !connection.isIncoming else { return }
        switch reason {
        case .banned: book.ban(connection.address)
        // Ourselves, or somebody who has no metadata to give.
        case .redundant: book.shun(connection.address)
        default: book.failed(connection.address, now: context.loop.now)
        }
    }
}

extension Duration {
    var seconds: Double { Double(components.seconds) + Double(components.attoseconds) / 1e18 }
}
