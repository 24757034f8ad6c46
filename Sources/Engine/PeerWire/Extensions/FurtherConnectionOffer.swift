import Bencode

/// Advertises that the sender accepts several connections from one peer as one. Further connections carry only blocks
/// that answer requests of the first connection.
///
/// The receiver opens a further connection with a BEP 3 handshake whose peer id is ``id``. The id is secret between the
/// two hosts and different for each peer, so that no other host can join.
public struct FurtherConnectionOffer: Sendable, Hashable {
    /// The peer id for the handshake of a further connection.
    public var id: PeerID
    /// Maximum number of simultaneous connections, including the first. Decoded: 2 to `WireLimits.mostConnections`;
    /// smaller values are ignored.
    public var most: Int

    public init(id: PeerID, most: Int) {
        self.id = id
        self.most = most
    }

    init?(_ fields: BencodeDictionary, limits: WireLimits) {
        guard let id = fields["id"]?.bytesValue.flatMap({ PeerID(bytes: $0) }),
            let most = fields["most"]?.integerValue, most > 1
        else { return nil }
        self.init(id: id, most: min(Int(clamping: most), limits.mostConnections))
    }

    var fields: BencodeDictionary {
        var fields = BencodeDictionary()
        fields["id"] = .data(id.bytes)
        fields["most"] = .integer(Int64(most))
        return fields
    }
}
