/// A range of a piece, as in requests, cancels and rejects (BEP 3).
public struct BlockRequest: Sendable, Hashable, CustomStringConvertible {
    /// Piece index.
    public var index: UInt32
    /// Offset in the piece, in bytes.
    public var begin: UInt32
    /// Length in bytes.
    public var length: UInt32

    public init(index: UInt32, begin: UInt32, length: UInt32) {
        self.index = index
        self.begin = begin
        self.length = length
    }

    public var description: String { "piece \(index), bytes \(begin) to \(UInt64(begin) + UInt64(length))" }
}

/// The header of a piece message; `length` bytes of block data follow it.
public struct PieceHeader: Sendable, Hashable {
    /// Piece index.
    public var index: UInt32
    /// Offset in the piece, in bytes.
    public var begin: UInt32
    /// Bytes of payload after the header.
    public var length: UInt32

    public init(index: UInt32, begin: UInt32, length: UInt32) {
        self.index = index
        self.begin = begin
        self.length = length
    }

    /// The block as a request names it, for finding the outstanding request.
    public var block: BlockRequest { BlockRequest(index: index, begin: begin, length: length) }
}

/// The size of the content, for checking indices and offsets. Unknown until the metadata is known.
public struct ContentBounds: Sendable, Hashable {
    public let pieceCount: Int
    /// Length of every piece except the last, in bytes. In v2 a piece that ends with its file may be shorter; the
    /// engine's layout knows these.
    public let pieceLength: Int
    public let lastPieceLength: Int

    /// - Precondition: values of checked metadata; none is negative.
    public init(pieceCount: Int, pieceLength: Int, lastPieceLength: Int) {
        self.pieceCount = pieceCount
        self.pieceLength = pieceLength
        self.lastPieceLength = lastPieceLength
    }

    /// Length in bytes of a bitfield over these pieces.
    public var bitfieldLength: Int { (pieceCount + 7) / 8 }

    /// - Throws: `ProtocolViolation.wrongLength` or `.spareBits`, unless these are the bits of a set of these pieces.
    public func check(bitfield bytes: [UInt8]) throws(ProtocolViolation) {
        guard bytes.count == bitfieldLength else {
            throw .wrongLength(message: .bitfield, length: bytes.count + 1)
        }
        if let last = bytes.last, pieceCount % 8 != 0, last << (pieceCount % 8) != 0 { throw .spareBits }
    }

    func contains(_ index: UInt32) -> Bool { Int(index) < pieceCount }

    func contains(_ block: BlockRequest) -> Bool {
        guard contains(block.index), block.length > 0 else { return false }
        let length = Int(block.index) == pieceCount - 1 ? lastPieceLength : pieceLength
        return Int(block.begin) + Int(block.length) <= length
    }
}
