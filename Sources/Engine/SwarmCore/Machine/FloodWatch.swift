import PeerWire

/// Bounds the work that what peers send may cause, and names the peer that sends without end what says nothing.
struct FloodWatch: Sendable {
    var looks = LookBudget()
    /// Peer that is to be closed and banned at once. What else it sent is not to be looked at.
    var flooder: PeerKey?

    /// - Returns: the flooder, once.
    @inline(__always)
    mutating func takeFlooder() -> PeerKey? {
        guard flooder != nil else { return nil }
        defer { flooder = nil }
        return flooder
    }
}
