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

/// What a node holds for all its loops: listener, shared clients and the way to each loop. Lives on the loop that listens.
actor NodeState {
    private nonisolated let loops: NodeLoops
    private let network = TCPNetwork()
    nonisolated var unownedExecutor: UnownedSerialExecutor { loops.first.loop.asUnownedSerialExecutor() }

    private var parts: NodeParts?
    private var listener: Listener?
    /// Tells trackers that announces from another address are still ours.
    private let announceKey = UInt32.random(in: .min ... .max)

    init(loops: NodeLoops) { self.loops = loops }

    var listenAddress: PeerAddress? { listener == nil ? nil : parts?.listenAddress }

    /// Pins a torrent to a loop.
    /// - Returns: its pin, and what it shares with the others there.
    func place(_ hashes: [SHA1Digest], of node: SwarmNode, options: TransferOptions) async throws
        -> (TorrentPin, LoopBound<EngineContext>)
    {
        let parts = try parts(of: node, options: options)
        let pin = loops.places.pin(hashes)
        return (pin, await loops.share(on: pin.loop).context(parts, in: loops))
    }

    /// What all share, made by the first transfer; later ones listen where it does.
    private func parts(of node: SwarmNode, options: TransferOptions) throws -> NodeParts {
        if var parts {
            // Until now nobody wanted peers.
            if listener == nil, options.usesPeers, options.isDialled {
                let (socket, address) = try listen(on: options.listen)
                parts.listenAddress = address
                listener = try listener(on: socket, parts)
                self.parts = parts
            }
            return parts
        }
        let (socket, address) =
            options.usesPeers && options.isDialled
            ? try listen(on: options.listen) : (nil, PeerAddress.any(port: 0))
        var trackerSettings = TrackerClientSettings()
        var webSettings = WebSeedSettings()
        if socket != nil, let host = options.listen?.host, !address.isUnspecified {
            trackerSettings.localAddress = host
            webSettings.localAddress = host
        }
        let parts = NodeParts(
            network: network, pool: node.pool, admission: node.admission, peerID: node.peerID, listenAddress: address,
            trackers: TrackerClient(settings: trackerSettings), webSeeds: WebSeedClient(settings: webSettings),
            logger: node.logger, configuration: node.configuration)
        if let socket { listener = try listener(on: socket, parts) }
        self.parts = parts
        return parts
    }

    /// Reads from each connection which torrent it is about; the loop of that torrent does the rest.
    private func listener(on socket: StreamListener, _ parts: NodeParts) throws -> Listener {
        let (loops, share) = (loops, loops.first)
        let context = share.assumeIsolated { $0.context(parts, in: loops) }.value
        return try Listener(
            socket: socket, loop: share.loop, staging: context.staging, tunables: context.tunables,
            admission: context.admission, logger: parts.logger,
            resolve: { connection, hash in
                let connection = LoopBound(connection, on: share.loop)
                share.assumeIsolated { $0.find(connection, TorrentSearch(hash, in: loops)) }
            })
    }

    func serve(_ shelf: any Shelf, for node: SwarmNode, options: TransferOptions) async throws {
        let parts = try parts(of: node, options: options)
        for share in loops.shares { await share.serve(shelf, parts, options: options, in: loops) }
    }

    func announce(_ torrent: Torrent, peerID: PeerID, options: TransferOptions) async -> Double? {
        guard listener != nil, let parts else { return nil }
        let filter = PeerAddressFilter(allowsLoopback: parts.listenAddress.isLoopback)
        let (client, port) = (parts.trackers, parts.listenAddress.port)
        var answered: Double?
        for hash in WireHashes(torrent.info.hashes, secret: options.swarmSecret).all {
            guard
                var request = AnnounceRequest(
                    infoHash: hash, peerID: peerID.bytes, port: port, uploaded: 0, downloaded: 0, left: 0, event: .none,
                    numWant: 0, key: announceKey, advertisedAddress: options.announceAddress)
            else { continue }
            if let blob = options.blob {
                var word = AgentWord(digest: blob, site: options.site)
                word.proof = options.trackerSecret?.proof(swarm: hash, blob: blob)
                request.agent = word
            }
            // One tracker of each tier is enough: trackers of a tier share their peers (BEP 12). No tier waits for another
            // whose trackers are silent.
            let interval = await withTaskGroup(of: Double?.self) { [request, logger = parts.logger] group in
                for tier in torrent.trackers {
                    group.addTask {
                        for url in tier {
                            do {
                                return try await client.announce(
                                    url: url, request, filter: filter, timeout: options.trackerPatience
                                ).interval
                            } catch {
                                logger.debug("tracker trouble", metadata: ["text": "\(error)"])
                            }
                        }
                        return nil
                    }
                }
                return await group.reduce(nil as Double?) { least, next in
                    next.map { min(least ?? .infinity, $0) } ?? least
                }
            }
            if let interval { answered = min(answered ?? .infinity, interval) }
        }
        return answered
    }

    /// The ports of BitTorrent by custom.
    private static let ports: ClosedRange<UInt16> = 6881...6889

    private func listen(on wanted: PeerAddress?) throws -> (StreamListener, PeerAddress) {
        let candidates: [PeerAddress]
        if let wanted {
            candidates = wanted.port == 0 ? Self.ports.map { wanted.with(port: $0) } + [wanted] : [wanted]
        } else {
            candidates = Self.ports.map { PeerAddress.any(port: $0) } + [PeerAddress.any(port: 0)]
        }
        var lastError: SocketError?
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
            advice: "Choose another address or port with --listen, or as --help of this command says.")
    }

    func setLimits(up: Int?, down: Int?) async {
        loops.setLimits(down: down, up: up)
        for share in loops.shares { await share.limitsChanged(in: loops) }
    }

    func shutdown() async {
        let all = loops.places.removeTransfers()
        listener?.close()
        listener = nil
        for share in loops.shares { await share.close() }
        await withTaskGroup(of: Void.self) { group in
            for transfer in all { group.addTask { await transfer.stop() } }
        }
        guard let parts else { return }
        self.parts = nil
        await parts.trackers.shutdown()
        await parts.webSeeds.shutdown()
    }
}
