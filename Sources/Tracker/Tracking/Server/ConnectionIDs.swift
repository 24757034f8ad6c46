/// Connection ids (BEP 15) without a table: a keyed MAC of the sender's address and the time.
///
/// An id proves that its sender has received a datagram at that address recently. So nobody can make the tracker send
/// peer lists to a victim, or announce for another host's address. The lowest byte is the window in which the id was
/// made; the other 56 bits are SipHash-2-4 with a key that lives as long as the process.
public struct ConnectionIDs: Sendable {
    /// Length of a window in seconds.
    static let windowSeconds: UInt64 = 30
    /// Number of later windows in which an id is valid: it lives 120 to 150 seconds (BEP 15 requires two minutes).
    static let laterWindows: UInt8 = 4

    private let hash: SipHash

    public init(hash: SipHash = .random()) {
        self.hash = hash
    }

    /// The current id for a sender. `high` and `low` are its address; an IPv4 address has `high` 0. `now` is in seconds
    /// of a monotonic clock.
    public func issue(high: UInt64, low: UInt64, now: UInt64) -> UInt64 {
        make(high, low, window: now / ConnectionIDs.windowSeconds)
    }

    /// Whether this sender was given `id` within the last two minutes.
    public func accepts(_ id: UInt64, high: UInt64, low: UInt64, now: UInt64) -> Bool {
        let current = now / ConnectionIDs.windowSeconds
        let age = UInt8(truncatingIfNeeded: current) &- UInt8(truncatingIfNeeded: id)
        guard age <= ConnectionIDs.laterWindows, current >= UInt64(age) else { return false }
        // Compares the whole number in one instruction, so that timing does not reveal how much of a guess is right.
        return make(high, low, window: current - UInt64(age)) ^ id == 0
    }

    private func make(_ high: UInt64, _ low: UInt64, window: UInt64) -> UInt64 {
        hash.mac(high, low, window) & ~0xff | UInt64(UInt8(truncatingIfNeeded: window))
    }
}
