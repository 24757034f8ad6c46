/// The frame header of a block, written directly into a send buffer without allocation.
public enum FixedFrame {
    /// Bytes before the block data of a piece message: length prefix, id, index and begin.
    public static let pieceHeaderLength = 13

    /// - Precondition: `buffer` has room for ``pieceHeaderLength``. The size does not depend on the peer.
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
