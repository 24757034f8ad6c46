import Address
import Tracking

/// Where a tracker keeps who is in which swarm.
///
/// A store belongs to the one thread of the loop that asks it, and answers at once from what this process knows: an
/// announce never waits for another machine. A store that several trackers share keeps a copy here, tells the others in
/// the background (`maintain`) and learns from them the same way; peer lists are soft state, so a lag of seconds is
/// nothing beside an announce interval. Whatever the store, what one tracker was told it answers with from then on.
/// `PeerStoreContract` in the tests says what every store must do.
package protocol PeerStore: AnyObject, SendableMetatype {
    /// Records one announce and selects peers to answer it with.
    ///
    /// A peer is known by its address and port: a client that starts anew there takes the place of the one before. With
    /// the `key` and name of a peer that is at another address of the same family, it moves.
    /// `address` is where the peer listens; with port 0 it is counted and handed to nobody.
    /// - Parameter now: seconds of a clock that does not go back.
    /// - Throws: `.notAllowed`, `.full`.
    func announce(
        _ announce: PeerAnnounce, from address: PeerAddress, wanting wish: PeerWish, now: UInt64,
        selection: inout PeerSelection
    ) throws(TrackerRefusal) -> SwarmCounts

    /// Numbers of a swarm: zeros for one that is allowed and has no peers, nil for one that is not allowed.
    func counts(of swarm: SwarmKey) -> SwarmCounts?

    /// From now on only these swarms are served; nil for all. Peers of others are forgotten in time.
    func allow(_ swarms: Set<SwarmKey>?)

    /// Forgets some of the peers that have not announced for `lifetime` seconds, and does whatever else the store does
    /// in the background. A short, bounded piece of work: called many times a minute.
    /// - Parameter steps: peers looked at, at most.
    func maintain(now: UInt64, steps: Int)

    /// Peers and swarms held.
    var totals: StoreTotals { get }

    /// The biggest swarms, at most `limit` of them, biggest first. Not for every request.
    func biggestSwarms(_ limit: Int) -> [(key: SwarmKey, counts: SwarmCounts)]
}

/// What an announce wants to know.
package struct PeerWish: Sendable {
    /// Peers at most; over `PeerSelection.capacity` counts as that.
    package var limit: Int
    /// Peers of the other IP version too, once those of the announcing peer's own are used up.
    package var bothFamilies: Bool
    /// Peer ids with the addresses.
    package var names: Bool

    package init(limit: Int, bothFamilies: Bool = false, names: Bool = false) {
        self.limit = limit
        self.bothFamilies = bothFamilies
        self.names = names
    }
}

/// What a store holds.
package struct StoreTotals: Sendable, Equatable {
    package var swarms = 0
    package var peers = 0
    package var seeds = 0
    package var ipv6Peers = 0
    /// Peers that take no connections.
    package var unreachablePeers = 0
    /// Times a peer said that it completed its content, since the start.
    package var completions = 0
    /// Peers forgotten because they stopped announcing, since the start.
    package var expirations = 0
    /// Peers forgotten to make room for others, since the start.
    package var evictions = 0

    package init() {}
}
