import Hashing
import Metainfo
import PeerWire
import Reactor
import SwarmCore
import Tracking

/// What has been told to whom by peer exchange (BEP 11).
struct ExchangeState {
    /// Messages to a peer: the first at once, the second soon after it, when those who begin together are all there;
    /// then one a minute.
    private static let second = 3.0
    /// Messages that are taken from a peer however soon they come.
    private static let early = 3

    private struct Talk {
        var told: Set<SocketAddress> = []
        var sent = 0
        var sentAt = -Double.infinity
        var received = 0
        var receivedAt = -Double.infinity
    }

    /// Somebody has reached us, so others can.
    var hasIncoming = false
    private var talks: [PeerKey: Talk] = [:]

    mutating func forget(_ key: PeerKey) { talks[key] = nil }

    func isDue(_ key: PeerKey, now: Double, interval: Double) -> Bool {
        guard let talk = talks[key] else { return true }
        return now - talk.sentAt >= (talk.sent == 1 ? Self.second : interval)
    }

    /// - Returns: what to add and drop for this peer, who listens at `own`; nil for nothing.
    mutating func difference(
        for key: PeerKey, known: Set<SocketAddress>, own: SocketAddress?, most: Int, now: Double
    ) -> PeerChange? {
        var talk = talks[key] ?? Talk()
        let added = Array(known.lazy.filter { $0 != own && !talk.told.contains($0) }.prefix(most))
        let dropped = Array(talk.told.lazy.filter { !known.contains($0) }.prefix(most))
        guard !added.isEmpty || !dropped.isEmpty else { return nil }
        talk.sent += 1
        talk.sentAt = now
        talk.told.formUnion(added)
        talk.told.subtract(dropped)
        talks[key] = talk
        return PeerChange(added: added, dropped: dropped)
    }

    /// Peers may send once a minute, and a few times when they begin; what comes sooner is ignored.
    mutating func mayReceive(from key: PeerKey, now: Double, least: Double) -> Bool {
        let talk = talks[key] ?? Talk()
        guard talk.received < Self.early || now - talk.receivedAt >= least else { return false }
        talks[key, default: Talk()].received += 1
        talks[key]?.receivedAt = now
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
        // Who cannot be dialled is of no use to others.
        let known = Set(connections.filter { !machine.isUnreachable($0.key) }.values.compactMap(\.listenAddress))
        for (key, connection) in connections where connection.capabilities.ids[.peerExchange] != nil {
            guard exchange.isDue(key, now: now, interval: interval),
                let change = exchange.difference(
                    for: key, known: known, own: connection.listenAddress, most: 50, now: now)
            else { continue }
            let added = change.added.compactMap { address in
                PeerEndpoint(address: address.host, port: address.port).map {
                    PeerExchange.Peer(endpoint: $0, flags: .reachable)
                }
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
        if MetadataMessage.length(ofPiece: piece, size: info.bytes.count) > 0 {
            connection.ask(.metadata(piece: piece))
        } else {
            connection.send(.extended(.metadata(.reject(piece: piece))))
        }
        if let key = connection.key { dirty.insert(key) }
    }

    /// BEP 52: hashes of a file's piece layer. Block hashes would take reading the file, and pieces verify without
    /// them.
    func serveHashes(_ request: HashRequest, _ connection: PeerConnection) {
        if request.isWellFormed() {
            connection.ask(.hashes(request))
        } else {
            connection.send(.hashReject(request))
        }
        if let key = connection.key { dirty.insert(key) }
    }

    func answer(_ ask: PendingAnswers.Ask) -> Message {
        switch ask {
        case .metadata(let piece):
            let size = info.bytes.count
            let length = MetadataMessage.length(ofPiece: piece, size: size)
            guard length > 0 else { return .extended(.metadata(.reject(piece: piece))) }
            let start = info.bytes.startIndex + piece * MetadataMessage.pieceLength
            return .extended(
                .metadata(.data(piece: piece, totalSize: size, bytes: Array(info.bytes[start..<start + length]))))
        case .hashes(let request):
            let digests = layerHashes.answer(request, hashes: hashes, pieceLength: info.layout.pieceLength)
            return digests.map { .hashes(request, $0) } ?? .hashReject(request)
        }
    }

    func owesBlocks(_ connection: PeerConnection) -> Bool { connection.key.map { machine.owesBlocks($0) } ?? false }
}
