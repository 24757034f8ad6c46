import SwarmCore
import SwarmSimulator
import Testing

/// Origins with a budget of two copies, and agents that pull at once.
@Suite struct EgressSimulationTests {
    private static let megabyte = 1_000_000.0

    private func storm(
        agents: Int, originUp: Double = 10, origins: Int = 1, _ change: (inout Scenario) -> Void = { _ in }
    ) throws -> (copies: Double, ratio: Double, result: SimulationResult) {
        var scenario = Scenario.fanOut(
            receivers: agents, contentLength: 64 << 20, pieceLength: 256 << 10, blockLength: 128 << 10,
            up: 10 * Self.megabyte, down: 10 * Self.megabyte, seeds: origins)
        for index in 0..<origins { scenario.hosts[index].up = originUp * Self.megabyte }
        scenario.egress = EgressLimits()
        scenario.timeLimit = 600
        change(&scenario)
        let result = try Simulation(scenario).run()
        let sent = result.sent[..<origins].reduce(0, +)
        let copies = Double(sent) / Double(scenario.contentLength)
        let ratio = (result.makespan ?? .infinity) / IdealTime(scenario).seconds
        return (copies, ratio, result)
    }

    @Test(arguments: [10.0, 1_000]) func `fifty agents get it from each other`(originUp: Double) throws {
        let (copies, ratio, _) = try storm(agents: 50, originUp: originUp)
        #expect(copies < 1.5)
        #expect(ratio < 2)
    }

    @Test(arguments: [10.0, 1_000]) func `eight agents get it from each other`(originUp: Double) throws {
        let (copies, ratio, _) = try storm(agents: 8, originUp: originUp)
        #expect(copies < 1.5)
        #expect(ratio < 1.5)
    }

    @Test func `without a budget an origin with a wide line sends more`() throws {
        #expect(try storm(agents: 8, originUp: 1_000) { $0.egress = nil }.copies > 1.5)
    }

    @Test(arguments: [1, 2, 3]) func `a few agents are not slower for the budget`(agents: Int) throws {
        let (_, ratio, _) = try storm(agents: agents, originUp: 1_000)
        let (_, before, _) = try storm(agents: agents, originUp: 1_000) { $0.egress = nil }
        #expect(ratio < 1.15 * before)
    }

    @Test func `several origins share the first copy`() throws {
        let (copies, ratio, result) = try storm(agents: 30, origins: 3)
        #expect(copies < 1.5)
        #expect(ratio < 2)
        for sent in result.sent[..<3] { #expect(Double(sent) < 0.7 * Double(64 << 20)) }
    }

    @Test func `where one of three origins is silent the others step in`() throws {
        let (copies, _, result) = try storm(agents: 30, origins: 3) { $0.hosts[1].servesNobody = true }
        #expect(result.makespan != nil)
        #expect(copies < 2)
    }

    @Test func `the last agent completes when all others have left`() throws {
        let (_, _, result) = try storm(agents: 20) { scenario in
            for index in 1..<20 { scenario.hosts[index].leavesAt = 3 + Double(index) / 4 }
        }
        #expect(result.makespan != nil)
    }

    @Test func `agents that come late get it from the others`() throws {
        let (copies, _, result) = try storm(agents: 60) { scenario in
            for index in 36...60 { scenario.hosts[index].joinsAt = 4 }
            for index in 1...10 { scenario.hosts[index].leavesAt = 4.1 }
        }
        #expect(copies < 1.6)
        #expect(try #require(result.makespan) < 25)
    }

    @Test(arguments: [false, true]) func `hosts that take and give nothing keep nobody from completing`(
        areSilent: Bool
    ) throws {
        let (_, ratio, result) = try storm(agents: 24, originUp: 20) { scenario in
            for index in 5...24 {
                scenario.hosts[index].isSilent = areSilent
                scenario.hosts[index].servesNobody = true
            }
        }
        #expect(result.makespan != nil)
        // They are twenty of twenty-four: whoever waits for them waits for ten seconds each time.
        #expect(ratio < 15)
    }
}
