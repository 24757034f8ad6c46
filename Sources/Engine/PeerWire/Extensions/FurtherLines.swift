import Bencode

/// Says that its sender takes several connections from one peer for one: further ones carry blocks for the requests
/// that were made on the first, and nothing else.
///
/// Whoever got this opens one by a handshake (BEP 3) with ``id`` for a peer id. The id is secret between the two, and
/// another one for each peer, so that nobody else can join in.
public struct FurtherLines: Sendable, Hashable {
    /// The peer id of a further connection's handshake.
    public var id: PeerID
    /// Connections at a time, the first included. Decoded: 2 to `WireLimits.mostLines`; what says less is left out.
    public var most: Int

    public init(id: PeerID, most: Int) {
        self.id = id
        self.most = most
    }

    init?(_ fields: BencodeDictionary, limits: WireLimits) {
        guard let id = fields["id"]?.bytesValue.flatMap({ PeerID(bytes: $0) }),
            let most = fields["most"]?.integerValue, most > 1
        else { return nil }
        self.init(id: id, most: min(Int(clamping: most), limits.mostLines))
    }

    var fields: BencodeDictionary {
        var fields = BencodeDictionary()
        fields["id"] = .data(id.bytes)
        fields["most"] = .integer(Int64(most))
        return fields
    }
}
