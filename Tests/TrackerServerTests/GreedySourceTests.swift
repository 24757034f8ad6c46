import Address
import Testing
import Text
import Tracking

import TrackerServer

/// One address, or a few hundred, that take as much of a store as they can.
@Suite struct `A store under greedy sources` {
    private static let honest = PeerAddress(ipv4: 0xc633_6401, port: 6881)

    private static func attacker(_ number: Int, port: UInt16 = 1) -> PeerAddress {
        PeerAddress(ipv4: 0x0a00_0000 + UInt32(number), port: port)
    }

    private static func swarm(_ number: Int) -> SwarmKey {
        let bits = UInt64(bitPattern: Int64(number))
        return SwarmKey(first: bits &* 0x9e37_79b9_7f4a_7c15, second: bits, third: 7)
    }

    private final class Tracker {
        let store: MemoryPeerStore
        var now: UInt64 = 10_000
        var selection = PeerSelection()

        init(_ change: (inout MemoryPeerStore.Limits) -> Void = { _ in }) {
            var limits = MemoryPeerStore.Limits()
            limits.lifetime = 4000
            change(&limits)
            store = MemoryPeerStore(limits: limits)
        }

        deinit { selection.deallocate() }

        @discardableResult
        func announce(
            _ swarm: SwarmKey, _ address: PeerAddress, left: UInt64 = 1, wanting: Int = 50, number: UInt64 = 0
        ) throws -> SwarmCounts {
            let name = PeerName(first: number, second: 2, third: 3)
            var announce = PeerAnnounce(swarm: swarm, peer: name, port: address.port)
            announce.left = left
            return try store.announce(
                announce, from: address, wanting: PeerWish(limit: wanting), now: now, selection: &selection)
        }
    }

    @Test(arguments: [1, 250])
    func `that open swarms without end push out their own`(addresses: Int) throws {
        let tracker = Tracker { $0.swarms = 20_000 }
        for number in 0..<50 {
            let peer = PeerAddress(ipv4: 0xc633_6400 + UInt32(number), port: 6881)
            try tracker.announce(Self.swarm(-1 - number), peer, left: 0)
        }
        tracker.now += 100
        for number in 0..<60_000 {
            _ = try? tracker.announce(Self.swarm(number), Self.attacker(number % addresses))
            #expect(tracker.store.totals.swarms <= 20_000)
        }
        // Those who had one swarm keep it, but for the few that share a counter with an attacker; and new ones find room.
        #expect((0..<50).count { tracker.store.counts(of: Self.swarm(-1 - $0))?.seeds == 1 } >= 46)
        for number in 0..<50 {
            let peer = PeerAddress(ipv4: 0xc633_6500 + UInt32(number), port: 6881)
            try tracker.announce(Self.swarm(-1001 - number), peer)
        }
        #expect(tracker.store.totals.swarms == 20_000)
    }

    @Test func `that open swarms with several peers, or with peers that have no port, are found out too`() throws {
        let tracker = Tracker { $0.swarms = 5_000 }
        for number in 0..<5_000 {
            for port in 0..<3 {
                try tracker.announce(
                    Self.swarm(number), Self.attacker(0, port: UInt16(number % 2 == 0 ? 0 : port + 1)),
                    number: UInt64(number * 4 + port))
            }
        }
        // Peers without a port are told apart by 16 bits of a hash of their names: of 7,500 of one address a few are taken for one.
        #expect((14_990...15_000).contains(tracker.store.totals.peers))
        for number in 0..<500 {
            let peer = PeerAddress(ipv4: 0xc633_6400 + UInt32(number), port: 6881)
            try tracker.announce(Self.swarm(-1 - number), peer)
        }
        #expect((0..<500).count { tracker.store.counts(of: Self.swarm(-1 - $0))?.leechers == 1 } >= 496)
        #expect(tracker.store.totals.swarms == 5_000)
    }

    @Test(arguments: [1, 200])
    func `that fill it with peers make room for others`(swarms: Int) throws {
        let tracker = Tracker { $0.peers = 30_000 }
        for number in 0..<40_000 {
            try tracker.announce(
                Self.swarm(number % swarms), Self.attacker(number % 2, port: UInt16(1 + number / 2)), wanting: 0)
        }
        #expect(tracker.store.totals.peers == 30_000)
        for number in 0..<300 {
            let peer = PeerAddress(ipv4: 0xc633_6400 + UInt32(number), port: 6881)
            #expect(try tracker.announce(Self.swarm(-1), peer, wanting: 0).leechers >= number - 3)
        }
        #expect(tracker.store.totals.peers == 30_000)
    }

    @Test func `with 60,000 ports get a few places in an answer`() throws {
        let tracker = Tracker()
        let seeds = (0..<40).map { PeerAddress(ipv4: 0xc633_6400 + UInt32($0), port: 6881) }
        for seed in seeds.prefix(20) { try tracker.announce(Self.swarm(1), seed, left: 0, wanting: 0) }
        for port in 1...60_000 {
            let left = UInt64(port % 2)
            try tracker.announce(Self.swarm(1), Self.attacker(0, port: UInt16(port)), left: left, wanting: 0)
        }
        for seed in seeds.dropFirst(20) { try tracker.announce(Self.swarm(1), seed, left: 0, wanting: 0) }
        for _ in 0..<100 {
            try tracker.announce(Self.swarm(1), PeerAddress(ipv4: 0xcb00_7101, port: 1), wanting: 50)
            let given = tracker.selection.addresses
            #expect(given.count == 50)
            #expect(Set(given).isSuperset(of: seeds))
        }
        // With more others than places the one with the ports gets an eighth at most.
        for number in 0..<1000 {
            let peer = PeerAddress(ipv4: 0xc612_0000 + UInt32(number), port: 6881)
            try tracker.announce(Self.swarm(1), peer, wanting: 0)
        }
        for _ in 0..<100 {
            try tracker.announce(Self.swarm(1), PeerAddress(ipv4: 0xcb00_7101, port: 1), wanting: 50)
            let given = tracker.selection.addresses
            #expect(given.count == 50)
            #expect(given.count { $0.hasSameHost(as: Self.attacker(0)) } <= 7)
        }
        #expect(tracker.store.counts(of: Self.swarm(1))?.seeds == 30_040)
    }

    @Test func `in a /64 are one source`() throws {
        let tracker = Tracker()
        let seed = PeerAddress(ipv6High: 0x2001_0db8_0000_0001, low: 1, port: 6881)
        try tracker.announce(Self.swarm(1), seed, left: 0)
        for number in 1...5_000 {
            let peer = PeerAddress(ipv6High: 0x2001_0db8_0000_0002, low: UInt64(number), port: 6881)
            try tracker.announce(Self.swarm(1), peer, wanting: 0)
        }
        for _ in 0..<50 {
            try tracker.announce(
                Self.swarm(1), PeerAddress(ipv6High: 0x2001_0db8_0000_0003, low: 1, port: 1), wanting: 20)
            #expect(tracker.selection.addresses.contains(seed))
            #expect(tracker.selection.ipv6Count == 20)
        }
    }

    @Test func `that are a site behind one address are all handed out while there is room`() throws {
        let tracker = Tracker()
        for port in 1...40 { try tracker.announce(Self.swarm(1), Self.attacker(0, port: UInt16(port))) }
        try tracker.announce(Self.swarm(1), Self.honest)
        #expect(Set(tracker.selection.addresses).count == 40)
    }

    @Test func `give their first place to a peer that started anew`() throws {
        let tracker = Tracker()
        let other = Self.attacker(1)
        try tracker.announce(Self.swarm(1), Self.attacker(0, port: 1), left: 0)
        for number in 2...400 { try tracker.announce(Self.swarm(1), Self.attacker(number), wanting: 0) }
        tracker.now += 1_000
        try tracker.announce(Self.swarm(1), Self.attacker(0, port: 2), left: 0)
        for number in 2...400 { try tracker.announce(Self.swarm(1), Self.attacker(number), wanting: 0) }
        tracker.now += 1_100
        // The first has been silent for more than half of its life by now.
        try tracker.announce(Self.swarm(1), Self.attacker(0, port: 2), left: 0)
        var seen: [PeerAddress: Int] = [:]
        for _ in 0..<400 {
            try tracker.announce(Self.swarm(1), other, wanting: 40)
            for peer in tracker.selection.addresses { seen[peer, default: 0] += 1 }
        }
        // A fair part of the places is 40; of the crowd's, which are an eighth of 40 at most, there is none here but one.
        #expect(seen[Self.attacker(0, port: 2), default: 0] > 10)
        #expect(tracker.store.counts(of: Self.swarm(1))?.seeds == 2)
    }

    @Test func `cost a bounded time for each newcomer`() throws {
        let tracker = Tracker { $0.swarms = 50_000 }
        func time(_ range: Range<Int>) throws -> Duration {
            try ContinuousClock().measure {
                for number in range { _ = try tracker.announce(Self.swarm(number), Self.attacker(0), wanting: 0) }
            }
        }
        let filling = try time(0..<50_000)
        let full = try time(50_000..<100_000)
        // About 16 candidates are looked at for each; a search of all would take thousands of times as long.
        #expect(full < filling * 100 + .seconds(5))
    }
}

@Suite struct `Rows of a table` {
    /// Announces of all kinds from few hosts with many ports, through growth and shrinking.
    @Test(arguments: [1, 2, 3] as [UInt64])
    func `are all found, and one of each source at most stands for it`(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let store = MemoryPeerStore()
        var selection = PeerSelection()
        defer { selection.deallocate() }
        let swarm = SwarmKey(first: 1, second: 2, third: 3)
        let hosts = (0...20).map { PeerAddress(ipv4: 0x0a00_0000 + UInt32($0), port: 0) }
        var now: UInt64 = 10_000
        for step in 0..<12_000 {
            let port = UInt16.random(in: 0...400, using: &generator)
            let host = Int.random(in: 0..<40, using: &generator)
            let address = PeerAddress(ipv4: 0x0a00_0000 + UInt32(min(host, 20)), port: port)
            var announce = PeerAnnounce(
                swarm: swarm, peer: PeerName(first: UInt64(host), second: 0, third: 0), port: port)
            announce.left = UInt64.random(in: 0...1, using: &generator)
            announce.isUnreachable = Int.random(in: 0..<3, using: &generator) == 0
            announce.key = UInt32.random(in: 0...1, using: &generator)
            if Int.random(in: 0..<10, using: &generator) < ((step / 2_000) % 2 == 0 ? 1 : 8) {
                announce.event = .stopped
            }
            now += UInt64.random(in: 0...3, using: &generator)
            _ = try store.announce(
                announce, from: address, wanting: PeerWish(limit: 20), now: now, selection: &selection)
            #expect(Set(selection.addresses).count == selection.ipv4Count)
            if step % 7 == 0 { store.maintain(now: now, steps: 20) }
            guard step % 100 == 0, let table = store.check(swarm, hosts: hosts) else { continue }
            #expect(table.problems == [])
            #expect(store.totals.peers == table.peers)
            #expect(store.totals.seeds == table.seeds)
            #expect(table.counted >= table.peers)
        }
    }
}

/// The list of the biggest swarms is kept from announce to announce.
@Suite struct `The biggest swarms` {
    private func tracker(_ sizes: [Int]) throws -> Asker {
        let tracker = Asker(MemoryPeerStore())
        var selection = PeerSelection()
        defer { selection.deallocate() }
        for (swarm, size) in sizes.enumerated() {
            for peer in 0..<size {
                let announce = PeerAnnounce(
                    swarm: SwarmKey(first: UInt64(swarm), second: 0, third: 0),
                    peer: PeerName(first: UInt64(peer), second: 0, third: 0), port: 1)
                _ = try tracker.store.announce(
                    announce, from: PeerAddress(ipv4: 0x0a00_0000 + UInt32(peer), port: 1),
                    wanting: PeerWish(limit: 0), now: 1, selection: &selection)
            }
        }
        return tracker
    }

    @Test func `are found among thousands`() throws {
        var sizes = [Int](repeating: 1, count: 5_000)
        for number in 0..<100 { sizes[number * 49] = 20 + number }
        let biggest = try tracker(sizes).store.biggestSwarms(100)
        #expect(biggest.map(\.counts.leechers) == (20..<120).reversed())
    }

    @Test func `are found without a look at all of them`() throws {
        let store = try tracker([Int](repeating: 1, count: 100_000) + [5, 9]).store
        let clock = ContinuousClock()
        #expect(store.biggestSwarms(2).map(\.counts.leechers) == [9, 5])
        let time = clock.measure { for _ in 0..<200 { _ = store.biggestSwarms(100) } }
        // A look at 100,000 swarms takes ten milliseconds and more; this takes a fraction of one.
        #expect(time < .seconds(2))
    }

    @Test func `make way when they shrink`() throws {
        let tracker = try tracker([50] + [Int](repeating: 3, count: 600))
        var selection = PeerSelection()
        defer { selection.deallocate() }
        for peer in 0..<50 {
            var announce = PeerAnnounce(
                swarm: SwarmKey(first: 0, second: 0, third: 0), peer: PeerName(first: 1, second: 0, third: 0), port: 1)
            announce.event = .stopped
            _ = try tracker.store.announce(
                announce, from: PeerAddress(ipv4: 0x0a00_0000 + UInt32(peer), port: 1), wanting: PeerWish(limit: 0),
                now: 1, selection: &selection)
        }
        #expect(tracker.store.biggestSwarms(100).allSatisfy { $0.counts.leechers == 3 })
    }
}
