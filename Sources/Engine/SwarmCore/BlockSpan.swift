import PeerWire

/// The unit of request that every BitTorrent client serves, in bytes (BEP 3).
public let blockLength = 16 * 1024

/// Some bytes of one piece: one block of 16 KiB (the last of a piece may be shorter), or a run of several for a peer
/// that has said it takes longer requests.
public struct BlockSpan: Hashable, Sendable {
    /// Below the torrent's piece count.
    public let piece: Int
    /// Bytes from the start of the piece.
    public let begin: Int
    /// Bytes, at least 1.
    public let length: Int

    /// ``blockLength``, for those who have a member of that name.
    static let standardLength = blockLength

    public init(piece: Int, begin: Int, length: Int) {
        self.piece = piece
        self.begin = begin
        self.length = length
    }
}

/// Names a connection to a peer within one ``SwarmMachine``, never used twice.
public struct PeerKey: Hashable, Sendable {
    /// Small: those who are connected have different ones, and that of one who has gone is used again.
    public let slot: Int32
    let generation: UInt32

    /// An order that means nothing, for what must come out the same in every run.
    static func isBefore(_ first: PeerKey, _ second: PeerKey) -> Bool {
        (first.slot, first.generation) < (second.slot, second.generation)
    }
}

extension BlockSpan {
    /// As a request names it on the wire.
    public var wire: BlockRequest {
        BlockRequest(
            index: UInt32(truncatingIfNeeded: piece), begin: UInt32(truncatingIfNeeded: begin),
            length: UInt32(truncatingIfNeeded: length))
    }
}
