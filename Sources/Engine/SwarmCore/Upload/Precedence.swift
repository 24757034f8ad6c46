import PeerWire

/// Peers that are served before others, and what the others get meanwhile.
///
/// First are peers that no other can dial, since they have only those that they dialled themselves, and peers that have
/// barely begun, since their uplinks idle until they have pieces to pass on. TCP alone gives late peers little for many
/// seconds where older streams fill an uplink. See ``YieldingShare``.
struct Precedence: Sendable {
    private enum Constant {
        /// Seconds between two looks at which peers go first.
        static let period = 0.25
        /// A peer that has less than one in so many of our pieces has barely begun.
        static let begun = 8
    }

    private(set) var first: [PeerKey] = []
    private var seenAt = -Double.infinity
    private var yielding: YieldingShare

    init(now: Double) { yielding = YieldingShare(now: now) }

    /// Seconds for which the next block to a peer has to wait because others go first; 0 when it may go now.
    /// - Parameter bytes: its length.
    mutating func delay(
        to key: PeerKey, bytes: Int, isDispatching: Bool, _ swarm: inout SwarmState, now: Double
    ) -> Double {
        guard !first.isEmpty, let peer = swarm.peers.place(of: key), !swarm.peers[peer].goesFirst,
            isContested(isDispatching, &swarm)
        else { return 0 }
        return yielding.delay(for: bytes, now: now)
    }

    mutating func sent(_ bytes: Int, goesFirst: Bool) {
        if !first.isEmpty { yielding.sent(bytes, goesFirst: goesFirst) }
    }

    /// Call a few times a second.
    mutating func look(isDispatching: Bool, _ swarm: inout SwarmState, now: Double) {
        if now - seenAt >= Constant.period {
            seenAt = now
            first.removeAll(keepingCapacity: true)
            for key in swarm.peers.keys {
                guard let peer = swarm.peers.place(of: key) else { continue }
                swarm.peers[peer].goesFirst =
                    swarm.peers[peer].traits.isUnreachable || hasBarelyBegun(peer, &swarm)
                if swarm.peers[peer].goesFirst { first.append(key) }
            }
        }
        guard !first.isEmpty || yielding.limit != nil else { return }
        yielding.look(isContested: isContested(isDispatching, &swarm), now: now)
    }

    /// A peer that says that it has nothing goes first for no more than a beginning.
    private func hasBarelyBegun(_ peer: PeerTable.Place, _ swarm: inout SwarmState) -> Bool {
        let few = swarm.have.count / Constant.begun
        return swarm.peers[peer].isInterested && !swarm.peers[peer].countsAsFull
            && swarm.peers[peer].holdings.count < few
            && swarm.peers[peer].uploadMeter.total <= Int64(few) * Int64(swarm.layout.pieceLength)
    }

    /// A peer that goes first waits for blocks. What is given out one by one goes to all peers alike.
    private func isContested(_ isDispatching: Bool, _ swarm: inout SwarmState) -> Bool {
        guard !isDispatching else { return false }
        for key in first {
            if let peer = swarm.peers.place(of: key), swarm.peers[peer].uploadCount > 0 { return true }
        }
        return false
    }
}
