/// The frames that are sent for every block, written straight into a send buffer: no array, no heap.
///
/// Each function returns the number of bytes it wrote at the start of `buffer`.
/// - Precondition (of each): `buffer` has room for that many. It is the caller's own buffer; a peer has no say in it.
public enum FixedFrame {
    /// Length prefix, id, index and begin of a piece message: what comes before the block's bytes.
    public static let pieceHeaderLength = 13
    /// A whole request, cancel or reject.
    public static let blockLength = 17
    /// A whole have.
    public static let haveLength = 9

    @discardableResult
    public static func pieceHeader(_ header: PieceHeader, into buffer: UnsafeMutableRawBufferPointer) -> Int {
        precondition(buffer.count >= pieceHeaderLength, "no room for a piece header")
        write(9 &+ header.length, .piece, header.index, buffer)
        put(header.begin, at: 9, buffer)
        return pieceHeaderLength
    }

    @discardableResult
    public static func request(_ block: BlockRequest, into buffer: UnsafeMutableRawBufferPointer) -> Int {
        write(.request, block, buffer)
    }

    @discardableResult
    public static func cancel(_ block: BlockRequest, into buffer: UnsafeMutableRawBufferPointer) -> Int {
        write(.cancel, block, buffer)
    }

    @discardableResult
    public static func reject(_ block: BlockRequest, into buffer: UnsafeMutableRawBufferPointer) -> Int {
        write(.reject, block, buffer)
    }

    @discardableResult
    public static func have(_ index: UInt32, into buffer: UnsafeMutableRawBufferPointer) -> Int {
        precondition(buffer.count >= haveLength, "no room for a have")
        write(5, .have, index, buffer)
        return haveLength
    }

    private static func write(
        _ kind: MessageKind, _ block: BlockRequest, _ buffer: UnsafeMutableRawBufferPointer
    ) -> Int {
        precondition(buffer.count >= blockLength, "no room for a block message")
        write(13, kind, block.index, buffer)
        put(block.begin, at: 9, buffer)
        put(block.length, at: 13, buffer)
        return blockLength
    }

    @inline(__always)
    private static func write(
        _ length: UInt32, _ kind: MessageKind, _ index: UInt32, _ buffer: UnsafeMutableRawBufferPointer
    ) {
        put(length, at: 0, buffer)
        buffer[4] = kind.rawValue
        put(index, at: 5, buffer)
    }

    @inline(__always)
    private static func put(_ value: UInt32, at offset: Int, _ buffer: UnsafeMutableRawBufferPointer) {
        buffer.storeBytes(of: value.bigEndian, toByteOffset: offset, as: UInt32.self)
    }
}
