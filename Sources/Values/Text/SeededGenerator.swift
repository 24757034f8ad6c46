/// SplitMix64 (Steele, Lea, Flood 2014): the same numbers for the same seed, so that a simulation or a failed test can be
/// run again. Not for secrets: those come from `SystemRandomNumberGenerator`, which asks the kernel.
@frozen
public struct SeededGenerator: RandomNumberGenerator, Sendable {
    @usableFromInline var state: UInt64

    @inlinable
    public init(seed: UInt64) { state = seed }

    @inlinable
    public mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }

    /// From 0 up to `bound`, which it leaves out; 0 for a bound under 2. For bounds up to 2^32. The bias is below
    /// 2^-32.
    @inlinable @inline(__always)
    public mutating func below(_ bound: Int) -> Int {
        guard bound > 1 else { return 0 }
        return Int(((next() >> 32) &* UInt64(truncatingIfNeeded: bound)) >> 32)
    }
}
