import Hashing

/// A peer message, except for block data, which is a `PieceHeader` and a payload that is not decoded here.
///
/// The frequent kinds are plain numbers; the rare, large kinds are boxed so that a `Message` stays small.
public enum Message: Sendable, Hashable {
    /// Keeps an idle connection open: a message of length zero (BEP 3).
    case keepAlive
    case choke
    case unchoke
    case interested
    case notInterested
    /// The sender has this piece.
    case have(UInt32)
    /// The pieces that the sender has: the high bit of the first byte is piece 0, spare bits at the end are zero. Before the metadata is known the size and the
    /// spare bits are unchecked: call `ContentBounds.check(bitfield:)` once it is.
    case bitfield([UInt8])
    case request(BlockRequest)
    case cancel(BlockRequest)
    /// The sender's DHT port (BEP 5). Swoop has no DHT and ignores it.
    case port(UInt16)
    /// The sender suggests that the receiver request this piece (BEP 6).
    case suggest(UInt32)
    case haveAll
    case haveNone
    /// The sender will not answer this request (BEP 6).
    case reject(BlockRequest)
    /// The sender answers requests for this piece even while it chokes the receiver (BEP 6).
    case allowedFast(UInt32)
    /// A hash request. Its fields are unchecked: answer with a reject unless `isWellFormed(limits:)` (BEP 52).
    indirect case hashRequest(HashRequest)
    /// Hashes of the base layer, then the uncle hashes of the proof towards the root. Well-formed, with the right
    /// number of hashes.
    indirect case hashes(HashRequest, [SHA256Digest])
    indirect case hashReject(HashRequest)
    indirect case extended(ExtendedMessage)

    /// The message id; nil for a keep-alive.
    public var kind: MessageKind? {
        switch self {
        case .keepAlive: nil
        case .choke: .choke
        case .unchoke: .unchoke
        case .interested: .interested
        case .notInterested: .notInterested
        case .have: .have
        case .bitfield: .bitfield
        case .request: .request
        case .cancel: .cancel
        case .port: .port
        case .suggest: .suggest
        case .haveAll: .haveAll
        case .haveNone: .haveNone
        case .reject: .reject
        case .allowedFast: .allowedFast
        case .hashRequest: .hashRequest
        case .hashes: .hashes
        case .hashReject: .hashReject
        case .extended: .extended
        }
    }
}

/// An extended message (BEP 10).
public enum ExtendedMessage: Sendable, Hashable {
    case handshake(ExtensionHandshake)
    /// BEP 9.
    case metadata(MetadataMessage)
    /// BEP 11.
    case peerExchange(PeerExchange)
    /// Whether the sender no longer wants to download anything (BEP 21).
    case uploadOnly(Bool)
    /// The sender no longer has this piece (BEP 54).
    case dontHave(UInt32)
    /// `swoop_turn` (Swoop's own): an upload grant. The sender's uplink is free for one piece: this one, or one of the
    /// receiver's choice if nil (four bytes, all ones for nil). The receiver requests blocks of the piece, or none, and
    /// then sends ``grantOver``.
    case grant(UInt32?)
    /// `swoop_turn` without a payload: all requests that use the grant have been sent before this message.
    case grantOver
    /// `swoop_turn` with one byte. 1: from now on the receiver may request only with a grant. 0: it may request at any
    /// time, as at the start of a connection.
    case grants(Bool)
    /// `swoop_claim` (Swoop's own): the sender downloads this piece from outside its site. The receiver, at the same
    /// site, should get the piece from the sender. If two hosts claim one piece, the host with the smaller number
    /// continues. Eight bytes.
    case claim(piece: UInt32, number: UInt32)
    /// `swoop_lacks` (Swoop's own), from an agent to a registry's origin: the peers that have this piece have not delivered it for ten
    /// seconds. The origin may give it again.
    case lacks(UInt32)
}
