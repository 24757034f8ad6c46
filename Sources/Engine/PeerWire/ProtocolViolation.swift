/// What a peer did that no correct peer does. The connection is to be closed; nothing of the message was used.
public enum ProtocolViolation: Error, Sendable, Hashable {
    /// The first bytes are not those of a BitTorrent handshake (BEP 3). It may be another protocol, or encryption.
    case notBitTorrent
    /// A length prefix over what messages of this kind may have; refused before anything is allocated for it.
    case tooLong(message: MessageKind?, length: Int, limit: Int)
    /// A message of a kind that has one exact length came with another.
    case wrongLength(message: MessageKind, length: Int)
    /// A message of the fast extension from a peer that did not offer it (BEP 6).
    case fastNotOffered(message: MessageKind)
    /// A bitfield with bits set past the last piece (BEP 3).
    case spareBits
    /// A piece index that the content does not have.
    case pieceOutOfRange(message: MessageKind, index: UInt32)
    /// A block that is empty or leaves its piece.
    case blockOutOfRange(message: MessageKind, BlockRequest)
    /// A block longer than `WireLimits.longestBlock`.
    case blockTooLong(message: MessageKind, length: UInt32, limit: Int)
    /// Piece data before we knew the metadata, and so before we can have asked for any.
    case unexpectedPiece
    /// A hashes message whose numbers contradict each other or its length (BEP 52).
    case malformedHashes
    /// The bencoding of an extended message is broken or lacks what the message needs (BEP 9, 10, 11).
    case malformedExtension(ExtensionName?)
}

extension ProtocolViolation: CustomStringConvertible {
    /// For logs: one line without anything the peer chose but numbers.
    public var description: String {
        switch self {
        case .notBitTorrent:
            "the peer does not speak plain BitTorrent (other protocol, or encryption, which is not supported)"
        case .tooLong(let kind, let length, let limit):
            "the peer announced \(name(kind)) of \(length) bytes where \(limit) are allowed"
        case .wrongLength(let kind, let length): "the peer sent \(name(kind)) of the wrong length \(length)"
        case .fastNotOffered(let kind): "the peer sent \(name(kind)) without offering the fast extension"
        case .spareBits: "the peer sent a bitfield with bits set past the last piece"
        case .pieceOutOfRange(let kind, let index):
            "the peer sent \(name(kind)) for piece \(index), which does not exist"
        case .blockOutOfRange(let kind, let block):
            "the peer sent \(name(kind)) for a block outside of its piece: \(block)"
        case .blockTooLong(let kind, let length, let limit):
            "the peer sent \(name(kind)) for a block of \(length) bytes where \(limit) are allowed"
        case .unexpectedPiece: "the peer sent piece data that was never asked for"
        case .malformedHashes: "the peer sent a hashes message that contradicts itself"
        case .malformedExtension(let name):
            "the peer sent a malformed extension message (\(name?.rawValue ?? "handshake"))"
        }
    }

    private func name(_ kind: MessageKind?) -> String { kind.map { "a message '\($0)'" } ?? "a message" }
}
