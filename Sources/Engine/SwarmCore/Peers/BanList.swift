/// Bans of peers that sent corrupt data. A ban applies to a peer id at a host: neither the id nor the host alone is
/// banned, until so many peers of one host are banned that the whole host is. If the list is full, the oldest ban is
/// dropped.
public struct BanList<ID: Hashable & Sendable, Host: Hashable & Sendable>: Sendable {
    private struct Peer: Hashable, Sendable {
        let id: ID
        let host: Host
    }

    private let strikesPerHost: Int
    private var peers: RecentKeys<Peer, Void>
    private var strikes: RecentKeys<Host, Int>

    /// - Parameters:
    ///   - capacity: maximum number of banned peers, and of hosts.
    ///   - strikesPerHost: number of banned peers after which the whole host is banned.
    public init(capacity: Int = 4_000, strikesPerHost: Int = 4) {
        self.strikesPerHost = strikesPerHost
        peers = RecentKeys(capacity: capacity)
        strikes = RecentKeys(capacity: capacity)
    }

    /// - Parameter id: nil if the peer never sent its id.
    public mutating func ban(_ id: ID?, at host: Host) {
        strikes[host] = min(strikesPerHost, (strikes[host] ?? 0) + 1)
        if let id { peers[Peer(id: id, host: host)] = () }
    }

    public func isBanned(_ host: Host) -> Bool { (strikes[host] ?? 0) >= strikesPerHost }

    public func isBanned(_ id: ID, at host: Host) -> Bool {
        isBanned(host) || peers.contains(Peer(id: id, host: host))
    }
}
