/// Connection ids of BEP 15 without a table of them: a keyed MAC of the sender's address and the time.
///
/// An id proves that its bearer has received a datagram at that address lately, so nobody can make the tracker send
/// peer lists to a victim, nor announce for an address that is not theirs. The lowest byte tells the window in which
/// the id was made, the other 56 bits are SipHash-2-4 under a key that lives as long as the process.
public struct ConnectionIDs: Sendable {
    /// Seconds of one window.
    static let windowSeconds: UInt64 = 30
    /// Windows an id is good for after its own: it lives 120 to 150 seconds (BEP 15 asks for two minutes).
    static let laterWindows: UInt8 = 4

    private let hash: SipHash

    public init(hash: SipHash = .random()) {
        self.hash = hash
    }

    /// The id for a sender now. `high` and `low` are its address; an IPv4 address has `high` 0. `now` is in seconds of
    /// a clock that does not go back.
    public func issue(high: UInt64, low: UInt64, now: UInt64) -> UInt64 {
        make(high, low, window: now / ConnectionIDs.windowSeconds)
    }

    /// True when this sender was given `id` within the last two minutes.
    public func accepts(_ id: UInt64, high: UInt64, low: UInt64, now: UInt64) -> Bool {
        let current = now / ConnectionIDs.windowSeconds
        let age = UInt8(truncatingIfNeeded: current) &- UInt8(truncatingIfNeeded: id)
        guard age <= ConnectionIDs.laterWindows, current >= UInt64(age) else { return false }
        // One machine comparison of the whole number: its time tells nothing about how much of a guess was right.
        return make(high, low, window: current - UInt64(age)) ^ id == 0
    }

    private func make(_ high: UInt64, _ low: UInt64, window: UInt64) -> UInt64 {
        hash.mac(high, low, window) & ~0xff | UInt64(UInt8(truncatingIfNeeded: window))
    }
}
