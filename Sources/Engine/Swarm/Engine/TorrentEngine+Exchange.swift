import Address
import Hashing
import Metainfo
import PeerWire
import Reactor
import SwarmCore
import Tracking

/// Peer exchange, and requests of peers for metadata and hashes.
extension TorrentEngine {
    func exchangePeers(_ now: Double) {
        guard !info.isPrivate else { return }
        let peers = connections.map { key, connection in
            ExchangeLedger<PeerAddress>.Peer(
                key: key, address: connection.listenAddress, isReachable: !machine.isUnreachable(key),
                listens: connection.capabilities.ids[.peerExchange] != nil)
        }
        for (key, change) in exchange.messages(to: peers, now: now) {
            let added = change.added.map { PeerExchange.Peer(endpoint: $0, flags: .reachable) }
            connections[key]?.send(.extended(.peerExchange(PeerExchange(added: added, dropped: change.dropped))))
            dirty.insert(key)
        }
    }

    func learn(_ message: PeerExchange, _ connection: PeerConnection, _ key: PeerKey) {
        guard !info.isPrivate, exchange.mayReceive(from: key, now: context.loop.now) else { return }
        let filter = PeerAddressFilter().trusting(source: connection.address)
        let addresses = message.added.prefix(WireLimits.default.mostExchangedPeers).map(\.endpoint)
        known.book.learn(filter.filter(addresses), from: .exchange)
    }

    /// BEP 9: sends the info dictionary to peers that have only a magnet link.
    func serveMetadata(_ message: MetadataMessage, _ connection: PeerConnection) {
        guard case .request(let piece) = message else { return }
        if MetadataMessage.length(ofPiece: piece, size: info.bytes.count) > 0 {
            connection.ask(.metadata(piece: piece))
        } else {
            connection.send(.extended(.metadata(.reject(piece: piece))))
        }
        if let key = connection.key { dirty.insert(key) }
    }

    /// BEP 52: sends hashes of a file's piece layer. Block hashes would require reading the file, and pieces can be
    /// verified without them.
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
