/// Peers that sent false bytes. A peer is an id at a host: neither alone shuts another out, until so many peers of one
/// host were banned that nobody from there is let in. The latest bans count when there are more than it can hold.
public struct BanList<ID: Hashable & Sendable, Host: Hashable & Sendable>: Sendable {
    private struct Peer: Hashable, Sendable {
        let id: ID
        let host: Host
    }

    private let strikesPerHost: Int
    private var peers: RecentKeys<Peer, Void>
    private var strikes: RecentKeys<Host, Int>

    /// - Parameters:
    ///   - capacity: peers, and hosts, that are remembered.
    ///   - strikesPerHost: banned peers of one host after which nobody from there is let in.
    public init(capacity: Int = 4_000, strikesPerHost: Int = 4) {
        self.strikesPerHost = strikesPerHost
        peers = RecentKeys(capacity: capacity)
        strikes = RecentKeys(capacity: capacity)
    }

    /// - Parameter id: nil when it never said who it is.
    public mutating func ban(_ id: ID?, at host: Host) {
        strikes[host] = min(strikesPerHost, (strikes[host] ?? 0) + 1)
        if let id { peers[Peer(id: id, host: host)] = () }
    }

    public func isBanned(_ host: Host) -> Bool { (strikes[host] ?? 0) >= strikesPerHost }

    public func isBanned(_ id: ID, at host: Host) -> Bool {
        isBanned(host) || peers.contains(Peer(id: id, host: host))
    }
}
