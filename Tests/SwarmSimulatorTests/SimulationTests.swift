import SwarmCore
import SwarmSimulator
import Testing

private let megabyte = 1_000_000.0

/// Eight receivers on lines of 80 Mbit/s, as in the measurements, with a quarter of the content.
private func eight(_ change: (inout Scenario) -> Void = { _ in }) -> Scenario {
    var scenario = Scenario.fanOut(
        receivers: 8, contentLength: 64 << 20, pieceLength: 1 << 20, blockLength: 128 << 10, up: 10 * megabyte,
        down: 10 * megabyte)
    change(&scenario)
    return scenario
}

@Suite struct SimulationTests {
    @Test func `the same seed number gives the same result`() throws {
        let first = try Simulation(eight()).run()
        #expect(try Simulation(eight()).run() == first)
        let other = try Simulation(eight { $0.seedNumber = 2 }).run()
        #expect(other.makespan != first.makespan)
        #expect(other.makespan != nil)
    }

    @Test func `nothing is received that was not sent and everybody has one copy`() throws {
        let scenario = eight()
        let result = try Simulation(scenario).run()
        let sent = result.sent.reduce(0, +)
        let copies = 8 * scenario.contentLength
        #expect(sent >= copies)
        // What was under way when the last one had all is neither wasted nor part of a copy.
        #expect(Double(sent - copies - result.wasted) < 0.01 * Double(copies))
        #expect(result.finishedAt.compactMap { $0 }.count == 8)
        #expect(result.finishedAt[0] == nil, "a seed finishes nothing")
    }

    @Test func `nobody is faster than the bound and eight are near it`() throws {
        let scenario = eight()
        let bound = IdealTime(scenario).seconds
        let makespan = try #require(try Simulation(scenario).run().makespan)
        #expect(makespan > 1.046 * bound)
        #expect(makespan < 1.25 * bound)
    }

    @Test func `one hundred hosts finish`() throws {
        let scenario = Scenario.fanOut(
            receivers: 100, contentLength: 32 << 20, pieceLength: 512 << 10, blockLength: 128 << 10, up: 10 * megabyte,
            down: 10 * megabyte)
        let result = try Simulation(scenario).run()
        let makespan = try #require(result.makespan)
        #expect(makespan < regression * IdealTime(scenario).seconds)
        #expect(Double(result.wasted) < 0.1 * 100 * Double(scenario.contentLength))
    }

    /// What choking, choice of pieces and request depth reach now with content so small that it is hardly spread when
    /// the bound is over (measured: 4.9); to be lowered when they get better.
    private let regression = 5.4

    @Test func `poisoners are banned and cost little`() throws {
        let clean = try #require(try Simulation(eight()).run().makespan)
        let scenario = eight { scenario in
            for _ in 0..<3 {
                var poisoner = Scenario.Host(.receiver, up: 10 * megabyte, down: 10 * megabyte)
                poisoner.isPoisoner = true
                scenario.hosts.append(poisoner)
            }
        }
        let result = try Simulation(scenario).run()
        let makespan = try #require(result.makespan)
        #expect(result.wasted > 0)
        #expect(makespan < 1.3 * clean)
    }

    /// What a seed gives to who can hardly hand it on comes to others late: 1.45 to 1.47 before it told them apart.
    @Test(arguments: [1, 2, 3]) func `two with narrow uplinks do not hold up the others`(seed: UInt64) throws {
        let scenario = eight { scenario in
            scenario.contentLength = 128 << 20
            scenario.seedNumber = seed
            for index in 1...2 { scenario.hosts[index].up = megabyte }
        }
        let makespan = try #require(try Simulation(scenario).run().makespan)
        #expect(makespan < 1.32 * IdealTime(scenario).seconds)
    }

    @Test func `a seed that dies after one copy is not missed`() throws {
        let scenario = eight { $0.hosts[0].leavesAfterCopies = 1.1 }
        let result = try Simulation(scenario).run()
        #expect(result.makespan != nil)
        #expect(result.sent[0] < Int64(1.2 * Double(scenario.contentLength)))
    }

    @Test func `when the only seed dies early nobody finishes`() throws {
        let scenario = eight { scenario in
            scenario.hosts[0].leavesAt = 2
            scenario.timeLimit = 60
        }
        let result = try Simulation(scenario).run()
        #expect(result.makespan == nil)
        #expect(result.finishedAt.allSatisfy { $0 == nil })
    }

    @Test func `one who leaves is not waited for`() throws {
        let result = try Simulation(eight { $0.hosts[3].leavesAt = 3 }).run()
        #expect(result.makespan != nil)
        #expect(result.finishedAt[3] == nil)
        #expect(result.finishedAt.compactMap { $0 }.count == 7)
    }

    @Test func `late joiners are served`() throws {
        let scenario = eight { scenario in
            for _ in 0..<8 {
                var host = Scenario.Host(.receiver, up: 10 * megabyte, down: 10 * megabyte)
                host.joinsAt = 4
                scenario.hosts.append(host)
            }
        }
        let makespan = try #require(try Simulation(scenario).run().makespan)
        #expect(makespan - 4 < 1.3 * 6.71)
    }

    @Test func `hosts behind a firewall finish though they cannot dial each other`() throws {
        let scenario = eight { for index in 1...6 { $0.hosts[index].acceptsConnections = false } }
        let result = try Simulation(scenario).run()
        let makespan = try #require(result.makespan)
        #expect(makespan >= IdealTime(scenario).seconds)
        // 2 open hosts and the seed with each other, and the six with those: no pair of the six.
        #expect(result.connections == 3 + 3 * 6)
    }

    @Test func `a thin line between sites is a bound`() throws {
        let scenario = eight { scenario in
            scenario.sites = [
                Scenario.Site(up: 2 * megabyte, down: 2 * megabyte),
                Scenario.Site(up: 2 * megabyte, down: 2 * megabyte),
            ]
            for index in 5...8 { scenario.hosts[index].site = 1 }
        }
        let result = try Simulation(scenario).run()
        let makespan = try #require(result.makespan)
        let bytes = Double(scenario.contentLength)
        #expect(result.siteDown[1] >= bytes, "one copy at least crosses the line")
        #expect(makespan >= result.siteDown[1] / (2 * megabyte) - 1, "bytes take their time on it")
    }
}

@Suite struct IdealTimeTests {
    private func scenario(_ receivers: Int, seedUp: Double = 10, up: Double = 10, down: Double = 10) -> Scenario {
        var scenario = Scenario(contentLength: 1000, pieceLength: 16_384)
        scenario.hosts = [Scenario.Host(.seed, up: seedUp, down: 10)]
        scenario.hosts += Array(repeating: Scenario.Host(.receiver, up: up, down: down), count: receivers)
        return scenario
    }

    @Test func `equal lines are bound by the seed`() {
        let ideal = IdealTime(scenario(8))
        #expect(ideal.seconds == 100)
        #expect(ideal.limit == .seedUplink)
    }

    @Test func `each line can bind`() {
        #expect(IdealTime(scenario(8, seedUp: 100, up: 100, down: 5)).seconds == 200)
        #expect(IdealTime(scenario(8, seedUp: 100, up: 100, down: 5)).limit == .downlink)
        #expect(IdealTime(scenario(8, seedUp: 20, up: 1, down: 20)).seconds == 8000.0 / 28)
        #expect(IdealTime(scenario(8, seedUp: 20, up: 1, down: 20)).limit == .allUplinks)
    }

    @Test func `uplinks behind a firewall do not serve each other`() {
        var hidden = scenario(8)
        for index in 1...6 { hidden.hosts[index].acceptsConnections = false }
        // 6,000 bytes from 3 hosts of 10.
        #expect(IdealTime(hidden).seconds == 200)
        #expect(IdealTime(hidden).limit == .reachableUplinks)
    }

    @Test func `poisoners are nobody`() {
        var poisoned = scenario(8)
        var liar = Scenario.Host(.receiver, up: 1000, down: 1)
        liar.isPoisoner = true
        poisoned.hosts.append(liar)
        #expect(IdealTime(poisoned) == IdealTime(scenario(8)))
    }

    @Test func `a line between sites binds only those behind it`() {
        var two = scenario(8)
        two.sites = [Scenario.Site(), Scenario.Site(up: 1, down: 4)]
        #expect(IdealTime(two).limit == .seedUplink)
        two.hosts[8].site = 1
        #expect(IdealTime(two).seconds == 250)
        #expect(IdealTime(two).limit == .siteLink)
    }
}

@Suite struct CapacityPlanTests {
    private var cinemas: CapacityPlan {
        var plan = CapacityPlan(
            size: 200_000_000_000, receivers: 50, up: 2_500_000, down: 12_500_000, seedUp: 12_500_000)
        plan.firewalled = 50
        return plan
    }

    @Test func `the rule of six for fifty is kept`() {
        #expect(CapacityPlan.caches(for: 50) == 6)
        #expect(CapacityPlan.caches(for: 500) == 60)
        #expect(CapacityPlan.caches(for: 51) == 7)
    }

    @Test func `caches needed are those that bring the bound down`() throws {
        var plan = cinemas
        let without = plan.ideal
        #expect(without.limit == .reachableUplinks)
        #expect(without.seconds == 50 * 200e9 / 12.5e6)
        let needed = try #require(plan.cachesNeeded(for: without.seconds / 4))
        #expect(needed == 3)
        plan.caches = needed
        #expect(plan.ideal.seconds <= without.seconds / 4)
        #expect(plan.cachesNeeded(for: 1) == nil, "no number of caches makes the seed's line faster")
    }

    /// With looks as far apart as pieces, 300 hosts took 1.18 times the bound instead of 1.10.
    @Test(arguments: [300, 1000], [128, 1000])
    func `hosts know of each other's pieces soon beside the time of a piece`(receivers: Int, pieces: Int) {
        var plan = CapacityPlan(
            size: 1_000 << 20, receivers: receivers, up: 10 * megabyte, down: 10 * megabyte, seedUp: 10 * megabyte)
        plan.mostPieces = pieces
        let (scenario, _) = plan.scenario()
        let pieceTime = Double(scenario.pieceLength) / (10 * megabyte)
        #expect(scenario.contentLength / Int64(scenario.pieceLength) <= Int64(pieces))
        #expect(scenario.network.announceInterval <= pieceTime / 4)
    }

    @Test func `times of a smaller content are those of the whole`() throws {
        var plan = CapacityPlan(
            size: 20_000_000_000, receivers: 4, up: 10 * megabyte, down: 10 * megabyte, seedUp: 10 * megabyte)
        plan.caches = 1
        let answer = try plan.answer()
        let makespan = try #require(answer.makespan)
        #expect(answer.ideal.seconds == 2000)
        #expect(makespan > 2000 * 1.046)
        #expect(makespan < 2000 * 1.3)
    }
}
