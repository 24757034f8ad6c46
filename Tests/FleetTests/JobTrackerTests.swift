import Address
import Fleet
import Testing
import Text

private func node(_ number: Int) throws -> NodeID {
    NodeID(publicKey: [UInt8(truncatingIfNeeded: number), UInt8(truncatingIfNeeded: number >> 8)])
}

private func address(_ number: Int) throws -> PeerAddress {
    PeerAddress(ipv4: 0x0a00_0000 + UInt32(number), port: 6881)
}

@Suite struct JobTrackerTests {
    private var random = SeededGenerator(seed: 1)

    private mutating func announce(
        _ tracker: inout JobTracker, _ number: Int, site: String = "", left: Int64 = 5, event: String? = nil,
        isReachable: Bool = true, wanted: Int64 = 50, at now: Double = 0
    ) throws -> [PeerAddress] {
        try tracker.announce(
            AnnounceRequest(
                job: "j-1", addresses: isReachable ? [address(number)] : [], left: left, event: event, wanted: wanted),
            of: node(number), site: site, at: now, using: &random
        ).peers
    }

    @Test mutating func `A node hears of the others and not of itself`() throws {
        var tracker = JobTracker()
        let first = try announce(&tracker, 1)
        let second = try announce(&tracker, 2)
        let again = try announce(&tracker, 1)
        #expect(first.isEmpty)
        #expect(try second == [address(1)])
        #expect(try again == [address(2)])
        #expect(tracker.count == 2)
    }

    @Test mutating func `Half of what a node hears are peers of its site, and the rest others`() throws {
        var tracker = JobTracker()
        for number in 1...40 { _ = try announce(&tracker, number, site: number <= 20 ? "bj" : "sh") }
        let heard = try announce(&tracker, 1, site: "bj", wanted: 20)
        #expect(heard.count == 20)
        let own = heard.filter { $0.low & 0xffff <= 20 }.count
        #expect(own >= 10)
        #expect(heard.prefix(10).allSatisfy { $0.low & 0xffff <= 20 })
        #expect(Set(heard).count == 20)
        // Where there are few others, its site fills the rest.
        var small = JobTracker()
        for number in 1...12 { _ = try announce(&small, number, site: "bj") }
        let all = try announce(&small, 1, site: "bj", wanted: 50)
        #expect(all.count == 11)
    }

    @Test mutating func `Who cannot be dialled is told of those who can, and is told to nobody`() throws {
        var tracker = JobTracker()
        _ = try announce(&tracker, 1, isReachable: false)
        let reachable = try announce(&tracker, 2)
        let firewalled = try announce(&tracker, 1, isReachable: false)
        #expect(reachable.isEmpty)
        #expect(try firewalled == [address(2)])
        // A node that is dialled no more is not told any more.
        _ = try announce(&tracker, 2, isReachable: false)
        let after = try announce(&tracker, 1, isReachable: false)
        #expect(after.isEmpty)
        #expect(tracker.count == 2)
    }

    @Test mutating func `Seeds are not told of seeds`() throws {
        var tracker = JobTracker()
        _ = try announce(&tracker, 1, left: 0)
        let seed = try announce(&tracker, 2, left: 0)
        let taker = try announce(&tracker, 3)
        #expect(seed.isEmpty)
        #expect(taker.count == 2)
        #expect(tracker.figures(of: "j-1") == (3, 2))
    }

    @Test mutating func `Peers that stop, are silent or whose job is over are forgotten`() throws {
        var tracker = JobTracker()
        _ = try announce(&tracker, 1)
        _ = try announce(&tracker, 2)
        _ = try announce(&tracker, 2, event: "stopped")
        #expect(tracker.count == 1)
        let late = try announce(&tracker, 3, at: 1000)
        #expect(late.isEmpty)
        tracker.expire(at: 1000)
        #expect(tracker.count == 1)
        tracker.end("j-1")
        #expect(tracker.count == 0 && tracker.jobs == 0)
    }

    @Test mutating func `Many are asked to announce less often`() throws {
        var tracker = JobTracker()
        #expect(tracker.interval == 30)
        for number in 0..<16_000 { _ = try announce(&tracker, number, wanted: 0) }
        #expect(tracker.interval == 32)
    }
}
