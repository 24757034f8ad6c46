import Address
import Text
import Tracking

/// Number of peers in the store for each source (an IPv4 address, an IPv6 /64), so that peers of a source with many are
/// evicted first.
///
/// Sources share a fixed number of counters, selected by a keyed hash: 256 KiB in all cases. A source that shares a
/// counter with a greedy source counts as greedy too. That affects one source in 65,536, and matters only when the
/// store is full.
///
/// Unsafe memory: counter numbers have 16 bits.
struct SourceCounts {
    private let counters: UnsafeMutablePointer<UInt32>
    private let key: UInt64
    private let factor: UInt64
    private static var bits: UInt64 { 16 }

    init(random: inout SeededGenerator) {
        let number = 1 << Int(SourceCounts.bits)
        counters = .allocate(capacity: number)
        counters.initialize(repeating: 0, count: number)
        key = random.next()
        factor = random.next() | 1
    }

    func deallocate() { counters.deallocate() }

    @inline(__always)
    private func counter(_ source: UInt64) -> UnsafeMutablePointer<UInt32> {
        let mixed = (source ^ key) &* factor
        return counters + Int(((mixed ^ mixed >> 29) &* factor) >> (64 - SourceCounts.bits))
    }

    @inline(__always)
    func add(_ step: Int, to source: UInt64) { counter(source).pointee &+= UInt32(truncatingIfNeeded: step) }

    @inline(__always)
    subscript(_ source: UInt64) -> Int { Int(counter(source).pointee) }
}

extension PeerAddress {
    /// The source of this address, as an endpoint computes it.
    var source: UInt64 { family == .ipv4 ? EndpointIPv4(self).source : EndpointIPv6(self).source }
}
