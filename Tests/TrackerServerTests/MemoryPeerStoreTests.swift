import Address
import Testing
import Text
import TrackerServer
import Tracking

@Suite struct MemoryPeerStoreTests {
    private func store(
        lifetime: UInt64 = 1000, _ change: (inout MemoryPeerStore.Limits) -> Void = { _ in }
    ) -> MemoryPeerStore {
        var limits = MemoryPeerStore.Limits()
        limits.lifetime = lifetime
        change(&limits)
        return MemoryPeerStore(limits: limits)
    }

    @Test func `keeps the contract of stores`() throws {
        try PeerStoreContract { lifetime in store(lifetime: lifetime) }.check()
    }

    @Test func `A store that is full of peers forgets one of the source with the most for a newcomer`() throws {
        let tracker = Asker(store { $0.peers = 3 })
        for port in 1...5 { _ = try tracker.announce(port: UInt16(port)) }
        let last = try tracker.announce(port: 6)
        #expect(last.counts.leechers == 3)
        #expect(last.peers.count == 2)
        #expect(tracker.store.totals.peers == 3)
        #expect(tracker.store.totals.evictions == 3)
        // Who is known already pushes out nobody.
        _ = try tracker.announce(port: 6)
        #expect(tracker.store.totals.evictions == 3)
    }

    @Test func `A store that is full of swarms forgets an old one for a newcomer`() throws {
        let tracker = Asker(store { $0.swarms = 100 })
        for swarm in 1...100 {
            _ = try tracker.announce(port: 1, swarm: UInt8(swarm))
            if swarm == 50 { tracker.now += 60 }
        }
        for swarm in 101...110 {
            _ = try tracker.announce(port: 1, swarm: UInt8(swarm))
            #expect(tracker.store.totals.swarms == 100 && tracker.store.totals.peers == 100)
        }
        #expect((51...110).allSatisfy { tracker.store.counts(of: key(UInt8($0)))?.leechers == 1 })
        #expect((1...50).count { tracker.store.counts(of: key(UInt8($0)))?.leechers == 1 } == 40)
    }

    @Test func `A store that is full of big swarms opens no others`() throws {
        let tracker = Asker(store { $0.swarms = 2 })
        for port in 1...20 {
            for swarm in 1...2 { _ = try tracker.announce(port: UInt16(port), swarm: UInt8(swarm)) }
        }
        #expect(throws: TrackerRefusal.full) { try tracker.announce(port: 1, swarm: 3) }
        _ = try tracker.announce(port: 21, swarm: 2)
    }

    @Test func `maintenance is done in bounded steps`() throws {
        let tracker = Asker(store(lifetime: 100))
        for port in 1...1000 { _ = try tracker.announce(port: UInt16(port)) }
        tracker.now += 200
        var before = 1000
        while before > 0 {
            tracker.store.maintain(now: tracker.now, steps: 50)
            let left = tracker.store.totals.peers
            #expect(before - left <= 50)
            before = left
        }
    }

    @Test func `every peer is as likely as every other`() throws {
        let tracker = Asker(store())
        for port in 1...400 { _ = try tracker.announce(port: UInt16(port)) }
        var seen = [Int](repeating: 0, count: 401)
        let rounds = 4000
        for _ in 0..<rounds {
            for peer in try tracker.announce(port: 1, wanting: 40).peers { seen[Int(peer.port)] += 1 }
        }
        // 4000 times 40 of 399: 401 each, with a deviation of 19; six of them and more would be no chance.
        for port in 2...400 { #expect((290...510).contains(seen[port])) }
        #expect(seen[1] == 0)
    }

    /// Announces of all kinds against a plain model of what the store must hold, through growth and shrinking of
    /// tables.
    @Test(arguments: [1, 2, 3, 4] as [UInt64])
    func `agrees with a model`(seed: UInt64) throws {
        struct Known: Equatable {
            var left: UInt64
            var event: AnnounceEvent
            var unreachable: Bool
            var at: UInt64
        }
        var generator = SeededGenerator(seed: seed)
        let tracker = Asker(store(lifetime: 400))
        var model: [UInt8: [PeerAddress: Known]] = [:]
        // Odd seeds have few ports, so that peers come back; even ones many, so that tables get big.
        let ports = UInt16(seed % 2 == 1 ? 60 : 3000)
        for step in 0..<8000 {
            let swarm = UInt8.random(in: 1...3, using: &generator)
            let port = UInt16.random(in: 1...ports, using: &generator)
            let ipv6 = Int.random(in: 0..<4, using: &generator) == 0
            let unreachable = Int.random(in: 0..<4, using: &generator) == 0
            let left = UInt64.random(in: 0...1, using: &generator)
            // Phases in which most leave make the tables shrink.
            let leaving = (step / 3000) % 2 == 1
            let roll = Int.random(in: 0..<10, using: &generator)
            let event: AnnounceEvent = roll < (leaving ? 7 : 1) ? .stopped : roll == 9 ? .paused : .none
            if step % 50 == 0 { tracker.now += UInt64.random(in: 0...8, using: &generator) }
            let reply = try tracker.announce(
                port: port, swarm: swarm, left: left, event: event, unreachable: unreachable, ipv6: ipv6, wanting: 30)
            let here = address(port, ipv6: ipv6)
            if event == .stopped {
                model[swarm]?[here] = nil
            } else {
                let known = Known(left: left, event: event, unreachable: unreachable, at: tracker.now)
                model[swarm, default: [:]][here] = known
            }
            if step % 1000 == 996 {
                tracker.maintainAll()
                for swarm in model.keys {
                    model[swarm] = model[swarm]?.filter { tracker.now / 4 - $0.value.at / 4 <= 100 }
                }
                #expect(tracker.store.totals.peers == model.values.reduce(0) { $0 + $1.count })
            }
            // The model is slow to ask: it grows in between.
            guard step % 8 == 0 || ports < 100 else { continue }
            let others = (model[swarm] ?? [:]).filter { $0.key != here && $0.key.family == here.family }
            for peer in reply.peers {
                let known = try #require(others[peer], "a peer that should not be there")
                if left == 0 || event == .paused { #expect(known.left > 0 && known.event != .paused) }
                if unreachable { #expect(!known.unreachable) }
            }
            let wantsSeeds = left > 0 && event != .paused
            let fit = others.values.filter {
                (wantsSeeds || ($0.left > 0 && $0.event != .paused)) && !(unreachable && $0.unreachable)
            }
            #expect(reply.peers.count == (event == .stopped ? 0 : min(30, fit.count)))
            #expect(Set(reply.peers).count == reply.peers.count)
            #expect(reply.counts.seeds == (model[swarm] ?? [:]).values.count { $0.left == 0 })
            #expect(reply.counts.leechers == (model[swarm] ?? [:]).values.count { $0.left > 0 })
        }
    }

    @Test func `a hundred thousand peers of one swarm are all found`() throws {
        let tracker = Asker(store())
        for port in 1...50_000 {
            _ = try tracker.announce(port: UInt16(port), wanting: 0)
            _ = try tracker.announce(port: UInt16(port), ipv6: true, wanting: 0)
        }
        #expect(tracker.store.totals.peers == 100_000)
        for port in stride(from: 1, through: 50_000, by: 7) { _ = try tracker.announce(port: UInt16(port), left: 0) }
        #expect(tracker.store.totals.peers == 100_000)
        for port in 1...50_000 { _ = try tracker.announce(port: UInt16(port), event: .stopped) }
        #expect(tracker.store.totals.peers == 50_000)
        #expect(tracker.store.totals.seeds == 0)
        #expect(tracker.store.totals.ipv6Peers == 50_000)
    }

    @Test func `many swarms come and go`() throws {
        let tracker = Asker(store(lifetime: 100))
        var selection = PeerSelection()
        defer { selection.deallocate() }
        for number in 0..<20_000 {
            let swarm = SwarmKey(first: UInt64(number), second: 0, third: 0)
            let name = try #require(PeerName(bytes: [UInt8](repeating: 1, count: 20)))
            _ = try tracker.store.announce(
                PeerAnnounce(swarm: swarm, peer: name, port: 5), from: address(5), wanting: PeerWish(limit: 5),
                now: tracker.now, selection: &selection)
        }
        #expect(tracker.store.totals.swarms == 20_000)
        tracker.now += 1000
        for _ in 0..<40 { tracker.store.maintain(now: tracker.now, steps: 10_000) }
        #expect(
            tracker.store.totals
                == {
                    var totals = StoreTotals()
                    totals.expirations = 20_000
                    return totals
                }())
    }
}
