import Storage

/// Where payload lands: a piece's buffer, or a block's own when another peer is sending the same block.
final class BlockMemory {
    let bytes: UnsafeMutableRawBufferPointer
    private let piece: PieceBuffer?

    /// A piece's buffer, given back to its pool when the last block lets go.
    init(_ piece: PieceBuffer) {
        self.piece = piece
        bytes = piece.bytes
    }

    /// Memory of its own.
    init(length: Int) {
        piece = nil
        bytes = .allocate(byteCount: length, alignment: 16)
    }

    deinit {
        if piece == nil { bytes.deallocate() }
    }
}

/// Memory into which one loop's sockets are read, shared by all of them in turn: an idle connection owns none.
final class ReceiveStaging {
    let bytes: UnsafeMutableRawBufferPointer

    init(length: Int) { bytes = .allocate(byteCount: length, alignment: 4096) }

    deinit { bytes.deallocate() }
}
