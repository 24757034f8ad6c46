/// Peers that are served before others, and what the others get meanwhile.
struct Precedence: Sendable {
    /// Seconds between two looks at who goes first.
    static let period = 0.25
    /// Who has less than one in so many of our pieces has barely begun.
    static let begun = 8

    var first: [PeerKey] = []
    var seenAt = -Double.infinity
    var yielding: YieldingShare

    init(now: Double) { yielding = YieldingShare(now: now) }
}

/// Who goes first: peers that nobody can dial, since they have only those whom they dialled themselves, and peers that have
/// barely begun, since their uplinks idle until they have pieces to pass on. TCP alone gives those who come late little for
/// many seconds where older streams fill a line. See ``YieldingShare``.
extension SwarmMachine {
    /// Seconds for which the next block to a peer has to wait because others go first; 0 when it may go now.
    /// - Parameter bytes: its length.
    public mutating func precedenceDelay(to key: PeerKey, bytes: Int, now: Double) -> Double {
        guard !precedence.first.isEmpty, let peer = peers.place(of: key), !peers[peer].goesFirst, isContested else {
            return 0
        }
        return precedence.yielding.delay(for: bytes, now: now)
    }

    /// Whether nobody can dial a peer, as far as is known.
    public func isUnreachable(_ key: PeerKey) -> Bool {
        peers.place(of: key).map { peers[$0].traits.isUnreachable } ?? false
    }

    mutating func lookAtPrecedence(now: Double) {
        if now - precedence.seenAt >= Precedence.period {
            precedence.seenAt = now
            precedence.first.removeAll(keepingCapacity: true)
            for key in peers.keys {
                guard let peer = peers.place(of: key) else { continue }
                peers[peer].goesFirst = peers[peer].traits.isUnreachable || hasBarelyBegun(peer)
                if peers[peer].goesFirst { precedence.first.append(key) }
            }
        }
        guard !precedence.first.isEmpty || precedence.yielding.limit != nil else { return }
        precedence.yielding.look(isContested: isContested, now: now)
    }

    /// Whoever says that it has nothing goes first for no more than a beginning.
    private func hasBarelyBegun(_ peer: PeerTable.Place) -> Bool {
        let few = have.count / Precedence.begun
        return peers[peer].isInterested && !peers[peer].countsAsFull && peers[peer].holdings.count < few
            && peers[peer].uploadMeter.total <= Int64(few) * Int64(layout.pieceLength)
    }

    /// Somebody who goes first waits for blocks. What is given out one by one goes to everybody alike.
    private var isContested: Bool {
        guard !isDispatching else { return false }
        return precedence.first.contains { key in peers.place(of: key).map { peers[$0].uploadCount > 0 } ?? false }
    }
}
