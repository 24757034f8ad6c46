import Metainfo
import SwarmCore
import Testing

@Suite struct SwarmsWithGrants {
    private func swarm(_ count: Int, pieces: Int, grantsFrom: Int = 24) throws -> TestSwarm {
        var swarm = TestSwarm(layout: try testLayout(length: pieces * 262_144, pieceLength: 262_144))
        var configuration = SwarmConfiguration()
        configuration.grantsFrom = grantsFrom
        for node in 0..<count { _ = swarm.add(seed: node == 0, configuration: configuration) }
        for first in 0..<count { for second in 0..<first { swarm.connect(second, first) } }
        return swarm
    }

    @Test func `a swarm of forty completes and each piece leaves the seed about once`() throws {
        let pieces = 80
        var swarm = try swarm(40, pieces: pieces)
        let bound = Double(pieces) * 262_144 / swarm.uplink
        swarm.run(limit: 4 * bound) { $0.nodes[0].sent.count == pieces }
        let spread = Double(swarm.nodes[0].sent.values.reduce(0, +)) / (Double(pieces) * 262_144)
        #expect(spread < 1.1, "almost nothing leaves the seed twice before all has left it")
        swarm.run(limit: 4 * bound) { $0.areAllFinished }
        let finished = swarm.areAllFinished
        #expect(finished)
        let ratio = swarm.now / bound
        #expect(ratio < 1.4, "measured: 1.25")
        let wasted = swarm.nodes.map(\.machine.wastedBytes).reduce(0, +)
        #expect(Double(wasted) < 0.02 * 39 * Double(pieces) * 262_144)
        let dropped = swarm.nodes.flatMap(\.disconnected).filter { $0.reason != .redundant }
        #expect(dropped.isEmpty)
    }
}
