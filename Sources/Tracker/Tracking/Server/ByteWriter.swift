#if canImport(Glibc)
    import Glibc
#endif

/// Writes a response into memory that another object owns and reuses. Writing past the end only sets `isFull`.
///
/// Must not be shared between threads: a writer exists only within one call.
@frozen
public struct ByteWriter {
    @usableFromInline let base: UnsafeMutableRawPointer
    @usableFromInline let capacity: Int
    /// Bytes written so far.
    public private(set) var count = 0
    /// True if something did not fit. The output is then unusable.
    public private(set) var isFull = false

    /// `base` must stay valid, and not be used by others, for as long as the writer is used.
    public init(_ base: UnsafeMutableRawPointer, capacity: Int) {
        self.base = base
        self.capacity = capacity
    }

    /// Space for `length` more bytes; nil (and sets `isFull`) if there is none.
    private mutating func reserve(_ length: Int) -> UnsafeMutableRawPointer? {
        guard length >= 0, length <= capacity - count else {
            isFull = true
            return nil
        }
        defer { count += length }
        return base + count
    }

    public mutating func write(_ text: StaticString) {
        guard let target = reserve(text.utf8CodeUnitCount) else { return }
        target.copyMemory(from: text.utf8Start, byteCount: text.utf8CodeUnitCount)
    }

    public mutating func write(_ bytes: UnsafeRawBufferPointer) {
        guard let source = bytes.baseAddress, let target = reserve(bytes.count) else { return }
        target.copyMemory(from: source, byteCount: bytes.count)
    }

    public mutating func write(byte: UInt8) {
        reserve(1)?.storeBytes(of: byte, as: UInt8.self)
    }

    public mutating func write(bigEndian value: UInt32) {
        reserve(4)?.storeBytes(of: value.bigEndian, as: UInt32.self)
    }

    public mutating func write(bigEndian value: UInt64) {
        reserve(8)?.storeBytes(of: value.bigEndian, as: UInt64.self)
    }

    /// The number in decimal digits.
    public mutating func write(decimal value: UInt64) {
        var digits = 1
        var limit: UInt64 = 10
        while value >= limit {
            digits += 1
            let (next, overflow) = limit.multipliedReportingOverflow(by: 10)
            if overflow { break }
            limit = next
        }
        guard let target = reserve(digits) else { return }
        var rest = value
        for index in stride(from: digits - 1, through: 0, by: -1) {
            target.storeBytes(of: UInt8(truncatingIfNeeded: 0x30 + rest % 10), toByteOffset: index, as: UInt8.self)
            rest /= 10
        }
    }

    /// Overwrites `width` bytes that were written before, at `offset`, with a number, padded with spaces on the left. A
    /// number that is too wide, or a range that was not written, sets `isFull`.
    public mutating func fill(decimal value: Int, width: Int, at offset: Int) {
        guard value >= 0, offset >= 0, width > 0, offset <= count - width else {
            isFull = true
            return
        }
        var rest = value
        var position = offset + width
        repeat {
            guard position > offset else {
                isFull = true
                return
            }
            position -= 1
            base.storeBytes(of: UInt8(truncatingIfNeeded: 0x30 + rest % 10), toByteOffset: position, as: UInt8.self)
            rest /= 10
        } while rest > 0
        while position > offset {
            position -= 1
            base.storeBytes(of: 0x20, toByteOffset: position, as: UInt8.self)
        }
    }

    public mutating func write(decimal value: Int) { write(decimal: UInt64(max(0, value))) }

    /// A bencoded byte string.
    public mutating func write(bencoded bytes: UnsafeRawBufferPointer) {
        write(decimal: bytes.count)
        write(byte: 0x3a)
        write(bytes)
    }

    /// A bencoded byte string.
    public mutating func write(bencoded text: StaticString) {
        write(decimal: text.utf8CodeUnitCount)
        write(byte: 0x3a)
        write(text)
    }

    /// A bencoded dictionary key with its integer value.
    public mutating func write(key: StaticString, integer value: Int) {
        write(bencoded: key)
        write(byte: 0x69)
        write(decimal: value)
        write(byte: 0x65)
    }
}
