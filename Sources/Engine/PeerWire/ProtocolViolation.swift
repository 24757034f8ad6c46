/// A violation of the protocol by a peer. The connection must be closed; nothing of the message was used.
public enum ProtocolViolation: Error, Sendable, Hashable {
    /// The first bytes are not a BitTorrent handshake (BEP 3). The connection may use another protocol, or encryption.
    case notBitTorrent
    /// A length prefix exceeds the limit for this kind of message. Refused before any memory is allocated for it.
    case tooLong(message: MessageKind?, length: Int, limit: Int)
    /// A message of a fixed length came with another length.
    case wrongLength(message: MessageKind, length: Int)
    /// A message of the fast extension from a peer that did not offer it (BEP 6).
    case fastNotOffered(message: MessageKind)
    /// A bitfield with bits set past the last piece (BEP 3).
    case spareBits
    /// A piece index that the content does not have.
    case pieceOutOfRange(message: MessageKind, index: UInt32)
    /// A block that is empty or not inside its piece.
    case blockOutOfRange(message: MessageKind, BlockRequest)
    /// A block longer than `WireLimits.longestBlock`.
    case blockTooLong(message: MessageKind, length: UInt32, limit: Int)
    /// Block data before the metadata is known: none can have been requested.
    case unexpectedPiece
    /// A hashes message whose fields contradict each other or its length (BEP 52).
    case malformedHashes
    /// An extended message with broken bencoding, or without a required field (BEP 9, 10, 11).
    case malformedExtension(ExtensionName?)
}

extension ProtocolViolation: CustomStringConvertible {
    /// One line for logs. Contains no data of the peer except numbers.
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
