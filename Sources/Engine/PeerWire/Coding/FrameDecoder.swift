import Hashing

/// Splits received bytes into messages and checks each message against the limits, the handshake and the content.
///
/// The shell owns the receive buffer. It calls `next` with the unread bytes, removes `consumed` of them, and repeats
/// until `.needMore`. Block data does not pass through the decoder: after `.piece` the shell moves `length` bytes from
/// the buffer and the socket into a piece buffer and then continues here. Piece, have, request and other short messages
/// allocate nothing. A length is checked as soon as its four bytes (and the message id) have arrived.
public struct FrameDecoder: Sendable {
    /// The frame at the start of the unread bytes.
    public enum Frame: Sendable, Hashable {
        /// The frame is incomplete: call again when there are at least this many unread bytes.
        case needMore(atLeast: Int)
        /// A complete message.
        case message(Message, consumed: Int)
        /// The 13 bytes before block data; `header.length` bytes of data follow.
        case piece(PieceHeader, consumed: Int)
        /// Part or all of a message of an unknown kind. Never zero bytes.
        case skipped(consumed: Int)
    }

    public let limits: WireLimits
    /// Whether the peer offered the fast extension (Swoop always does).
    public let isFast: Bool
    /// Nil until the metadata is known.
    public private(set) var content: ContentBounds?

    /// `limits.longestMessage`, computed once.
    private let longestMessage: Int
    /// Whether a bitfield, have-all or have-none is still legal, and bytes left of an unknown message.
    private var bytesToSkip = 0

    /// - Parameters:
    ///   - peer: the reserved bits of the peer's handshake.
    ///   - content: nil while the metadata is unknown.
    public init(peer: ReservedBits, content: ContentBounds?, limits: WireLimits = .default) {
        self.limits = limits
        self.content = content
        longestMessage = limits.longestMessage
        isFast = peer.contains(.fast)
    }

    /// Decodes the frame at the start of `bytes`, the received bytes that have not been consumed.
    /// - Throws: `ProtocolViolation`: the caller must close the connection.
    public mutating func next(_ bytes: UnsafeRawBufferPointer) throws(ProtocolViolation) -> Frame {
        if bytesToSkip > 0 { return skip(bytes, from: 0) }
        guard bytes.count >= 4 else { return .needMore(atLeast: 4) }
        let length = Int(bytes.number(at: 0))
        guard length > 0 else { return .message(.keepAlive, consumed: 4) }
        guard length <= longestMessage else {
            throw .tooLong(message: nil, length: length, limit: longestMessage)
        }
        guard bytes.count >= 5 else { return .needMore(atLeast: 5) }
        guard let kind = MessageKind(rawValue: bytes[4]) else { return try beginSkip(bytes, length: length) }
        guard let exact = kind.exactLength else { return try nextOfVaryingLength(kind, length: length, bytes) }

        guard length == exact else { throw .wrongLength(message: kind, length: length) }
        if kind.needsFastExtension, !isFast { throw .fastNotOffered(message: kind) }
        guard bytes.count >= 4 + exact else { return .needMore(atLeast: 4 + exact) }
        return .message(try message(kind, bytes), consumed: 4 + exact)
    }

    /// Decodes a message of known length whose bytes have all arrived.
    private mutating func message(
        _ kind: MessageKind, _ bytes: UnsafeRawBufferPointer
    ) throws(ProtocolViolation) -> Message {
        switch kind {
        case .choke: return .choke
        case .unchoke: return .unchoke
        case .interested: return .interested
        case .notInterested: return .notInterested
        case .have:
            return .have(try index(of: kind, bytes))
        case .request:
            return .request(try block(of: kind, bytes))
        case .cancel: return .cancel(try block(of: kind, bytes))
        case .reject: return .reject(try block(of: kind, bytes))
        case .suggest: return .suggest(try index(of: kind, bytes))
        case .allowedFast: return .allowedFast(try index(of: kind, bytes))
        case .haveAll: return .haveAll
        case .haveNone: return .haveNone
        case .port: return .port(UInt16(bytes[5]) << 8 | UInt16(bytes[6]))
        case .hashRequest: return .hashRequest(try hashRequest(bytes))
        case .hashReject: return .hashReject(try hashRequest(bytes))
        case .bitfield, .piece, .extended, .hashes: throw .wrongLength(message: kind, length: 0)
        }
    }

    private mutating func nextOfVaryingLength(
        _ kind: MessageKind, length: Int, _ bytes: UnsafeRawBufferPointer
    ) throws(ProtocolViolation) -> Frame {
        switch kind {
        case .piece: return try piece(length: length, bytes)
        case .extended: return try extended(length: length, bytes)
        case .hashes: return try hashes(length: length, bytes)
        default: return try bitfield(length: length, bytes)
        }
    }

    private mutating func piece(length: Int, _ bytes: UnsafeRawBufferPointer) throws(ProtocolViolation) -> Frame {
        let limit = 9 + limits.longestBlock
        guard length <= limit else { throw .tooLong(message: .piece, length: length, limit: limit) }
        guard length > 9 else { throw .wrongLength(message: .piece, length: length) }
        guard let content else { throw .unexpectedPiece }
        guard bytes.count >= 13 else { return .needMore(atLeast: 13) }
        let header = PieceHeader(
            index: bytes.number(at: 5), begin: bytes.number(at: 9), length: UInt32(truncatingIfNeeded: length - 9))
        guard content.contains(header.index) else { throw .pieceOutOfRange(message: .piece, index: header.index) }
        guard content.contains(header.block) else { throw .blockOutOfRange(message: .piece, header.block) }
        return .piece(header, consumed: 13)
    }

    private mutating func bitfield(length: Int, _ bytes: UnsafeRawBufferPointer) throws(ProtocolViolation) -> Frame {
        if let content {
            guard length == 1 + content.bitfieldLength else { throw .wrongLength(message: .bitfield, length: length) }
        } else {
            let limit = 1 + (limits.mostPieces + 7) / 8
            guard length <= limit else { throw .tooLong(message: .bitfield, length: length, limit: limit) }
        }
        guard bytes.count >= 4 + length else { return .needMore(atLeast: 4 + length) }
        let payload = [UInt8](bytes[5..<(4 + length)])
        if let content { try content.check(bitfield: payload) }
        return .message(.bitfield(payload), consumed: 4 + length)
    }

    // MARK: Unknown messages

    private mutating func beginSkip(
        _ bytes: UnsafeRawBufferPointer, length: Int
    ) throws(ProtocolViolation) -> Frame {
        let limit = 1 + limits.longestUnknown
        guard length <= limit else { throw .tooLong(message: nil, length: length, limit: limit) }
        bytesToSkip = length
        return skip(bytes, from: 4)
    }

    mutating func skipExtended(_ bytes: UnsafeRawBufferPointer, length: Int) throws(ProtocolViolation) -> Frame {
        let limit = 2 + limits.longestUnknown
        guard length <= limit else { throw .tooLong(message: .extended, length: length, limit: limit) }
        bytesToSkip = length
        return skip(bytes, from: 4)
    }

    private mutating func skip(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Frame {
        guard bytes.count > start else { return .needMore(atLeast: start + 1) }
        let now = min(bytes.count - start, bytesToSkip)
        bytesToSkip -= now
        return .skipped(consumed: start + now)
    }
}
