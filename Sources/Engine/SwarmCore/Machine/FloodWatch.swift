import PeerWire

/// Bounds the work that peers' messages can cause, and detects a peer that floods us with useless messages.
struct FloodWatch: Sendable {
    var looks = LookBudget()
    /// A peer to disconnect and ban at once. Its remaining messages must not be processed.
    var flooder: PeerKey?

    /// - Returns: the flooding peer, once.
    @inline(__always)
    mutating func takeFlooder() -> PeerKey? {
        guard flooder != nil else { return nil }
        defer { flooder = nil }
        return flooder
    }
}
