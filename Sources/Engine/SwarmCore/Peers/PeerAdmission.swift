/// Decides whether a connection whose handshake is complete joins the torrent. Refuses connections of a host to itself
/// and of banned peers, and keeps one connection for each peer.
///
/// A peer is identified by its id at its host (an IPv4 address, or a /64). Any host can claim an id that it has heard,
/// so identifying peers by id alone would let an attacker displace another peer. Invariant: `keys` and `members` hold
/// the same connections, the latest one of each peer. The value grows with the connections that joined; its bans are
/// bounded.
package struct PeerAdmission<ID: Hashable & Comparable & Sendable, Host: Hashable & Sendable>: Sendable {
    package enum Verdict: Sendable, Equatable {
        case admitted
        /// Admitted after the older connection of the same peer, this one, is closed.
        case replaces(PeerKey)
        case banned
        /// The remote side is this host itself.
        case own
        /// The peer's older connection is kept.
        case duplicate
    }

    private struct Peer: Hashable, Sendable {
        let id: ID
        let host: Host
    }

    private struct Member: Sendable {
        let peer: Peer
        let isIncoming: Bool
    }

    private let own: ID
    private var bans = BanList<ID, Host>()
    private var keys: [Peer: PeerKey] = [:]
    private var members: [PeerKey: Member] = [:]

    /// - Parameter own: this host's peer id.
    package init(own: ID) { self.own = own }

    /// When two peers dial each other at the same time, both sides keep the connection that the larger peer id opened.
    /// The same id at another host is another peer.
    package func verdict(_ id: ID, at host: Host, isIncoming: Bool) -> Verdict {
        if id == own { return .own }
        if bans.isBanned(id, at: host) { return .banned }
        guard let key = keys[Peer(id: id, host: host)], let old = members[key] else { return .admitted }
        let ownIsLarger = id < own
        let isPreferred = isIncoming != ownIsLarger
        let wasPreferred = old.isIncoming != ownIsLarger
        return isPreferred && !wasPreferred ? .replaces(key) : .duplicate
    }

    /// Call when the connection was admitted, with its key.
    package mutating func joined(_ key: PeerKey, _ id: ID, at host: Host, isIncoming: Bool) {
        let peer = Peer(id: id, host: host)
        keys[peer] = key
        members[key] = Member(peer: peer, isIncoming: isIncoming)
    }

    package mutating func left(_ key: PeerKey) {
        guard let member = members.removeValue(forKey: key), keys[member.peer] == key else { return }
        keys[member.peer] = nil
    }

    // MARK: Bans

    /// Bans a peer for corrupt data or for a flood of requests. The shell closes the connection.
    /// - Parameter id: nil for a peer that never sent its id.
    /// - Returns: all connections of the host, if so many of its peers are banned that the whole host is now banned.
    @discardableResult
    package mutating func ban(_ id: ID?, at host: Host) -> [PeerKey] {
        bans.ban(id, at: host)
        guard bans.isBanned(host) else { return [] }
        return members.compactMap { $0.value.peer.host == host ? $0.key : nil }
    }

    /// Whether the host is banned as a whole, because so many of its peers were.
    package func isBanned(_ host: Host) -> Bool { bans.isBanned(host) }
}
