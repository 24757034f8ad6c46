import Hashing
import Metainfo
import PeerWire
import SwarmCore

/// Decides what metadata to request from which peer before pieces can be downloaded: the info dictionary (BEP 9), then
/// piece layers if needed (BEP 52). Pure: takes events and returns actions.
///
/// Invariant: layers are requested only after the info dictionary is known.
struct MetadataAcquisition {
    typealias Peer = ObjectIdentifier

    enum Action {
        case send(Peer, Message)
        /// Requested metadata arrived from this peer.
        case progressed(Peer)
        /// The peer sent metadata that does not verify.
        case ban(Peer)
        /// Verify on a worker thread, see ``MetadataWork``; then call ``judged(_:open:now:)``.
        case judge([[UInt8]])
        /// Add on a worker thread; then call ``added(_:)``.
        case add(MetadataWork.Layers, to: PieceHashes)
        case finished(Info, PieceHashes)
        case failed(TransferError)
    }

    private var metadata = MetadataFetch<Peer>()
    /// The info dictionary, with the layers that came with it.
    private var known: (info: Info, hashes: PieceHashes)?
    private var layers: MetadataWork.Layers?

    /// - Parameter torrent: a torrent with a known info dictionary, which lacks only layers; nil for a magnet link.
    init(_ torrent: Torrent?) { known = torrent.map { ($0.info, $0.pieceHashes) } }

    var isInfoKnown: Bool { known != nil }

    /// Call a few times a second, and when metadata has arrived.
    /// - Parameter open: peers that can be asked.
    mutating func ask(open: some Sequence<Peer>, now: Double) -> [Action] {
        guard known == nil else { return askForLayers(of: open, now: now) }
        return metadata.next(now: now).compactMap { step in
            if case .request(let peer, let chunk) = step {
                .send(peer, .extended(.metadata(.request(piece: chunk))))
            } else {
                nil
            }
        }
    }

    mutating func opened(_ peer: Peer, now: Double) -> [Action] {
        known == nil ? [] : askForLayers(of: CollectionOfOne(peer), now: now)
    }

    private mutating func askForLayers(of peers: some Sequence<Peer>, now: Double) -> [Action] {
        (layers?.next(peers: peers, now: now) ?? []).map { .send($0.peer, .hashRequest($0.request)) }
    }

    /// A peer advertises an info dictionary of this many bytes.
    mutating func offered(by peer: Peer, size: Int) { metadata.offered(by: peer, size: size) }

    mutating func left(_ peer: Peer) {
        metadata.removePeer(peer)
        layers?.removePeer(peer)
    }

    mutating func received(chunk: Int, _ bytes: [UInt8], from peer: Peer) -> [Action] {
        let before = metadata.chunksTaken
        let step = metadata.received(chunk: chunk, data: bytes, from: peer)
        var actions: [Action] = metadata.chunksTaken == before ? [] : [.progressed(peer)]
        if case .complete(let chunks)? = step { actions.append(.judge(chunks)) }
        return actions
    }

    mutating func rejected(chunk: Int, by peer: Peer, now: Double) {
        metadata.rejected(by: peer, chunk: chunk, now: now)
    }

    mutating func received(_ request: HashRequest, _ digests: [SHA256Digest], from peer: Peer, now: Double) -> [Action]
    {
        switch layers?.received(request, digests, from: peer) {
        case .wrong: return [.ban(peer)]
        case .unexpected, nil: return []
        case .accepted: break
        }
        guard layers?.isComplete == true, let known, let whole = layers.take() else {
            return [.progressed(peer)] + askForLayers(of: CollectionOfOne(peer), now: now)
        }
        return [.progressed(peer), .add(whole, to: known.hashes)]
    }

    mutating func rejected(_ request: HashRequest, by peer: Peer, now: Double) {
        layers?.rejected(request, by: peer, now: now)
    }

    /// - Parameter open: peers that can be asked.
    mutating func judged(_ verdict: MetadataWork.Verdict, open: some Sequence<Peer>, now: Double) -> [Action] {
        switch verdict {
        case .wrong:
            let liar = metadata.judged(isRight: false)
            return (liar.map { [.ban($0)] } ?? []) + ask(open: open, now: now)
        case .unusable(let why): return [Self.unusable("what the link describes is not usable: \(why)")]
        case .usable(let info, let hashes, let layers):
            known = (info, hashes)
            self.layers = layers
            return layers == nil ? [.finished(info, hashes)] : ask(open: open, now: now)
        }
    }

    func added(_ result: Result<PieceHashes, MetainfoError>) -> Action? {
        switch result {
        case .success(let hashes): known.map { .finished($0.info, hashes) }
        case .failure(let error): Self.unusable("piece layers do not verify: \(error)")
        }
    }

    private static func unusable(_ what: String) -> Action {
        .failed(TransferError(.verification, what, advice: "Ask whoever made the torrent to make it anew."))
    }
}
