/// A bitfield (BEP 3): the high bit of the first byte is piece 0; spare bits at the end are zero.
public struct Bitfield: Sendable, Hashable {
    /// Exactly `(pieceCount + 7) / 8` bytes; spare bits are zero.
    public private(set) var bytes: [UInt8]
    public let pieceCount: Int

    /// An empty set.
    /// - Parameter pieceCount: zero or more.
    public init(pieceCount: Int) {
        self.pieceCount = max(pieceCount, 0)
        bytes = [UInt8](repeating: 0, count: (self.pieceCount + 7) / 8)
    }

    /// Decodes a received bitfield.
    /// - Throws: `ProtocolViolation.wrongLength` or `.spareBits`.
    public init(wire payload: [UInt8], pieceCount: Int) throws(ProtocolViolation) {
        guard pieceCount >= 0, payload.count == (pieceCount + 7) / 8 else {
            throw .wrongLength(message: .bitfield, length: payload.count + 1)
        }
        if let last = payload.last, pieceCount % 8 != 0, last << (pieceCount % 8) != 0 { throw .spareBits }
        self.pieceCount = pieceCount
        bytes = payload
    }

    /// Whether the set contains this piece. Out of range, setting does nothing and reading gives false.
    public subscript(_ index: Int) -> Bool {
        get {
            guard index >= 0, index < pieceCount else { return false }
            return bytes[index >> 3] & Self.mask(index) != 0
        }
        set {
            guard index >= 0, index < pieceCount else { return }
            if newValue { bytes[index >> 3] |= Self.mask(index) } else { bytes[index >> 3] &= ~Self.mask(index) }
        }
    }

    /// Number of pieces in the set.
    public var count: Int { bytes.reduce(0) { $0 + $1.nonzeroBitCount } }

    public var isComplete: Bool { count == pieceCount }

    /// The set of all pieces.
    public static func full(pieceCount: Int) -> Bitfield {
        var field = Bitfield(pieceCount: pieceCount)
        for index in field.bytes.indices { field.bytes[index] = 0xff }
        if let last = field.bytes.indices.last, field.pieceCount % 8 != 0 {
            field.bytes[last] = 0xff << (8 - UInt8(field.pieceCount % 8))
        }
        return field
    }

    private static func mask(_ index: Int) -> UInt8 { 0x80 >> UInt8(index & 7) }
}
