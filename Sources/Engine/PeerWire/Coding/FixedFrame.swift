/// The frame that is sent for every block, written straight into a send buffer: no array, no heap.
public enum FixedFrame {
    /// Length prefix, id, index and begin of a piece message: what comes before the block's bytes.
    public static let pieceHeaderLength = 13

    /// - Precondition: `buffer` has room for ``pieceHeaderLength``. It is the caller's own buffer; a peer has no say in it.
    /// - Returns: the number of bytes written at the start of `buffer`.
    @discardableResult
    public static func pieceHeader(_ header: PieceHeader, into buffer: UnsafeMutableRawBufferPointer) -> Int {
        precondition(buffer.count >= pieceHeaderLength, "no room for a piece header")
        put(9 &+ header.length, at: 0, buffer)
        buffer[4] = MessageKind.piece.rawValue
        put(header.index, at: 5, buffer)
        put(header.begin, at: 9, buffer)
        return pieceHeaderLength
    }

    @inline(__always)
    private static func put(_ value: UInt32, at offset: Int, _ buffer: UnsafeMutableRawBufferPointer) {
        buffer.storeBytes(of: value.bigEndian, toByteOffset: offset, as: UInt32.self)
    }
}
