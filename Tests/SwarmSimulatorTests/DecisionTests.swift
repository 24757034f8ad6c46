import Testing

@testable import SwarmCore
@testable import SwarmSimulator

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
        #expect(simulation.hosts[0].machine.uploads.grants.serial > 0)
        crowd.configuration.grantsFrom = 1_000
        let without = try Simulation(crowd)
        _ = without.run()
        #expect(without.hosts[0].machine.uploads.grants.serial == 0)
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
        for host in banning {
            #expect(!host.links.contains { $0?.other == liar })
            let before = simulation.connectionSerial
            simulation.dialled(simulation.hosts[Int(liar)], host.index)
            #expect(simulation.connectionSerial == before)
        }
    }

    @Test func `of two connections between the same hosts one is kept`() throws {
        let simulation = try Simulation(scenario())
        _ = simulation.run()
        for host in simulation.hosts {
            let others = host.links.compactMap { $0?.other }
            #expect(Set(others).count == others.count)
            for link in host.links {
                guard let link else { continue }
                let verdict = host.admission.verdict(link.other, at: link.other, isIncoming: true)
                #expect(verdict != .admitted)
            }
        }
    }

    @Test func `peer exchange makes hosts known that the tracker did not name`() throws {
        var scenario = scenario(receivers: 20)
        scenario.network.peersPerAnnounce = 3
        let told = try Simulation(scenario).run()
        scenario.network.mostExchanged = 0
        #expect(try Simulation(scenario).run().connections < told.connections)
    }
}
