import Hashing

/// One peer message, except piece data, which is a `PieceHeader` and a payload that never comes here.
///
/// The frequent kinds are plain numbers; the rare, large ones are boxed so that a `Message` stays small.
public enum Message: Sendable, Hashable {
    /// Nothing to say, still here: a length of zero (BEP 3).
    case keepAlive
    case choke
    case unchoke
    case interested
    case notInterested
    /// The sender has finished this piece.
    case have(UInt32)
    /// The pieces that the sender has: the high bit of the first byte is piece 0, spare bits at the end are zero. Before the metadata is known the size and the
    /// spare bits are unchecked: call `ContentBounds.check(bitfield:)` once it is.
    case bitfield([UInt8])
    case request(BlockRequest)
    case cancel(BlockRequest)
    /// The sender's DHT port (BEP 5). Swoop has no DHT and ignores it.
    case port(UInt16)
    /// The sender would like this piece to be asked for (BEP 6).
    case suggest(UInt32)
    case haveAll
    case haveNone
    /// The sender will not answer this request (BEP 6).
    case reject(BlockRequest)
    /// The sender answers requests for this piece even while it chokes (BEP 6).
    case allowedFast(UInt32)
    /// Hashes wanted. Anything may be in it: answer a reject unless `isWellFormed(limits:)` (BEP 52).
    indirect case hashRequest(HashRequest)
    /// Hashes of the base layer, then the proof's uncle hashes towards the root. Well-formed, and as many as it says.
    indirect case hashes(HashRequest, [SHA256Digest])
    indirect case hashReject(HashRequest)
    indirect case extended(ExtendedMessage)

    /// The message's id; nil for a keep-alive.
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

/// A message of an extension (BEP 10).
public enum ExtendedMessage: Sendable, Hashable {
    case handshake(ExtensionHandshake)
    /// BEP 9.
    case metadata(MetadataMessage)
    /// BEP 11.
    case peerExchange(PeerExchange)
    /// The sender wants nothing any more, or does again (BEP 21).
    case uploadOnly(Bool)
    /// The sender no longer has this piece (BEP 54).
    case dontHave(UInt32)
    /// `swoop_turn`, our own: the sender's line is free for one piece, this one or, if nil, one of the receiver's
    /// choice (four bytes, all ones for nil). The receiver asks for its blocks, or for nothing, and then says
    /// ``turnOver``.
    case turn(UInt32?)
    /// `swoop_turn` without a payload: all requests of the turn have gone before this.
    case turnOver
    /// `swoop_turn` with one byte: from now on the receiver asks when it is given a turn (1), or whenever it likes (0),
    /// as it does at first.
    case turns(Bool)
    /// `swoop_claim`, our own: the sender fetches this piece from outside its site, and the receiver, who stands at the
    /// same site, is to have it of him. Of two who claim one piece the one with the smaller number goes on. Eight
    /// bytes.
    case claim(piece: UInt32, number: UInt32)
}
