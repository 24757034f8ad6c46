/// Decides which connection whose handshake is done joins the torrent: no connection of a host to itself, none of a
/// banned peer, and one for each peer.
///
/// A peer is its id at its host (an IPv4 address, or a /64). Anybody can say an id that he has heard; taken alone, an id
/// would let a stranger shut out the peer whose id it is. Invariant: `keys` and `members` hold the same connections, the
/// latest one of each peer. The value grows with the connections that joined, and its bans are bounded.
package struct PeerAdmission<ID: Hashable & Comparable & Sendable, Host: Hashable & Sendable>: Sendable {
    package enum Verdict: Sendable, Equatable {
        case admitted
        /// Admitted once the older connection of the same peer, this one, is closed.
        case replaces(PeerKey)
        case banned
        /// The other side is this host.
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

    /// Of two connections that were made at once both sides keep the same: the one that the larger peer id made. The
    /// same id at another host is another peer.
    package func verdict(_ id: ID, at host: Host, isIncoming: Bool) -> Verdict {
        if id == own { return .own }
        if bans.isBanned(id, at: host) { return .banned }
        guard let key = keys[Peer(id: id, host: host)], let old = members[key] else { return .admitted }
        let ownIsLarger = id < own
        let isPreferred = isIncoming != ownIsLarger
        let wasPreferred = old.isIncoming != ownIsLarger
        return isPreferred && !wasPreferred ? .replaces(key) : .duplicate
    }

    /// The connection was admitted, and has this key.
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

    /// For false bytes, or a flood of requests. The shell closes the connection.
    /// - Parameter id: nil for a peer that never said its id.
    /// - Returns: the connections of the host, if so many of its peers were banned that it is now banned as a whole.
    @discardableResult
    package mutating func ban(_ id: ID?, at host: Host) -> [PeerKey] {
        bans.ban(id, at: host)
        guard bans.isBanned(host) else { return [] }
        return members.compactMap { $0.value.peer.host == host ? $0.key : nil }
    }

    /// So many peers of the host were banned that no peer from there is let in.
    package func isBanned(_ host: Host) -> Bool { bans.isBanned(host) }
}
