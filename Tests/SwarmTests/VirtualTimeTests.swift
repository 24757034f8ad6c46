import PeerWire
import Reactor
import TestSupport
import Testing
import VirtualNetwork

@testable import Swarm

/// The engine itself, over connections in memory and on a virtual clock: minutes of network time that take milliseconds.
@Suite struct `On a virtual network` {
    private let network = VirtualNetwork()
    private let place: TemporaryDirectory
    private let sample: Sample

    init() throws {
        place = try TemporaryDirectory()
        sample = try .single(600_000)
    }

    private func seed(_ number: UInt8, _ sample: Sample? = nil) throws -> VirtualEngine {
        let sample = sample ?? self.sample
        let path = try sample.write(into: place.directory("seed\(number)"))
        return try VirtualEngine(number, on: network, sample, at: path, isSeed: true)
    }

    private func leecher(
        _ number: UInt8, _ sample: Sample? = nil, from peers: [UInt8], id: PeerID? = nil
    ) throws -> VirtualEngine {
        try VirtualEngine(
            number, on: network, sample ?? self.sample, at: place.directory("leecher\(number)") + "/content",
            isSeed: false, id: id, peers: peers.map { VirtualNetwork.address($0) })
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

    @Test func `a limit of a site's line holds for peers outside it and for nobody else`() throws {
        // More than may be requested ahead of a peer that gives slowly.
        let sample = try Sample.single(8_000_000)
        let peer = try VirtualEngine(
            1, on: network, sample, at: sample.write(into: place.directory("seed1")), isSeed: true
        ) { $0.site = "station" }
        let path = try place.directory("leecher2") + "/content"
        let engine = try VirtualEngine(
            2, on: network, sample, at: path, isSeed: false, peers: [VirtualNetwork.address(1)]
        ) {
            $0.site = "harbour"
            $0.outsideLimit = 50_000
        }
        let neighbour = try VirtualEngine(
            3, on: network, sample, at: sample.write(into: place.directory("seed3")), isSeed: true
        ) { $0.site = "harbour" }
        defer { for engine in [peer, engine, neighbour] { engine.stop() } }
        let start = network.now
        #expect(!network.run(for: 6) { engine.isComplete })
        #expect(engine.engine.machine.transferred.down > 100_000)
        engine.engine.found([VirtualNetwork.address(3)])
        // All of it from outside would take two minutes and more.
        #expect(network.run(for: 30) { engine.isComplete })
        #expect(sample.isThere(in: try place.directory("leecher2")))
        #expect(engine.engine.machine.transferred.down < 9_000_000, "\(network.now - start) s")
    }

    /// Ten pieces among four leechers: which of them ask for the same piece at the start is a matter of luck. So the bounds
    /// are for some seeds of the random choices, and for the middle of them.
    @Test func `many peers share what one slow uplink gives`() throws {
        let seconds = try (UInt64(1)...15).map { seed in
            let (network, place) = (VirtualNetwork(), try TemporaryDirectory())
            network.uplink = 100_000
            let engines = try (UInt8(1)...5).map { number in
                let isSeed = number == 1
                let directory = try place.directory("host\(number)")
                return try VirtualEngine(
                    number, on: network, sample, at: isSeed ? sample.write(into: directory) : directory + "/content",
                    isSeed: isSeed, peers: (1..<number).map { VirtualNetwork.address($0) }, seed: seed)
            }
            defer { for engine in engines { engine.stop() } }
            let start = network.now
            #expect(network.run(for: 300) { engines.allSatisfy(\.isComplete) })
            return network.now - start
        }.sorted()
        // The seed alone would take 24 seconds.
        #expect(seconds[7] < 15 && seconds[14] < 24, "\(seconds)")
    }

    @Test func `a peer that takes the connection and says nothing is dropped after twelve seconds`() throws {
        let silent = try network.listen(on: VirtualNetwork.address(1))
        defer { silent.close() }
        let engine = try leecher(2, from: [1])
        defer { engine.stop() }
        network.run(for: 11.9)
        #expect(engine.engine.peers.opening.count == 1)
        network.run(for: 0.3)
        #expect(engine.engine.peers.opening.isEmpty)
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

    @Test func `a peer that shook hands and says nothing more is dropped after four minutes`() throws {
        let engine = try seed(1)
        let silent = try VirtualPeer(2, on: network, sample, to: engine.address)
        defer {
            silent.stop()
            engine.stop()
        }
        network.run(for: 239)
        #expect(silent.closed == 0)
        network.run(for: 10)
        #expect(silent.closed == 1)
    }

    @Test func `a keep-alive is sent before a peer takes this host for gone`() throws {
        let engine = try seed(1)
        let peer = try VirtualPeer(2, on: network, sample, to: engine.address)
        defer {
            peer.stop()
            engine.stop()
        }
        network.run(for: 99)
        #expect(!peer.heard.contains(.keepAlive))
        network.run(for: 20)
        #expect(peer.heard.count { $0 == .keepAlive } == 1)
    }

    @Test func `a peer that rejects each request is asked less and less often`() throws {
        let refuser = try VirtualPeer(1, on: network, sample, greeting: [.haveAll, .unchoke]) { message in
            if case .request(let request) = message { [.reject(request)] } else { [] }
        }
        let engine = try leecher(2, from: [1])
        defer {
            refuser.stop()
            engine.stop()
        }
        func asked(for seconds: Double) -> Int {
            let before = refuser.heard.count { if case .request = $0 { true } else { false } }
            network.run(for: seconds)
            return refuser.heard.count { if case .request = $0 { true } else { false } } - before
        }
        let (first, later) = (asked(for: 60), asked(for: 60))
        #expect(first > 0 && first < 100, "a reject at once begs no request at once")
        #expect(later < first)
    }

    @Test(arguments: [
        ("-AA0000-aaaaaaaaaaaa", "-zz0000-zzzzzzzzzzzz"), ("-zz0000-zzzzzzzzzzzz", "-AA0000-aaaaaaaaaaaa"),
    ])
    func `of the connections that two peers make to each other at once both keep the one of the larger id`(
        one: String, other: String
    ) throws {
        network.latency = 0.2
        let engines = [
            try leecher(1, from: [2], id: PeerID(bytes: Array(one.utf8))),
            try leecher(2, from: [1], id: PeerID(bytes: Array(other.utf8))),
        ]
        defer { for engine in engines { engine.stop() } }
        // Before either has heard of the other.
        network.run(for: 0.1)
        #expect(Set(network.dials.map(\.to)) == Set(engines.map(\.address)))
        network.run(for: 5)
        let kept = engines.map { $0.engine.connections.values.map(ObjectIdentifier.init) }
        network.run(for: 300)
        let larger = one > other ? 0 : 1
        #expect(engines.map(\.engine.connections.count) == [1, 1])
        #expect(engines[larger].engine.connections.values.allSatisfy { !$0.isIncoming })
        #expect(engines[1 - larger].engine.connections.values.allSatisfy { $0.isIncoming })
        #expect(engines.map { $0.engine.connections.values.map(ObjectIdentifier.init) } == kept)
        // Who sees his own closed, and does not know why, tries once more.
        #expect(network.dials.count <= 3)
    }

    @Test(arguments: [false, true]) func `a peer is found through another, but not in a private torrent`(
        isPrivate: Bool
    ) throws {
        network.uplink = 20_000
        let sample = try Sample.single(4 << 20, isPrivate: isPrivate)
        // The last knows the second alone, who knows the seed.
        let engines = [try seed(1, sample), try leecher(2, sample, from: [1]), try leecher(3, sample, from: [2])]
        defer { for engine in engines { engine.stop() } }
        #expect(network.run(for: 10) { engines[1].engine.connections.count == 2 })
        #expect(network.run(for: isPrivate ? 150 : 60) { engines[2].engine.connections.count == 2 } == !isPrivate)
        #expect(engines.map(\.engine.connections.count) == (isPrivate ? [1, 2, 1] : [2, 2, 2]))
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
