import PeerWire

/// Decides what to send to each peer in peer exchange messages (BEP 11), when, and how often to accept them from a
/// peer.
///
/// Addresses are sent in the order of the connections, so that a simulation is repeatable.
///
/// A peer gets each reachable address once, never its own, and each address that has been dropped. The ledger grows
/// with the number of connections, not with what peers send.
package struct ExchangeLedger<Address: Hashable & Sendable>: Sendable {
    /// Seconds between the first and the second message to a peer: by then all peers that started together are
    /// connected.
    private let second = 3.0
    /// Number of messages accepted from a peer at any interval.
    private let early = 3
    /// Seconds between later messages to a peer.
    private let interval: Double
    /// Minimum seconds between messages accepted from a peer.
    private let leastInterval: Double
    /// Maximum number of added addresses in a message, and of dropped ones.
    private let most: Int

    private struct Talk {
        var told: Set<Address> = []
        /// The same addresses, the oldest first.
        var order: [Address] = []
        var sent = 0
        var sentAt = -Double.infinity
        var received = 0
        var receivedAt = -Double.infinity
    }

    /// Whether some peer has connected to us, so that other peers can.
    package var hasIncoming = false
    private var talks: [PeerKey: Talk] = [:]

    package init(
        interval: Double = WireLimits.default.peerExchangeInterval,
        leastInterval: Double = WireLimits.default.leastPeerExchangeInterval, most: Int = 50
    ) {
        self.interval = interval
        self.leastInterval = leastInterval
        self.most = most
    }

    /// An open connection.
    package struct Peer: Sendable {
        package var key: PeerKey
        /// The address on which the peer listens; nil while unknown.
        package var address: Address?
        /// False for a peer that could not be dialled: its address is of no use to others.
        package var isReachable: Bool
        /// Whether the peer supports peer exchange.
        package var listens: Bool

        package init(key: PeerKey, address: Address?, isReachable: Bool = true, listens: Bool = true) {
            self.key = key
            self.address = address
            self.isReachable = isReachable
            self.listens = listens
        }
    }

    package struct Change: Sendable {
        package let added: [Address]
        package let dropped: [Address]
    }

    package mutating func forget(_ key: PeerKey) { talks[key] = nil }

    /// Call about once a second, with all open connections.
    /// - Returns: the messages to send now. They count as sent.
    package mutating func messages(to peers: [Peer], now: Double) -> [(to: PeerKey, change: Change)] {
        let order = peers.filter(\.isReachable).compactMap(\.address)
        let known = Set(order)
        var messages: [(to: PeerKey, change: Change)] = []
        for peer in peers where peer.listens && isDue(peer.key, now: now) {
            guard let change = difference(for: peer.key, known: known, order: order, own: peer.address, now: now) else {
                continue
            }
            messages.append((peer.key, change))
        }
        return messages
    }

    package func isDue(_ key: PeerKey, now: Double) -> Bool {
        guard let talk = talks[key] else { return true }
        return now - talk.sentAt >= (talk.sent == 1 ? second : interval)
    }

    /// - Returns: the addresses to add and drop for this peer, which listens at `own`; nil if there are none.
    package mutating func difference(
        for key: PeerKey, known: Set<Address>, order: [Address], own: Address?, now: Double
    ) -> Change? {
        var talk = talks[key] ?? Talk()
        var added: [Address] = []
        for address in order where address != own && added.count < most {
            // Two connections may have the same address.
            if talk.told.insert(address).inserted { added.append(address) }
        }
        let dropped = Array(talk.order.lazy.filter { !known.contains($0) }.prefix(most))
        guard !added.isEmpty || !dropped.isEmpty else { return nil }
        talk.sent += 1
        talk.sentAt = now
        talk.order.append(contentsOf: added)
        guard !dropped.isEmpty else {
            talks[key] = talk
            return Change(added: added, dropped: [])
        }
        talk.told.subtract(dropped)
        talk.order.removeAll { !talk.told.contains($0) }
        talks[key] = talk
        return Change(added: added, dropped: dropped)
    }

    /// Whether to accept a message now. Peers may send one a minute, and a few more at the beginning.
    package mutating func mayReceive(from key: PeerKey, now: Double) -> Bool {
        let talk = talks[key] ?? Talk()
        guard talk.received < early || now - talk.receivedAt >= leastInterval else { return false }
        talks[key, default: Talk()].received += 1
        talks[key]?.receivedAt = now
        return true
    }
}
