/// SipHash (Aumasson and Bernstein): a fast keyed hash whose values cannot be predicted without the key.
///
/// The 2-4 variant makes connection ids (a MAC of a few words); the 1-3 variant places untrusted keys in hash tables.
/// The input is three 64-bit words, which is all the tracker needs. For such input the values equal those of the
/// reference implementation for the same 24 bytes in little-endian order.
@frozen
public struct SipHash: Sendable {
    @usableFromInline let key0: UInt64
    @usableFromInline let key1: UInt64

    @inlinable
    public init(key0: UInt64, key1: UInt64) {
        self.key0 = key0
        self.key1 = key1
    }

    /// With a key from the operating system's random source.
    public static func random() -> SipHash {
        var source = SystemRandomNumberGenerator()
        return SipHash(key0: source.next(), key1: source.next())
    }

    /// SipHash-2-4: a message authentication code.
    @inlinable
    public func mac(_ a: UInt64, _ b: UInt64, _ c: UInt64) -> UInt64 {
        var state = State(key0, key1)
        state.absorb2(a)
        state.absorb2(b)
        state.absorb2(c)
        state.absorb2(24 << 56)
        state.v2 ^= 0xff
        state.round()
        state.round()
        state.round()
        state.round()
        return state.v0 ^ state.v1 ^ state.v2 ^ state.v3
    }

    /// SipHash-1-3: a position in a hash table that an attacker cannot choose.
    @inlinable @inline(__always)
    public func hash(_ a: UInt64, _ b: UInt64, _ c: UInt64) -> UInt64 {
        var state = State(key0, key1)
        state.absorb1(a)
        state.absorb1(b)
        state.absorb1(c)
        state.absorb1(24 << 56)
        state.v2 ^= 0xff
        state.round()
        state.round()
        state.round()
        return state.v0 ^ state.v1 ^ state.v2 ^ state.v3
    }

    /// SipHash-1-3 of one word.
    @inlinable @inline(__always)
    public func hash(_ a: UInt64) -> UInt64 {
        var state = State(key0, key1)
        state.absorb1(a)
        state.absorb1(8 << 56)
        state.v2 ^= 0xff
        state.round()
        state.round()
        state.round()
        return state.v0 ^ state.v1 ^ state.v2 ^ state.v3
    }

    @frozen @usableFromInline
    struct State {
        @usableFromInline var v0: UInt64
        @usableFromInline var v1: UInt64
        @usableFromInline var v2: UInt64
        @usableFromInline var v3: UInt64

        @inlinable @inline(__always)
        init(_ key0: UInt64, _ key1: UInt64) {
            v0 = key0 ^ 0x736f_6d65_7073_6575
            v1 = key1 ^ 0x646f_7261_6e64_6f6d
            v2 = key0 ^ 0x6c79_6765_6e65_7261
            v3 = key1 ^ 0x7465_6462_7974_6573
        }

        @inlinable @inline(__always)
        mutating func absorb1(_ word: UInt64) {
            v3 ^= word
            round()
            v0 ^= word
        }

        @inlinable @inline(__always)
        mutating func absorb2(_ word: UInt64) {
            v3 ^= word
            round()
            round()
            v0 ^= word
        }

        @inlinable @inline(__always)
        static func rotated(_ value: UInt64, _ bits: UInt64) -> UInt64 { value &<< bits | value &>> (64 &- bits) }

        @inlinable @inline(__always)
        mutating func round() {
            v0 = v0 &+ v1
            v1 = State.rotated(v1, 13) ^ v0
            v0 = State.rotated(v0, 32)
            v2 = v2 &+ v3
            v3 = State.rotated(v3, 16) ^ v2
            v0 = v0 &+ v3
            v3 = State.rotated(v3, 21) ^ v0
            v2 = v2 &+ v1
            v1 = State.rotated(v1, 17) ^ v2
            v2 = State.rotated(v2, 32)
        }
    }
}
