import SwarmCore
import SwarmSimulator
import Testing

@Suite struct GrantSimulationTests {
    private func sixty(grantsFrom: Int) throws -> (ratio: Double, copies: Double, wasted: Double) {
        let megabyte = 1_000_000.0
        var scenario = Scenario.fanOut(
            receivers: 60, contentLength: 64 << 20, pieceLength: 256 << 10, blockLength: 256 << 10, up: 10 * megabyte,
            down: 10 * megabyte)
        scenario.configuration.grantsFrom = grantsFrom
        scenario.timeLimit = 600
        let result = try Simulation(scenario).run()
        let content = Double(scenario.contentLength)
        return (
            (result.makespan ?? .infinity) / IdealTime(scenario).seconds, Double(result.sent[0]) / content,
            Double(result.wasted) / 60 / content
        )
    }

    @Test func `sixty hosts end sooner with grants`() throws {
        let turns = try sixty(grantsFrom: 24)
        let free = try sixty(grantsFrom: .max)
        // Measured: 1.33 and 2.10.
        #expect(turns.ratio < 1.45)
        #expect(turns.ratio < 0.8 * free.ratio)
        #expect(turns.copies < 1.3)
        #expect(turns.wasted < 0.05)
    }
}
