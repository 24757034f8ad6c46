/// When bytes last arrived. Seconds of the loop's clock.
struct Arrivals {
    /// The last useful byte from any source.
    var last: Double
    /// The last useful byte from a peer, and the time since which pieces are requested from peers.
    private var lastFromPeer = -Double.infinity
    private var peersActiveSince = -Double.infinity

    init(now: Double) { last = now }

    mutating func fromPeer(_ now: Double) { (last, lastFromPeer) = (now, now) }

    mutating func peersAreActive(_ now: Double) { peersActiveSince = now }

    /// Seconds for which peers have sent nothing that they were asked for.
    func silenceOfPeers(_ now: Double) -> Double { max(0, now - max(lastFromPeer, peersActiveSince)) }
}
