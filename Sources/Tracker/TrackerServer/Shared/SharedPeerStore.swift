import Address
import Reactor
import Tracking

/// Peers that several trackers know together, in a store outside this process.
///
/// A tracker remembers what it heard itself in its ``PeerStore``, and answers from there whenever this store does not answer. Else
/// one announce is one exchange: the store learns of the peer and names others. The object belongs to the tracker's loop: it
/// waits for nothing, and its sockets are watched by the loop's `Poller`. `SharedStoreContract` in the tests defines what every
/// such store must do.
package protocol SharedPeerStore: AnyObject {
    /// Whether an announce may be asked now. False from when the store falls silent until it answers again.
    var isUp: Bool { get }
    /// Why it is not up, for a person; nil while it is.
    var problem: String? { get }
    /// Whether this descriptor is the store's, for the loop to tell.
    func owns(_ descriptor: Int32) -> Bool

    /// Queues one announce; `isUp` must be true. Its answer is given to ``SharedPeerStoreUser`` later, in the order of the calls.
    /// - Parameter now: milliseconds of the loop's clock, as in all calls.
    func ask(_ question: SharedQuestion, now: UInt64)
    /// The same for a peer that was heard of before, whose answer nobody waits for.
    func tell(_ question: SharedQuestion, now: UInt64)
    /// Sends what was queued.
    func flush(now: UInt64, _ user: some SharedPeerStoreUser)
    /// Its socket is ready.
    func descriptorIsReady(now: UInt64, _ user: some SharedPeerStoreUser)
    /// Time has passed: gives up on what is late, tries again what was given up.
    func timePassed(now: UInt64, _ user: some SharedPeerStoreUser)
    /// When ``timePassed(now:_:)`` must be called at the latest.
    var nextDeadline: UInt64 { get }

    /// Whether the store has lost what it had, or never had it: the tracker tells it all that it heard itself. Each loss is told once.
    func takeLoss() -> Bool
    /// Whether more calls of ``tell(_:now:)`` are welcome now.
    var hasRoomToTell: Bool { get }
}

/// Who asked a ``SharedPeerStore``.
package protocol SharedPeerStoreUser {
    /// The answer to the oldest question that has none yet; nil if the store does not answer it. Valid within the call.
    func sharedStoreAnswered(_ answer: SharedAnswer?)
}

/// One peer's announce, as a shared store needs it.
package struct SharedQuestion {
    package enum Standing: Sendable {
        case whole, part
        /// It has left.
        case gone
        /// It only asks: nobody can connect to it.
        case unlisted
    }

    package var swarm: SwarmKey
    package var address: PeerAddress
    package var standing: Standing
    /// Seconds after which the peer is forgotten, unless it announces again.
    package var lifetime: Int
    /// Number of peers wanted.
    package var limit: Int
    package var wantsSeeds: Bool
    /// The blob that the swarm moves, as 32 bytes; nil if the announce does not say.
    package var blob: BlobKey?
    /// Peers to forget: earlier addresses of this one, and those that cannot be reached.
    package var forgotten: [PeerAddress] = []

    package init(
        swarm: SwarmKey, address: PeerAddress, standing: Standing, lifetime: Int, limit: Int = 0,
        wantsSeeds: Bool = false
    ) {
        self.swarm = swarm
        self.address = address
        self.standing = standing
        self.lifetime = lifetime
        self.limit = limit
        self.wantsSeeds = wantsSeeds
    }
}

/// What a shared store says of a swarm. The peers lie in the store's memory.
package struct SharedAnswer {
    package var seeds: Int
    package var leechers: Int
    /// Compact addresses (BEP 23, BEP 7); the asking peer may be among them.
    package var ipv4: UnsafeRawBufferPointer
    package var ipv6: UnsafeRawBufferPointer
    package var blob: BlobKey?

    package init(
        seeds: Int, leechers: Int, ipv4: UnsafeRawBufferPointer, ipv6: UnsafeRawBufferPointer, blob: BlobKey? = nil
    ) {
        self.seeds = seeds
        self.leechers = leechers
        self.ipv4 = ipv4
        self.ipv6 = ipv6
        self.blob = blob
    }
}

extension SwarmCounts {
    /// What this tracker heard and what the trackers share, each of which may lack some.
    package func joined(with answer: SharedAnswer) -> SwarmCounts {
        var joined = self
        joined.seeds = max(seeds, answer.seeds)
        joined.leechers = max(leechers, answer.leechers)
        joined.downloaders = max(downloaders, joined.leechers - (leechers - downloaders))
        return joined
    }
}
