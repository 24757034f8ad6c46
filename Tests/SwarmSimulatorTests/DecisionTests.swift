import SwarmCore
import SwarmSimulator
import Testing

/// A decision of each kind is made by `SwarmCore` and seen by the simulator: each test fails when the decision is not
/// made, or when the simulator does not ask for it.
@Suite struct DecisionTests {
    private func scenario(receivers: Int = 10) -> Scenario {
        Scenario.fanOut(
            receivers: receivers, contentLength: 8 << 20, pieceLength: 128 << 10, blockLength: 32 << 10, up: 4e6,
            down: 2e7)
    }

    private func finished(_ scenario: Scenario) throws -> Simulation {
        let simulation = try Simulation(scenario)
        #expect(simulation.run().makespan != nil)
        return simulation
    }

    @Test func `the request planner asks for a block twice only in the end game`() throws {
        let usual = try Simulation(scenario()).run()
        var patient = scenario()
        patient.configuration.endGameDuplicates = 1
        #expect(usual.wasted > 0)
        #expect(try Simulation(patient).run().wasted < usual.wasted)
    }

    @Test func `the upload scheduler of a seed gives each piece to one peer first`() throws {
        let usual = try #require(try Simulation(scenario()).run().makespan)
        var plain = scenario()
        plain.configuration.dispatches = false
        #expect(try #require(try Simulation(plain).run().makespan) > 1.2 * usual)
    }

    @Test func `the upload scheduler grants its uplink where many want something`() throws {
        var crowd = scenario(receivers: 30)
        let simulation = try Simulation(crowd)
        _ = simulation.run()
        #expect(simulation.hosts[0].machine.grantsGiven > 0)
        crowd.configuration.grantsFrom = 1_000
        let without = try Simulation(crowd)
        _ = without.run()
        #expect(without.hosts[0].machine.grantsGiven == 0)
    }

    @Test func `site claims keep a piece from coming to a site twice`() throws {
        var apart = scenario(receivers: 12)
        apart.sites = [.init(), .init(up: 4e6, down: 4e6)]
        for index in 1..<apart.hosts.count { apart.hosts[index].site = 1 }
        let claiming = try Simulation(apart).run()
        apart.claims = false
        #expect(claiming.siteDown[1] < 0.9 * (try Simulation(apart).run().siteDown[1]))
    }

    @Test func `credits of a finished receiver are its whole content`() throws {
        let simulation = try finished(scenario())
        for host in simulation.hosts.dropFirst() { #expect(host.machine.peerCredit == 8 << 20) }
    }

    @Test func `a host that sent false bytes is banned and not let in again`() throws {
        var scenario = scenario()
        scenario.hosts[3].isPoisoner = true
        let simulation = try finished(scenario)
        let liar: Int32 = 3
        let banning = simulation.hosts.filter {
            $0.admission.verdict(liar, at: liar, isIncoming: true) == .banned
        }
        #expect(!banning.isEmpty)
        #expect(simulation.hosts[Int(liar)].isPresent)
        for host in banning {
            #expect(host.isPresent && !host.links.contains { $0?.other == liar })
            // It dials, so that it is not for the list of addresses to keep it out.
            let before = simulation.connectionSerial
            simulation.dialled(simulation.hosts[Int(liar)], host.index)
            #expect(simulation.connectionSerial == before)
        }
    }

    @Test func `a ban alone keeps a host out that was not tried yet`() throws {
        let (simulation, one, other) = try strangers()
        let before = simulation.connectionSerial
        one.admission.ban(other.index, at: other.index)
        simulation.dialled(other, one.index)
        #expect(simulation.connectionSerial == before)
        #expect(!one.links.contains { $0?.other == other.index })
    }

    /// Two receivers in the middle of it all, who have no connection to each other.
    private func strangers() throws -> (Simulation, SimulatedHost, SimulatedHost) {
        var scenario = scenario()
        scenario.timeLimit = 1
        let simulation = try Simulation(scenario)
        _ = simulation.run()
        let (one, other) = (simulation.hosts[1], simulation.hosts[2])
        for link in one.links.compactMap(\.self) where link.other == other.index {
            simulation.disconnect(one, link.key, isRedundant: true)
        }
        try #require(one.isPresent && other.isPresent && !one.machine.isFinished && !other.machine.isFinished)
        return (simulation, one, other)
    }

    @Test(arguments: [false, true]) func `of two connections that hosts make to each other at once one is kept`(
        largerFirst: Bool
    ) throws {
        let (simulation, one, other) = try strangers()
        let (first, second) = largerFirst ? (other, one) : (one, other)
        let before = simulation.connectionSerial
        simulation.dialled(first, second.index)
        simulation.dialled(second, first.index)
        // At both ends the one that the larger of the two made.
        let kept = before + (largerFirst ? 1 : 2)
        #expect(one.links.compactMap(\.self).filter { $0.other == other.index }.map(\.serial) == [kept])
        #expect(other.links.compactMap(\.self).filter { $0.other == one.index }.map(\.serial) == [kept])
    }

    @Test func `peer exchange makes hosts known that the tracker did not name`() throws {
        var scenario = scenario(receivers: 20)
        scenario.network.peersPerAnnounce = 3
        let told = try Simulation(scenario).run()
        scenario.network.mostExchanged = 0
        #expect(try Simulation(scenario).run().connections < told.connections)
    }

    // MARK: Efficiency

    @Test func `the watch over efficiency names the uplink of the seed where nobody else has anything`() throws {
        var scenario = scenario(receivers: 1)
        scenario.contentLength = 64 << 20
        let simulation = try finished(scenario)
        let result = SimulationResult(of: simulation)
        let reading = try #require(result.efficiency[1])
        #expect(reading.limit == .seedUplink)
        // What the seed told of its uplink is the bound, and is reached.
        #expect(try #require(reading.ratio) > 0.9)
        #expect(simulation.hosts[0].efficiency.uplinkTold.map { abs(Double($0) - 4e6) < 0.1 * 4e6 } == true)
    }

    @Test func `the watch over efficiency counts the time without a source`() throws {
        var scenario = scenario(receivers: 1)
        scenario.contentLength = 64 << 20
        // The only seed goes after five seconds; another comes when three times as many have passed.
        scenario.hosts[0].leavesAt = 5
        scenario.hosts.append(scenario.hosts[0])
        scenario.hosts[2].leavesAt = nil
        scenario.hosts[2].joinsAt = 20
        let reading = try #require(try finished(scenario).hosts[1].efficiency.reading(uplink: nil))
        #expect(reading.starved > 0.3 && reading.starved < 0.8)
    }

    // MARK: Further connections

    /// A seed and a receiver far from each other, with little in flight on each connection: a quarter of the uplink. In
    /// the middle of it.
    private func longPath(most: Int) throws -> Simulation {
        var scenario = scenario(receivers: 1)
        scenario.contentLength = 64 << 20
        scenario.sites = [.init(), .init()]
        scenario.hosts[1].site = 1
        scenario.network.connectionWindow = 4e6 / 4 * 2 * scenario.network.delayBetweenSites
        scenario.network.connectionLimits.most = most
        scenario.timeLimit = 15
        let simulation = try Simulation(scenario)
        _ = simulation.run()
        return simulation
    }

    @Test func `further connections fill a long path that one connection does not`() throws {
        let (one, many) = (try longPath(most: 1), try longPath(most: 32))
        func connections(_ simulation: Simulation) -> [Int] {
            simulation.hosts[1].links.compactMap(\.self).map(\.connections)
        }
        #expect(connections(one) == [1])
        #expect(connections(many).allSatisfy { $0 >= 4 } && connections(many).count == 1)
        let received = [one, many].map { $0.hosts[1].machine.transferred.down }
        #expect(received[0] > 0 && received[1] > 2 * received[0])
        #expect(many.hosts[1].machine.wastedBytes == 0)
    }

    @Test func `no further connections are opened within a site`() throws {
        var scenario = scenario(receivers: 2)
        scenario.contentLength = 64 << 20
        scenario.network.connectionWindow = 1e3
        let hosts = try finished(scenario).hosts
        #expect(hosts.allSatisfy { $0.links.allSatisfy { $0?.connections ?? 1 == 1 } })
    }
}
