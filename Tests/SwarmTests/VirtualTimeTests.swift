import PeerWire
import Reactor
import Swarm
import TestSupport
import Testing
import VirtualNetwork

/// The engine itself, over connections in memory and on a virtual clock: minutes of network time that take milliseconds.
@Suite struct `On a virtual network` {
    private let network = VirtualNetwork()
    private let place: TemporaryDirectory
    private let sample: Sample

    init() throws {
        place = try TemporaryDirectory()
        sample = try .single(600_000)
    }

    private func seed(_ number: UInt8) throws -> VirtualEngine {
        let path = try sample.write(into: place.directory("seed\(number)"))
        return try VirtualEngine(number, on: network, sample, at: path, isSeed: true)
    }

    private func leecher(
        _ number: UInt8, from peers: [UInt8], _ change: (inout TransferOptions) -> Void = { _ in }
    ) throws -> VirtualEngine {
        try VirtualEngine(
            number, on: network, sample, at: place.directory("leecher\(number)") + "/content", isSeed: false,
            peers: peers.map { VirtualNetwork.address($0) }, change)
    }

    private func hasContent(_ number: UInt8) throws -> Bool {
        sample.isThere(in: try place.directory("leecher\(number)"))
    }

    @Test(arguments: [0.001, 0.2]) func `a pair transfers`(latency: Double) throws {
        network.latency = latency
        let engines = [try seed(1), try leecher(2, from: [1])]
        defer { for engine in engines { engine.stop() } }
        let start = network.now
        #expect(network.run(for: 60) { engines[1].isComplete })
        #expect(try hasContent(2))
        #expect(network.now - start < 1 + 20 * latency)
    }

    @Test func `many peers share what one slow uplink gives`() throws {
        network.uplink = 100_000
        let engines = [try seed(1)] + (try (UInt8(2)...5).map { try leecher($0, from: Array(1..<$0)) })
        defer { for engine in engines { engine.stop() } }
        let start = network.now
        #expect(network.run(for: 300) { engines.dropFirst().allSatisfy(\.isComplete) })
        // The seed alone would take 24 seconds.
        #expect(network.now - start < 18)
    }

    @Test func `a peer that takes the connection and says nothing is dropped after twelve seconds`() throws {
        let silent = try network.listen(on: VirtualNetwork.address(1))
        defer { silent.close() }
        let engine = try leecher(2, from: [1])
        defer { engine.stop() }
        network.run(for: 11.9)
        #expect(engine.engine.opening.count == 1)
        network.run(for: 0.3)
        #expect(engine.engine.opening.isEmpty)
        // It is tried again after a backoff, and dropped again.
        network.run(for: 15)
        #expect(network.dials.count == 2)
    }

    @Test func `a stranger that connects and says nothing is dropped after twelve seconds`() throws {
        let engine = try seed(1)
        defer { engine.stop() }
        let stranger = try network.connect(to: engine.address, from: VirtualNetwork.address(9))
        defer { stranger.close() }
        func isDropped() -> Bool {
            withUnsafeTemporaryAllocation(byteCount: 16, alignment: 1) { stranger.receive(into: $0) } == .ended
        }
        network.run(for: 11.9)
        #expect(!isDropped())
        network.run(for: 0.3)
        #expect(isDropped())
    }

    @Test func `a host that comes back after a backoff is dialled again, less often the longer it was away`() throws {
        let engine = try leecher(2, from: [1])
        defer { engine.stop() }
        network.run(for: 20)
        let waits = zip(network.dials, network.dials.dropFirst()).map { $1.at - $0.at }
        #expect(waits.count >= 2)
        for (wait, least) in zip(waits, [2.0, 4.0, 8.0]) { #expect(wait >= least && wait < least + 0.5) }
        let late = try seed(1)
        defer { late.stop() }
        #expect(network.run(for: 30) { engine.isComplete })
        #expect(try hasContent(2))
    }

    @Test func `peers that have nothing for each other stay connected by keep-alives`() throws {
        let engines = [try leecher(1, from: []), try leecher(2, from: [1])]
        defer { for engine in engines { engine.stop() } }
        network.run(for: 1_800)
        #expect(engines.map(\.engine.connections.count) == [1, 1])
        #expect(network.dials.count { $0.to == engines[0].address } == 1)
    }

    @Test func `a peer whose cable is pulled is dropped when it has been silent for four minutes`() throws {
        let engines = [try leecher(1, from: []), try leecher(2, from: [1])]
        defer { for engine in engines { engine.stop() } }
        network.run(for: 10)
        #expect(engines[0].engine.connections.count == 1)
        network.unplug(engines[1].address)
        network.run(for: 200)
        #expect(engines[0].engine.connections.count == 1)
        network.run(for: 60)
        #expect(engines[0].engine.connections.isEmpty)
    }
}
