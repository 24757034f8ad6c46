import Address
import Glibc
import HTTPOrigin
import Hashing
import Logging
import Metainfo
import PeerWire
import Reactor
import TrackerClient
import Tracking

/// The state of a node on its loop: listener, limits, shared clients and transfers.
actor NodeState {
    nonisolated let loop: EventLoop
    private let network = TCPNetwork()
    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    private var context: EngineContext?
    private var listener: Listener?
    private var transfers = TransferIndex()
    private var shelf: ShelfService?
    /// Lets trackers recognise announces from another address as ours.
    private let announceKey = UInt32.random(in: .min ... .max)

    init(loop: EventLoop) { self.loop = loop }

    var listenAddress: PeerAddress? { listener == nil ? nil : context.flatMap { PeerAddress($0.listenAddress) } }

    /// The shared state, created by the first transfer. Later transfers use the same listening address.
    func context(of node: SwarmNode, options: TransferOptions) throws -> LoopBound<EngineContext> {
        if var context {
            // No earlier transfer used peers.
            if listener == nil, options.usesPeers {
                let (socket, address) = try listen(on: options.listen)
                context.listenAddress = address
                listener = try listener(on: socket, context, node)
                self.context = context
            }
            return LoopBound(context)
        }
        let (socket, address) =
            options.usesPeers ? try listen(on: options.listen) : (nil, SocketAddress.any(port: 0))
        var trackerSettings = TrackerClientSettings()
        var webSettings = WebSeedSettings()
        if socket != nil, let host = options.listen?.host, !address.isAny {
            trackerSettings.localAddress = host
            webSettings.localAddress = host
        }
        let configuration = node.configuration
        var health = WebSeedHealth.Settings()
        health.retry = configuration.sourceRetry
        health.longestRetry = configuration.longestSourceRetry
        let context = EngineContext(
            loop: loop, network: network, pool: node.pool, staging: ReceiveStaging(length: 2 << 20),
            limits: TransferLimits(
                down: configuration.downloadLimit, up: configuration.uploadLimit, parent: nil, now: loop.now),
            admission: node.admission, incoming: configuration.incoming,
            peerID: node.peerID, listenAddress: address, trackers: TrackerClient(settings: trackerSettings),
            webSeeds: WebSeedClient(settings: webSettings), logger: node.logger, client: configuration.client,
            tunables: configuration.connection, swarm: configuration.swarm,
            connectionLimits: configuration.connectionLimits, syncPolicy: configuration.syncPolicy, sourceHealth: health
        )
        if let socket { listener = try listener(on: socket, context, node) }
        self.context = context
        return LoopBound(context)
    }

    private func listener(on socket: StreamListener, _ context: EngineContext, _ node: SwarmNode) throws -> Listener {
        try Listener(
            socket: socket, loop: loop, staging: context.staging, tunables: context.tunables,
            admission: context.admission, logger: node.logger,
            resolve: { [weak self] connection, hash in
                let connection = LoopBound(connection)
                self?.assumeIsolated { $0.attach(connection, to: hash) }
            })
    }

    private func attach(_ connection: LoopBound<PeerConnection>, to hash: SHA1Digest) {
        transfers.forEach(of: hash) { transfer in
            guard connection.value.owner == nil else { return }
            transfer.assumeIsolated { $0.attach(connection, to: hash) }
        }
        if connection.value.owner == nil { shelf?.attach(connection.value, to: hash) }
    }

    func serve(_ shelf: any Shelf, for node: SwarmNode, options: TransferOptions) throws {
        let context = try context(of: node, options: options)
        self.shelf?.stop()
        self.shelf = ShelfService(shelf, context: context.value, options: options, limits: node.configuration.shelf)
    }

    func announce(_ torrent: Torrent, peerID: PeerID, options: TransferOptions) async -> Double? {
        guard listener != nil, let context else { return nil }
        let filter = PeerAddressFilter(allowsLoopback: PeerAddress(context.listenAddress)?.isLoopback ?? false)
        let (client, port) = (context.trackers, context.listenAddress.port)
        var answered: Double?
        for hash in torrent.info.hashes.wire {
            guard
                let request = AnnounceRequest(
                    infoHash: hash, peerID: peerID.bytes, port: port, uploaded: 0, downloaded: 0, left: 0, event: .none,
                    numWant: 0, key: announceKey, advertisedAddress: options.announceAddress)
            else { continue }
            // One tracker of each tier is enough: trackers of a tier share their peers (BEP 12).
            for tier in torrent.trackers {
                for url in tier {
                    guard let answer = try? await client.announce(url: url, request, filter: filter) else { continue }
                    answered = min(answered ?? .infinity, answer.interval)
                    break
                }
            }
        }
        return answered
    }

    /// Number of shelf torrents that have peers, or had some recently.
    var awakeTorrents: Int { shelf?.count ?? 0 }

    /// The customary BitTorrent ports.
    private static let ports: ClosedRange<UInt16> = 6881...6889

    private func listen(on wanted: PeerAddress?) throws -> (StreamListener, SocketAddress) {
        let candidates: [SocketAddress]
        if let wanted, let address = SocketAddress(wanted) {
            candidates = wanted.port == 0 ? Self.ports.map { address.with(port: $0) } + [address] : [address]
        } else {
            candidates = Self.ports.map { SocketAddress.any(port: $0) } + [SocketAddress.any(port: 0)]
        }
        var lastError: SystemError?
        for candidate in candidates {
            do {
                let socket = try network.listen(on: candidate)
                return (socket, socket.localAddress ?? candidate)
            } catch {
                lastError = error
            }
        }
        let kind: TransferError.Kind =
            switch lastError?.code {
            case EADDRNOTAVAIL: .configuration
            case EACCES, EPERM: .refused
            default: .other
            }
        throw TransferError(
            kind, "cannot listen: \(lastError.map { "\($0)" } ?? "no address")",
            advice: "Choose another address or port with --listen.")
    }

    /// - Parameters:
    ///   - hashes: info hashes by which peers ask for the transfer.
    ///   - mayHaveMore: whether its metadata, which is still unknown, may add another info hash.
    func add(_ transfer: Transfer, hashes: InfoHashes, mayHaveMore: Bool) {
        transfers.add(transfer, hashes: hashes.wire, mayHaveMore: mayHaveMore) { $0.assumeIsolated { $0.isStopped } }
    }

    func setLimits(up: Int?, down: Int?) {
        context?.limits.set(down: down, up: up, now: loop.now)
        for transfer in transfers.all { transfer.assumeIsolated { $0.limitsChanged() } }
    }

    func shutdown() async {
        let all = transfers.all
        transfers = TransferIndex()
        listener?.close()
        listener = nil
        shelf?.stop()
        shelf = nil
        await withTaskGroup(of: Void.self) { group in
            for transfer in all { group.addTask { await transfer.stop() } }
        }
        guard let context else { return }
        self.context = nil
        let (trackers, webSeeds) = (context.trackers, context.webSeeds)
        await trackers.shutdown()
        await webSeeds.shutdown()
    }
}
