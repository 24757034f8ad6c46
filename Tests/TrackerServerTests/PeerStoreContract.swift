import Address
import Testing
import TrackerServer
import Tracking

/// What every store of peers must do, whatever it is made of. A new store's tests call `check` with a way to make one.
struct PeerStoreContract {
    /// A store whose peers expire after `lifetime` seconds.
    let make: (_ lifetime: UInt64) throws -> any PeerStore

    /// Whether peers of a swarm that is no longer served may be known again when it is.
    var remembersSwarms = false

    func check() throws {
        try remembersWhoAnnounced()
        try leavesOutTheOneWhoAsks()
        try handsNoSeedsToSeeds()
        try handsOutReachablePeersFirst()
        try countsAndNeverHandsOutPeersWithoutAPort()
        try keepsThoseApartWhoHaveNoPort()
        try forgetsWhoStops()
        try forgetsWhoFallsSilent()
        try countsCompletionsOnce()
        try takesTheSameAddressForTheSamePeer()
        try movesAPeerThatKnowsItsKey()
        try leavesAPeerWhoseKeyIsWrong()
        try servesOnlyWhatIsAllowed()
        try keepsFamiliesApart()
        try givesAtMostWhatIsWanted()
        try findsTheBiggestSwarms()
        try countsPartialSeeds()
    }

    private func remembersWhoAnnounced() throws {
        let tracker = Asker(try make(1000))
        #expect(try tracker.announce(port: 1).peers == [])
        let second = try tracker.announce(port: 2)
        #expect(second.peers == [address(1)])
        #expect(second.counts == SwarmCounts(seeds: 0, leechers: 2, downloaders: 2))
        #expect(tracker.store.counts(of: key(1)) == second.counts)
        #expect(tracker.store.counts(of: key(2)) == SwarmCounts())
        #expect(tracker.store.totals.peers == 2)
        #expect(tracker.store.totals.swarms == 1)
    }

    private func leavesOutTheOneWhoAsks() throws {
        let tracker = Asker(try make(1000))
        for port in 1...500 { _ = try tracker.announce(port: UInt16(port)) }
        for port in 1...500 {
            let peers = try tracker.announce(port: UInt16(port), wanting: 50).peers
            #expect(peers.count == 50)
            #expect(Set(peers).count == 50)
            #expect(!peers.contains(address(UInt16(port))))
        }
    }

    private func handsNoSeedsToSeeds() throws {
        let tracker = Asker(try make(1000))
        _ = try tracker.announce(port: 1, left: 0)
        _ = try tracker.announce(port: 2, left: 5)
        #expect(try tracker.announce(port: 3, left: 0).peers == [address(2)])
        #expect(Set(try tracker.announce(port: 4, left: 1).peers) == [address(1), address(2), address(3)])
        #expect(try tracker.announce(port: 1, left: 0).counts.seeds == 2)
    }

    private func handsOutReachablePeersFirst() throws {
        let tracker = Asker(try make(1000))
        for port in 1...10 { _ = try tracker.announce(port: UInt16(port), unreachable: true) }
        for port in 11...15 { _ = try tracker.announce(port: UInt16(port)) }
        let few = try tracker.announce(port: 20, wanting: 5).peers
        #expect(Set(few) == Set((11...15).map { address($0) }))
        let more = try tracker.announce(port: 20, wanting: 8).peers
        #expect(Set(more.prefix(5)) == Set((11...15).map { address($0) }))
        #expect(more.count == 8)
        // Who cannot be reached could only be connected to by one of these, so the others are of no use to it.
        let hidden = try tracker.announce(port: 21, unreachable: true).peers
        #expect(Set(hidden) == Set((11...15).map { address($0) } + [address(20)]))
        #expect(tracker.store.totals.unreachablePeers == 11)
    }

    private func countsAndNeverHandsOutPeersWithoutAPort() throws {
        let tracker = Asker(try make(1000))
        _ = try tracker.announce(port: 0, name: 1)
        let other = try tracker.announce(port: 1)
        #expect(other.peers == [])
        #expect(other.counts.leechers == 2)
        #expect(try tracker.announce(port: 0, name: 1).peers == [address(1)])
    }

    private func keepsThoseApartWhoHaveNoPort() throws {
        let tracker = Asker(try make(1000))
        for name in 1...3 { _ = try tracker.announce(port: 0, name: UInt8(name)) }
        #expect(try tracker.announce(port: 0, name: 2).counts.leechers == 3)
        #expect(try tracker.announce(port: 0, event: .stopped, name: 2).counts.leechers == 2)
    }

    private func forgetsWhoStops() throws {
        let tracker = Asker(try make(1000))
        _ = try tracker.announce(port: 1)
        _ = try tracker.announce(port: 2)
        let stopped = try tracker.announce(port: 1, event: .stopped)
        #expect(stopped.peers == [])
        #expect(stopped.counts.leechers == 1)
        #expect(try tracker.announce(port: 3).peers == [address(2)])
        // A stop from one who was never there is nothing, and makes no swarm.
        _ = try tracker.announce(port: 9, swarm: 7, event: .stopped)
        #expect(tracker.store.totals.swarms == 1)
    }

    private func forgetsWhoFallsSilent() throws {
        let tracker = Asker(try make(100))
        for port in 1...40 { _ = try tracker.announce(port: UInt16(port)) }
        tracker.now += 80
        for port in 1...5 { _ = try tracker.announce(port: UInt16(port)) }
        tracker.now += 15
        tracker.maintainAll()
        #expect(tracker.store.totals.peers == 40)
        tracker.now += 30
        tracker.maintainAll()
        #expect(tracker.store.totals.peers == 5)
        #expect(Set(try tracker.announce(port: 1).peers) == Set((2...5).map { address($0) }))
        tracker.now += 1000
        tracker.maintainAll()
        #expect(tracker.store.totals.peers == 0)
        #expect(tracker.store.totals.swarms == 0)
        #expect(tracker.store.totals.expirations == 40)
    }

    private func countsCompletionsOnce() throws {
        let tracker = Asker(try make(1000))
        _ = try tracker.announce(port: 1)
        #expect(try tracker.announce(port: 1, left: 0, event: .completed).counts.completions == 1)
        #expect(try tracker.announce(port: 1, left: 0, event: .completed).counts.completions == 1)
        #expect(try tracker.announce(port: 1, left: 0).counts.completions == 1)
        #expect(tracker.store.totals.completions == 1)
    }

    private func takesTheSameAddressForTheSamePeer() throws {
        let tracker = Asker(try make(1000))
        _ = try tracker.announce(port: 1, name: 1)
        #expect(try tracker.announce(port: 1, name: 2).counts.leechers == 1)
        #expect(try tracker.announce(port: 1, left: 0, name: 2).counts == SwarmCounts(seeds: 1))
    }

    private func movesAPeerThatKnowsItsKey() throws {
        let tracker = Asker(try make(1000))
        _ = try tracker.announce(port: 1, name: 1, key: 77)
        #expect(try tracker.announce(port: 2, name: 1, key: 77).counts.leechers == 1)
        #expect(try tracker.announce(port: 3).peers == [address(2)])
    }

    private func leavesAPeerWhoseKeyIsWrong() throws {
        let tracker = Asker(try make(1000))
        _ = try tracker.announce(port: 1, name: 1, key: 77)
        #expect(try tracker.announce(port: 2, name: 1, key: 78).counts.leechers == 2)
        #expect(try tracker.announce(port: 3, name: 1, key: 0).counts.leechers == 3)
        #expect(try tracker.announce(port: 4, name: 9, key: 77).counts.leechers == 4)
    }

    private func servesOnlyWhatIsAllowed() throws {
        let tracker = Asker(try make(1000))
        _ = try tracker.announce(port: 1, swarm: 1)
        _ = try tracker.announce(port: 1, swarm: 2)
        tracker.store.allow([key(2), key(3)])
        #expect(throws: TrackerRefusal.notAllowed) { try tracker.announce(port: 1, swarm: 1) }
        #expect(throws: TrackerRefusal.notAllowed) { try tracker.announce(port: 1, swarm: 1, event: .stopped) }
        #expect(tracker.store.counts(of: key(1)) == nil)
        #expect(tracker.store.counts(of: key(3)) == SwarmCounts())
        #expect(try tracker.announce(port: 2, swarm: 2).peers == [address(1)])
        tracker.maintainAll()
        #expect(tracker.store.totals.peers == 2)
        tracker.store.allow(nil)
        let again = try tracker.announce(port: 5, swarm: 1).peers
        #expect(again == [] || remembersSwarms)
    }

    private func keepsFamiliesApart() throws {
        let tracker = Asker(try make(1000))
        _ = try tracker.announce(port: 1)
        let sixth = try tracker.announce(port: 2, ipv6: true)
        #expect(sixth.peers == [])
        #expect(sixth.counts.leechers == 2)
        #expect(try tracker.announce(port: 3, ipv6: true).peers == [address(2, ipv6: true)])
        #expect(try tracker.announce(port: 3, ipv6: true, both: true).peers == [address(1), address(2, ipv6: true)])
        #expect(
            Set(try tracker.announce(port: 4, both: true).peers) == [
                address(1), address(2, ipv6: true), address(3, ipv6: true),
            ])
        #expect(tracker.store.totals.ipv6Peers == 2)
        // One client on both has one name and one key, and stays on both.
        _ = try tracker.announce(port: 8, swarm: 2, name: 1, key: 5)
        #expect(try tracker.announce(port: 8, swarm: 2, name: 1, key: 5, ipv6: true).counts.leechers == 2)
    }

    private func givesAtMostWhatIsWanted() throws {
        let tracker = Asker(try make(1000))
        for port in 1...300 { _ = try tracker.announce(port: UInt16(port), left: UInt64(port % 2)) }
        for wanted in [0, 1, 2, 3, 5, 49, 50, 149, 150, 151, 199, 200] {
            #expect(try tracker.announce(port: 9999, wanting: wanted).peers.count == wanted)
        }
        #expect(try tracker.announce(port: 9999, wanting: 5000).peers.count == PeerSelection.capacity)
        #expect(try tracker.announce(port: 9999, wanting: -5).peers.isEmpty)
    }

    private func findsTheBiggestSwarms() throws {
        let tracker = Asker(try make(1000))
        for swarm in 1...30 {
            for port in 1...swarm { _ = try tracker.announce(port: UInt16(port), swarm: UInt8(swarm)) }
        }
        let biggest = tracker.store.biggestSwarms(3)
        #expect(biggest.map(\.key) == [key(30), key(29), key(28)])
        #expect(biggest.map(\.counts.leechers) == [30, 29, 28])
    }

    private func countsPartialSeeds() throws {
        let tracker = Asker(try make(1000))
        _ = try tracker.announce(port: 1, left: 0)
        let paused = try tracker.announce(port: 2, left: 9, event: .paused)
        #expect(paused.counts == SwarmCounts(seeds: 1, leechers: 1, downloaders: 0))
        #expect(paused.peers == [])
        #expect(try tracker.announce(port: 2, left: 9).counts.downloaders == 1)
    }
}

/// Asks a store as a tracker does.
final class Asker {
    let store: any PeerStore
    var now: UInt64 = 10_000
    private var selection = PeerSelection()

    init(_ store: any PeerStore) {
        self.store = store
    }

    deinit { selection.deallocate() }

    func announce(
        port: UInt16, swarm: UInt8 = 1, left: UInt64 = 1, event: AnnounceEvent = .none, name: UInt8? = nil,
        key peerKey: UInt32 = 0, unreachable: Bool = false, ipv6: Bool = false, both: Bool = false, wanting: Int = 50
    ) throws -> (counts: SwarmCounts, peers: [PeerAddress]) {
        let id = [UInt8](repeating: name ?? UInt8(truncatingIfNeeded: port), count: 20)
        var announce = PeerAnnounce(swarm: key(swarm), peer: try #require(PeerName(bytes: id)), port: port)
        announce.left = left
        announce.event = event
        announce.key = peerKey
        announce.isUnreachable = unreachable
        let counts = try store.announce(
            announce, from: address(port, ipv6: ipv6), wanting: PeerWish(limit: wanting, bothFamilies: both), now: now,
            selection: &selection)
        return (counts, selection.addresses)
    }

    /// As much maintenance as it takes to look at everything twice.
    func maintainAll() {
        for _ in 0..<200 { store.maintain(now: now, steps: 100) }
    }
}

func key(_ number: UInt8) -> SwarmKey {
    SwarmKey(first: UInt64(number) << 56, second: 1, third: 2)
}

func address(_ port: UInt16, ipv6: Bool = false) -> PeerAddress {
    ipv6 ? PeerAddress(ipv6High: 0x2001_0db8 << 32, low: 7, port: port) : PeerAddress(ipv4: 0xc000_0201, port: port)
}
