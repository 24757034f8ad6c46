import Storage

/// The memory that receives a block's payload: the piece's buffer, or separate memory if another peer is sending the
/// same block.
final class BlockMemory {
    let bytes: UnsafeMutableRawBufferPointer
    private let piece: PieceBuffer?

    /// A piece's buffer, returned to its pool when the last block releases it.
    init(_ piece: PieceBuffer) {
        self.piece = piece
        bytes = piece.bytes
    }

    /// Separate memory.
    init(length: Int) {
        piece = nil
        bytes = .allocate(byteCount: length, alignment: 16)
    }

    deinit {
        if piece == nil { bytes.deallocate() }
    }
}

/// Memory into which all sockets of one loop are read in turn, so that an idle connection needs none.
final class ReceiveStaging {
    let bytes: UnsafeMutableRawBufferPointer

    init(length: Int) { bytes = .allocate(byteCount: length, alignment: 4096) }

    deinit { bytes.deallocate() }
}
