/// Further connections to a peer.
extension SwarmMachine {
    /// Sets the number of connections that carry the peer's blocks, including the first.
    public mutating func setConnectionCount(_ count: Int, of key: PeerKey) {
        guard swarm.peers[key] != nil else { return }
        if swarm.peers[key]?.further == nil { swarm.peers[key]?.further = FurtherConnectionsState() }
        swarm.peers[key]?.further?.count = max(1, count)
    }

    /// - Parameter roundTrip: minimum round trip of a long path in seconds; 0 for a path that is not long.
    public mutating func setLongRoundTrip(_ roundTrip: Double, of key: PeerKey) {
        guard swarm.peers[key] != nil else { return }
        swarm.peers[key]?.traits.longRoundTrip = roundTrip
        if roundTrip > 0 {
            planner.open.mostBytes = min(
                planner.open.limit, swarm.configuration.openBytes + swarm.configuration.openBytesOnLongPath)
        }
        swarm.peers[key]?.window.expect(roundTrip: roundTrip)
    }

    /// Limits the bytes of open pieces from now on; those that are open stay so. One piece is always allowed.
    public mutating func setOpenBytes(_ most: Int) {
        planner.open.limit = most
        planner.open.mostBytes = most
    }

    /// Call when a further connection to the peer was lost, and with it some blocks in flight.
    /// - Parameter receiving: the block that was arriving over it.
    public mutating func connectionLost(_ key: PeerKey, receiving: BlockSpan?, now: Double) {
        guard let peer = swarm.peers[key], peer.further != nil else { return }
        if let receiving, let request = peer.outstanding.first(where: { $0.span == receiving }) {
            planner.drop(request, of: key, &swarm)
            planner.refillAll(&swarm, &sites, now: now)
        }
        // Losses at about the same time count as one.
        if let last = peer.further?.losses.last, now - last.at < 0.5 { swarm.peers[key]?.further?.losses.removeLast() }
        swarm.peers[key]?.further?.losses.append(
            FurtherConnectionsState.Loss(at: now, dueAt: now + FurtherConnectionsState.grace))
        if let count = swarm.peers[key]?.further?.losses.count, count > 16 {
            swarm.peers[key]?.further?.losses.removeFirst()
        }
    }
}
