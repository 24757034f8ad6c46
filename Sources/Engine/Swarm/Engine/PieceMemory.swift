import Storage

/// Memory of the pieces that are being received.
struct PieceMemory {
    private var buffers: [Int: PieceBuffer] = [:]
    private var memories: [Int: BlockMemory] = [:]
    private let pool: PieceBufferPool

    /// - Parameter capacity: maximum number of bytes.
    init(capacity: Int) { pool = PieceBufferPool(capacity: capacity) }

    /// Where blocks of an open piece go.
    subscript(piece: Int) -> BlockMemory? { memories[piece] }

    /// The bytes of an open piece.
    func buffer(of piece: Int) -> PieceBuffer? { buffers[piece] }

    /// - Returns: nil if there is no memory.
    mutating func open(_ piece: Int, length: Int) -> PieceBuffer? {
        guard let buffer = pool.take(length: length) else { return nil }
        buffers[piece] = buffer
        memories[piece] = BlockMemory(buffer)
        return buffer
    }

    mutating func close(_ piece: Int) {
        memories[piece] = nil
        buffers[piece] = nil
    }
}
