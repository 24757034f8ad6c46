import Address
import Logging
import Reactor
import TestSupport
import Threads
import TrackerRedis
import TrackerServer
import Tracking

/// A tracker's memory and the shared store behind it as one ``PeerStore``, driven as the tracker's loop drives them, but one announce
/// at a time.
final class RedisStore: PeerStore, SharedPeerStoreUser {
    private let memory: MemoryPeerStore
    private let poller: Poller
    private let peers: RedisPeers
    private let lifetime: UInt64
    private var now: UInt64 = 0
    private var finish: ((SharedAnswer?) -> Void)?

    init(_ server: RedisServer, lifetime: UInt64) throws {
        self.lifetime = lifetime
        var limits = MemoryPeerStore.Limits()
        limits.lifetime = lifetime
        memory = MemoryPeerStore(limits: limits)
        poller = try Poller()
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        let clock = Clock()
        peers = RedisPeers(
            RedisAddress("127.0.0.1:\(server.port)")!, poller: poller, logger: logger, clock: { clock.seconds })
        self.clock = clock
        try server.send("FLUSHALL")
        for _ in 0..<200 where !peers.isUp { turn() }
    }

    private final class Clock { var seconds = 1_000_000 }
    private let clock: Clock

    private var milliseconds: UInt64 { UInt64(clamping: Clocks.steadyMilliseconds) + 100_000 }

    private func turn() {
        peers.timePassed(now: milliseconds, self)
        peers.flush(now: milliseconds, self)
        let ready = poller.wait(milliseconds: 20)
        for descriptor in ready.descriptors where peers.owns(descriptor) {
            peers.descriptorIsReady(now: milliseconds, self)
        }
    }

    func sharedStoreAnswered(_ answer: SharedAnswer?) {
        let finish = finish
        self.finish = nil
        finish?(answer)
    }

    func announce(
        _ announce: PeerAnnounce, from address: PeerAddress, wanting wish: PeerWish, now: UInt64,
        selection: inout PeerSelection
    ) throws(TrackerRefusal) -> SwarmCounts {
        clock.seconds = 1_000_000 + Int(now)
        var counts = try memory.announce(announce, from: address, wanting: wish, now: now, selection: &selection)
        guard peers.isUp else { return counts }
        let standing: SharedQuestion.Standing =
            announce.event == .stopped
            ? .gone : announce.port == 0 || announce.isUnreachable ? .unlisted : announce.left == 0 ? .whole : .part
        var question = SharedQuestion(
            swarm: announce.swarm, address: address, standing: standing, lifetime: Int(lifetime),
            limit: announce.event == .stopped ? 0 : wish.limit + 1,
            wantsSeeds: announce.left > 0 && announce.event != .paused)
        if let moved = memory.lastMoved { question.forgotten = [moved] }
        peers.ask(question, now: milliseconds)
        var isDone = false
        var found: (seeds: Int, leechers: Int, ipv4: [UInt8], ipv6: [UInt8])?
        finish = { answer in
            isDone = true
            found = answer.map { ($0.seeds, $0.leechers, Array($0.ipv4), Array($0.ipv6)) }
        }
        while !isDone { turn() }
        guard let found, announce.event != .stopped else { return counts }
        found.ipv4.withUnsafeBytes { ipv4 in
            found.ipv6.withUnsafeBytes { ipv6 in
                counts = counts.joined(
                    with: SharedAnswer(seeds: found.seeds, leechers: found.leechers, ipv4: ipv4, ipv6: ipv6))
                selection.merge(
                    ipv4: ipv4, ipv6: ipv6, excluding: address, bothFamilies: wish.bothFamilies,
                    limit: wish.limit)
            }
        }
        return counts
    }

    func counts(of swarm: SwarmKey) -> SwarmCounts? { memory.counts(of: swarm) }
    func allow(_ swarms: Set<SwarmKey>?) { memory.allow(swarms) }
    func maintain(now: UInt64, steps: Int) { memory.maintain(now: now, steps: steps) }
    var lastMoved: PeerAddress? { memory.lastMoved }
    func next(after cursor: inout PeerCursor, now: UInt64) -> StoredPeer? { memory.next(after: &cursor, now: now) }
    var totals: StoreTotals { memory.totals }
    func biggestSwarms(_ limit: Int) -> [(key: SwarmKey, counts: SwarmCounts)] { memory.biggestSwarms(limit) }
}
