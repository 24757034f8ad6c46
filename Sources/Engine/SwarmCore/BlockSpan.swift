import PeerWire

/// The block length that every BitTorrent client serves, in bytes (BEP 3).
public let blockLength = 16 * 1024

/// A range of one piece: one block of 16 KiB (the last block of a piece may be shorter), or several consecutive blocks,
/// for a peer that accepts longer requests.
public struct BlockSpan: Hashable, Sendable {
    /// Piece index, below the torrent's piece count.
    public let piece: Int
    /// Offset from the start of the piece, in bytes.
    public let begin: Int
    /// Length in bytes, at least 1.
    public let length: Int

    /// Equal to ``blockLength``, for types that have a member of that name.
    static let standardLength = blockLength

    public init(piece: Int, begin: Int, length: Int) {
        self.piece = piece
        self.begin = begin
        self.length = length
    }
}

/// Identifies a connection to a peer within one ``SwarmMachine``. Never reused.
public struct PeerKey: Hashable, Sendable {
    /// A small index. Connected peers have different slots; a slot is reused when its peer leaves.
    public let slot: Int32
    let generation: UInt32

    package init(slot: Int32, generation: UInt32) {
        self.slot = slot
        self.generation = generation
    }

    /// An arbitrary but fixed order, for results that must be the same in every run.
    static func isBefore(_ first: PeerKey, _ second: PeerKey) -> Bool {
        (first.slot, first.generation) < (second.slot, second.generation)
    }
}

extension BlockSpan {
    /// The block as a wire request.
    public var wire: BlockRequest {
        BlockRequest(
            index: UInt32(truncatingIfNeeded: piece), begin: UInt32(truncatingIfNeeded: begin),
            length: UInt32(truncatingIfNeeded: length))
    }
}
