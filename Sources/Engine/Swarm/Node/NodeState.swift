import Glibc
import HTTPOrigin
import Hashing
import Logging
import Metainfo
import PeerWire
import Reactor
import TrackerClient
import Tracking

/// What a node holds on its loop: listener, limits, shared clients and the transfers.
actor NodeState {
    nonisolated let loop: EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    private var context: EngineContext?
    private var listener: Listener?
    private var transfers: [Transfer] = []

    init(loop: EventLoop) { self.loop = loop }

    var listenAddress: PeerAddress? { listener == nil ? nil : context.flatMap { PeerAddress($0.listenAddress) } }

    /// The shared parts, made by the first transfer; later ones listen where it does.
    func context(of node: SwarmNode, options: TransferOptions) throws -> LoopBound<EngineContext> {
        if var context {
            // Until now nobody wanted peers.
            if listener == nil, options.usesPeers {
                let (descriptor, address) = try listen(on: options.listen)
                context.listenAddress = address
                listener = try listener(on: descriptor, context, node)
                self.context = context
            }
            return LoopBound(context)
        }
        let (descriptor, address) =
            options.usesPeers ? try listen(on: options.listen) : (nil, SocketAddress.any(port: 0))
        var trackerSettings = TrackerClientSettings()
        var webSettings = WebSeedSettings()
        if descriptor != nil, let host = options.listen?.host, !address.isAny {
            trackerSettings.localAddress = host
            webSettings.localAddress = host
        }
        let configuration = node.configuration
        var health = WebSeedHealth.Settings()
        health.retry = configuration.sourceRetry
        health.longestRetry = configuration.longestSourceRetry
        let context = EngineContext(
            loop: loop, pool: node.pool, staging: ReceiveStaging(length: 2 << 20),
            limits: TransferLimits(
                down: configuration.downloadLimit, up: configuration.uploadLimit, parent: nil, now: loop.now),
            admission: node.admission, incoming: configuration.incoming,
            peerID: node.peerID, listenAddress: address, trackers: TrackerClient(settings: trackerSettings),
            webSeeds: WebSeedClient(settings: webSettings), logger: node.logger, client: configuration.client,
            tunables: configuration.connection, swarm: configuration.swarm,
            lines: configuration.lines, syncPolicy: configuration.syncPolicy, sourceHealth: health)
        if let descriptor { listener = try listener(on: descriptor, context, node) }
        self.context = context
        return LoopBound(context)
    }

    private func listener(on descriptor: CInt, _ context: EngineContext, _ node: SwarmNode) throws -> Listener {
        try Listener(
            descriptor: descriptor, loop: loop, staging: context.staging, tunables: context.tunables,
            admission: context.admission, logger: node.logger,
            resolve: { [weak self] connection, hash in
                let connection = LoopBound(connection)
                self?.assumeIsolated { $0.attach(connection, to: hash) }
            })
    }

    private func attach(_ connection: LoopBound<PeerConnection>, to hash: SHA1Digest) {
        for transfer in transfers where connection.value.owner == nil {
            transfer.assumeIsolated { $0.attach(connection, to: hash) }
        }
    }

    /// The ports of BitTorrent by custom.
    private static let ports: ClosedRange<UInt16> = 6881...6889

    private func listen(on wanted: PeerAddress?) throws -> (CInt, SocketAddress) {
        let candidates: [SocketAddress]
        if let wanted, let address = SocketAddress(wanted) {
            candidates = wanted.port == 0 ? Self.ports.map { address.with(port: $0) } + [address] : [address]
        } else {
            candidates = Self.ports.map { SocketAddress.any(port: $0) } + [SocketAddress.any(port: 0)]
        }
        var lastError: SystemError?
        for candidate in candidates {
            do {
                let descriptor = try Socket.listen(on: candidate)
                return (descriptor, Socket.localAddress(of: descriptor) ?? candidate)
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

    /// Those that have been stopped are let go of.
    func add(_ transfer: Transfer) {
        transfers.removeAll { $0.assumeIsolated { $0.isStopped } }
        transfers.append(transfer)
    }

    func setLimits(up: Int?, down: Int?) {
        context?.limits.set(down: down, up: up, now: loop.now)
        for transfer in transfers { transfer.assumeIsolated { $0.limitsChanged() } }
    }

    func shutdown() async {
        let all = transfers
        transfers = []
        listener?.close()
        listener = nil
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
