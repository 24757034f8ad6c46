import PeerWire

/// Peers that take precedence in uploads, and the share of the others.
///
/// Two kinds of peers take precedence: peers that accept no connections, because only peers that they dialled can serve
/// them, and peers that have few pieces, because their uplinks are idle until they have pieces to pass on. TCP alone
/// gives new peers little for many seconds while older streams fill an uplink. See ``YieldingShare``.
package struct Precedence: Sendable {
    private enum Constant {
        /// Seconds between two checks of which peers take precedence.
        static let period = 0.25
        /// A peer with less than one in this many of our pieces has barely begun.
        static let begun = 8
    }

    package private(set) var first: [PeerKey] = []
    private var seenAt = -Double.infinity
    private var yielding: YieldingShare

    init(now: Double) { yielding = YieldingShare(now: now) }

    /// Seconds for which the next block to a peer has to wait because other peers take precedence; 0 if it may be sent
    /// now.
    /// - Parameter bytes: length of the block.
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

    /// Whether the peer has few pieces. A peer that claims to have none takes precedence only until it was sent that
    /// many.
    private func hasBarelyBegun(_ peer: PeerTable.Place, _ swarm: inout SwarmState) -> Bool {
        let few = swarm.have.count / Constant.begun
        return swarm.peers[peer].isInterested && !swarm.peers[peer].countsAsFull
            && swarm.peers[peer].holdings.count < few
            && swarm.peers[peer].uploadMeter.total <= Int64(few) * Int64(swarm.layout.pieceLength)
    }

    /// Whether a peer with precedence is waiting for blocks. Dispatched pieces go to all peers alike.
    private func isContested(_ isDispatching: Bool, _ swarm: inout SwarmState) -> Bool {
        guard !isDispatching else { return false }
        for key in first {
            if let peer = swarm.peers.place(of: key), swarm.peers[peer].uploadCount > 0 { return true }
        }
        return false
    }
}
