import Hashing
import Metainfo
import PeerWire
import Reactor
import SwarmCore
import Tracking

/// What has been told to whom by peer exchange (BEP 11).
struct ExchangeState {
    /// Somebody has reached us, so others can.
    var hasIncoming = false
    private(set) var told: [PeerKey: Set<SocketAddress>] = [:]
    private var receivedAt: [PeerKey: Double] = [:]
    private var sentAt: [PeerKey: Double] = [:]

    mutating func forget(_ key: PeerKey) {
        told[key] = nil
        receivedAt[key] = nil
        sentAt[key] = nil
    }

    /// - Returns: what to add and drop for this peer; nil for nothing, or while it was told less than `interval` seconds
    ///   ago.
    mutating func difference(
        for key: PeerKey, known: Set<SocketAddress>, most: Int, now: Double, interval: Double
    ) -> PeerChange? {
        if let last = sentAt[key], now - last < interval { return nil }
        let before = told[key] ?? []
        let added = Array(known.subtracting(before).prefix(most))
        let dropped = Array(before.subtracting(known).prefix(most))
        guard !added.isEmpty || !dropped.isEmpty else { return nil }
        sentAt[key] = now
        told[key] = before.union(added).subtracting(dropped)
        return PeerChange(added: added, dropped: dropped)
    }

    /// Peers may send once a minute; what comes sooner is ignored.
    mutating func mayReceive(from key: PeerKey, now: Double, least: Double) -> Bool {
        if let last = receivedAt[key], now - last < least { return false }
        receivedAt[key] = now
        return true
    }

    struct PeerChange {
        let added: [SocketAddress]
        let dropped: [SocketAddress]
    }
}

/// Peer exchange, metadata and hashes: what peers ask beside pieces.
extension TorrentEngine {
    func exchangePeers(_ now: Double) {
        guard !info.isPrivate else { return }
        let interval = WireLimits.default.peerExchangeInterval
        let known = Set(connections.values.compactMap(\.listenAddress))
        for (key, connection) in connections where connection.capabilities.ids[.peerExchange] != nil {
            var others = known
            if let own = connection.listenAddress { others.remove(own) }
            guard let change = exchange.difference(for: key, known: others, most: 50, now: now, interval: interval) else {
                continue
            }
            let added = change.added.compactMap { address in
                PeerEndpoint(address: address.host, port: address.port).map { PeerExchange.Peer(endpoint: $0, flags: .reachable) }
            }
            let dropped = change.dropped.compactMap { PeerEndpoint(address: $0.host, port: $0.port) }
            connection.send(.extended(.peerExchange(PeerExchange(added: added, dropped: dropped))))
            dirty.insert(key)
        }
    }

    func learn(_ message: PeerExchange, _ connection: PeerConnection, _ key: PeerKey) {
        let limits = WireLimits.default
        guard !info.isPrivate,
            exchange.mayReceive(from: key, now: context.loop.now, least: limits.leastPeerExchangeInterval)
        else { return }
        var filter = PeerAddressFilter()
        if let source = PeerAddress(connection.address) { filter = filter.trusting(source: source) }
        let addresses = message.added.prefix(limits.mostExchangedPeers).compactMap { peer in
            PeerAddress(addressBytes: peer.endpoint.address, port: peer.endpoint.port)
        }
        book.learn(filter.filter(addresses).compactMap(SocketAddress.init), from: .exchange)
    }

    /// BEP 9: the info dictionary for those who have only a magnet link.
    func serveMetadata(_ message: MetadataMessage, _ connection: PeerConnection) {
        guard case .request(let piece) = message else { return }
        let size = info.bytes.count
        let length = MetadataMessage.length(ofPiece: piece, size: size)
        let start = piece * MetadataMessage.pieceLength
        let answer: MetadataMessage =
            length > 0
            ? .data(piece: piece, totalSize: size, bytes: Array(info.bytes[start..<start + length])) : .reject(piece: piece)
        connection.send(.extended(.metadata(answer)))
        if let key = connection.key { dirty.insert(key) }
    }

    /// BEP 52: hashes of a file's piece layer. Block hashes would take reading the file, and pieces verify without them.
    func serveHashes(_ request: HashRequest, _ connection: PeerConnection) {
        let answer = layerHashes.answer(request, hashes: hashes, pieceLength: info.layout.pieceLength)
        connection.send(answer.map { .hashes(request, $0) } ?? .hashReject(request))
        if let key = connection.key { dirty.insert(key) }
    }
}
