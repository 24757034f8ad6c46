import Address
import Tracking

/// Stores which peers are in which swarm.
///
/// A store belongs to the thread of one loop, and answers immediately from the memory of this process. What several trackers
/// share is in a ``SharedPeerStore`` beside it. What one tracker has recorded is in its responses from then on.
/// `PeerStoreContract` in the tests defines what every store must do.
package protocol PeerStore: AnyObject, SendableMetatype {
    /// Records one announce and selects peers for the response.
    ///
    /// A peer is identified by its address and port: a client that starts anew there replaces the earlier one. A peer
    /// with the `key` and peer id of a peer at another address of the same family is moved. `address` is where the peer
    /// listens; with port 0 it is counted and sent to nobody.
    /// - Parameter now: seconds of a monotonic clock.
    /// - Throws: `.notAllowed`, `.full`.
    func announce(
        _ announce: PeerAnnounce, from address: PeerAddress, wanting wish: PeerWish, now: UInt64,
        selection: inout PeerSelection
    ) throws(TrackerRefusal) -> SwarmCounts

    /// The counts of a swarm: zeros for an allowed swarm without peers, nil for one that is not allowed.
    func counts(of swarm: SwarmKey) -> SwarmCounts?

    /// Sets the swarms that are served from now on; nil for all. Peers of other swarms are removed over time.
    func allow(_ swarms: Set<SwarmKey>?)

    /// Removes some of the peers that have not announced for `lifetime` seconds, and does other background work of the
    /// store. A short, bounded call, made many times a minute.
    /// - Parameter steps: maximum number of peers to examine.
    func maintain(now: UInt64, steps: Int)

    /// The address that the peer of the last announce had before, if it moved.
    var lastMoved: PeerAddress? { get }

    /// The next of all peers stored; nil after the last. Each call is short.
    func next(after cursor: inout PeerCursor, now: UInt64) -> StoredPeer?

    /// Number of peers and swarms stored.
    var totals: StoreTotals { get }

    /// The largest swarms, at most `limit`, largest first. Too slow for every request.
    func biggestSwarms(_ limit: Int) -> [(key: SwarmKey, counts: SwarmCounts)]
}

/// Which peers an announce asks for.
package struct PeerWish: Sendable {
    /// Maximum number of peers; clamped to `PeerSelection.capacity`.
    package var limit: Int
    /// Whether to add peers of the other IP version after all of the announcing peer's own.
    package var bothFamilies: Bool
    /// Whether to include peer ids.
    package var names: Bool

    package init(limit: Int, bothFamilies: Bool = false, names: Bool = false) {
        self.limit = limit
        self.bothFamilies = bothFamilies
        self.names = names
    }
}

/// Totals of a store.
package struct StoreTotals: Sendable, Equatable {
    package var swarms = 0
    package var peers = 0
    package var seeds = 0
    package var ipv6Peers = 0
    /// Peers that accept no connections.
    package var unreachablePeers = 0
    /// Number of `completed` events since the start.
    package var completions = 0
    /// Peers removed because they stopped announcing, since the start.
    package var expirations = 0
    /// Peers removed to make room for others, since the start.
    package var evictions = 0

    package init() {}
}
