import Address
import Admission
import Foundation
import Metainfo
import PeerWire
import Reactor
import Synchronization
import TestSupport
import Testing

@testable import Swarm

@Suite(.serialized) struct `Several event loops` {
    private let place: TemporaryDirectory
    private let samples: [Sample]

    init() throws {
        place = try TemporaryDirectory(inMemory: true)
        samples = try (0..<2).map {
            try .single(4 << 20, name: "content\($0)", pieceLength: 1 << 17, version: .v1, seed: UInt64($0 + 1))
        }
    }

    /// A node with a torrent on each of two loops, and another of one loop.
    private func withSeeds(
        _ change: (inout SwarmNode.Configuration) -> Void = { _ in },
        _ body: (_ seeds: [WatchedTransfer], _ node: TestNode, _ other: TestNode) async throws -> Void
    ) async throws {
        try await TestNode.with(1) { _ in
        } _: { others in
            try await TestNode.with(1) {
                $0.loops = 2
                change(&$0)
            } _: { nodes in
                var seeds: [WatchedTransfer] = []
                for sample in samples {
                    let seed = try await nodes[0].seed(sample, from: sample.write(into: place.directory("seed")))
                    try await seed.complete()
                    seeds.append(seed)
                }
                let loops = nodes[0].node.loops.shares.map(\.loop)
                #expect(seeds.map { seed in loops.firstIndex { $0 === seed.transfer.loop } } == [0, 1])
                try await body(seeds, nodes[0], others[0])
            }
        }
    }

    /// A connection that has named the second torrent, which lives on the loop that does not listen. That loop is busy, so that
    /// the connection is on its way.
    private func withTraveller(
        _ body: (_ socket: Handed<PeerSocket>, _ busy: BusyLoop, _ seed: WatchedTransfer, _ node: TestNode) async throws
            -> Void
    ) async throws {
        try await withSeeds { seeds, node, _ in
            let (address, info) = (try await node.address, samples[1].info)
            let busy = await BusyLoop(node.node.loops.shares[1].loop)
            defer { busy.letGo() }
            let socket = try await onThread {
                let socket = try PeerSocket.connect(address)
                try socket.sendHandshake(info.hashes)
                return Handed(socket)
            }
            try await wait(for: "the connection to be on its way") { busy.loop.hasPostedWork }
            try await body(socket, busy, seeds[1], node)
        }
    }

    private func isClosed(_ socket: Handed<PeerSocket>) async throws -> Bool {
        try await onThread {
            do { try socket.value.receiveHandshake(nil) } catch { return error as? PeerSocket.Failure == .closed }
            return socket.value.isClosed()
        }
    }

    @Test(arguments: [1, 2]) func `torrents of different loops are all served and fetched`(loops: Int) async throws {
        try await withSeeds { seeds, node, _ in
            try await TestNode.with(1) {
                $0.loops = loops
            } _: { getters in
                var transfers: [WatchedTransfer] = []
                for sample in samples {
                    transfers.append(
                        try await getters[0].get(
                            sample.torrent, into: place.directory("into"), from: [node.address]))
                }
                for transfer in transfers { try await transfer.complete() }
                for sample in samples { #expect(try sample.isThere(in: place.directory("into"))) }
                #expect(Set(transfers.map { ObjectIdentifier($0.transfer.loop) }).count == loops)
            }
        }
    }

    @Test func `a magnet link on the second loop is enough`() async throws {
        try await withSeeds { _, node, other in
            let transfer = try await other.get(
                Magnet(hashes: samples[1].info.hashes), into: place.directory("into"), from: [node.address])
            try await transfer.complete()
            #expect(try samples[1].isThere(in: place.directory("into")))
        }
    }

    @Test(arguments: [0, 1]) func `a handshake that comes in two parts reaches its torrent`(number: Int) async throws {
        try await withSeeds { seeds, node, _ in
            let (address, info) = (try await node.address, samples[number].info)
            let socket = try await onThread {
                let socket = try PeerSocket.connect(address)
                var bytes: [UInt8] = []
                Handshake(reserved: .ours, infoHash: info.hashes.primary, peerID: .random()).encode(into: &bytes)
                try socket.send(raw: Array(bytes[..<20]))
                try socket.send(raw: Array(bytes[20..<48]))
                // Its own comes as soon as the torrent is named.
                try socket.receiveHandshake(info)
                // What follows the handshake is not lost.
                try socket.send(raw: Array(bytes[48...]) + [0, 0, 0, 1, 2])
                _ = try socket.next { $0 == .message(.unchoke) ? true : nil }
                return Handed(socket)
            }
            #expect(await seeds[number].peers == 1)
            #expect(await seeds[1 - number].peers == 0)
            _ = socket
        }
    }

    @Test func `a hash of two transfers on two loops leads to the one that takes peers`() async throws {
        let (sample, other) = (try Sample.single(200_000, name: "both"), samples[0])
        try await TestNode.with(1) {
            $0.loops = 2
        } _: { nodes in
            let node = nodes[0]
            func seed(_ sample: Sample) async throws -> WatchedTransfer {
                let seed = try await node.seed(sample, from: sample.write(into: place.directory("seed")))
                try await seed.complete()
                return seed
            }
            // The first holds its hash on the second loop, and takes nobody any more.
            _ = try await seed(samples[1])
            let stopped = try await seed(sample)
            await stopped.transfer.stop()
            _ = try await seed(other)
            let serving = try await seed(sample)
            let loops = node.node.loops.shares.map(\.loop)
            #expect([stopped, serving].map { seed in loops.firstIndex { $0 === seed.transfer.loop } } == [1, 0])
            let (address, info) = (try await node.address, sample.info)
            let socket = try await onThread {
                let socket = try PeerSocket.connect(address)
                try socket.shakeHands(info)
                return Handed(socket)
            }
            try await wait(for: "it to be a peer") { await serving.peers == 1 }
            _ = socket
        }
    }

    @Test func `a connection that was on its way is served when it comes`() async throws {
        try await withTraveller { socket, busy, seed, node in
            #expect(node.node.admission.figures.halfOpen[.peers] == 1)
            busy.letGo()
            let info = samples[1].info
            try await onThread {
                try socket.value.receiveHandshake(info)
                try socket.value.send(.interested)
                _ = try socket.value.next { $0 == .message(.unchoke) ? true : nil }
            }
            #expect(await seed.peers == 1)
        }
    }

    @Test func `a torrent that is removed while a connection is on its way to it leaves nothing behind`() async throws {
        try await withSeeds { seeds, node, _ in
            let (address, info) = (try await node.address, samples[1].info)
            let busy = await BusyLoop(node.node.loops.shares[1].loop)
            defer { busy.letGo() }
            // The removal comes first to that loop, and the connection behind it.
            async let stopped: Void = seeds[1].transfer.stop()
            try await wait(for: "the removal to be on its way") { busy.loop.hasPostedWork }
            let socket = try await onThread {
                let socket = try PeerSocket.connect(address)
                try socket.sendHandshake(info.hashes)
                return Handed(socket)
            }
            try await wait(for: "the connection") { node.node.admission.figures.halfOpen[.peers] == 1 }
            busy.letGo()
            await stopped
            #expect(try await isClosed(socket))
            try await wait(for: "its place") { node.node.admission.figures.connections[.peers] == 0 }
            #expect(node.node.loops.places.loads == [1, 0])
            // The next torrent goes there.
            let next = try await node.seed(samples[1], from: samples[1].write(into: place.directory("seed")))
            #expect(next.transfer.loop === busy.loop)
        }
    }

    @Test func `the end while a connection is on its way closes it and gives its place back`() async throws {
        let node = try TestNode { $0.loops = 2 }
        var seeds: [WatchedTransfer] = []
        for sample in samples {
            seeds.append(try await node.seed(sample, from: sample.write(into: place.directory("seed"))))
        }
        let (address, info) = (try await node.address, samples[1].info)
        for seed in seeds { try await seed.complete() }
        let busy = await BusyLoop(node.node.loops.shares[1].loop)
        let socket = try await onThread {
            let socket = try PeerSocket.connect(address)
            try socket.sendHandshake(info.hashes)
            return Handed(socket)
        }
        try await wait(for: "the connection to be on its way") { busy.loop.hasPostedWork }
        let admission = node.node.admission
        async let end: Void = node.node.shutdown()
        busy.letGo()
        await end
        #expect(try await isClosed(socket))
        #expect(admission.figures.connections[.peers] == 0)
    }

    @Test func `a connection whose place is needed while it is on its way is closed when it comes`() async throws {
        try await withTraveller { socket, busy, seed, node in
            #expect(node.node.admission.shed(at: .peers, now: .greatestFiniteMagnitude))
            busy.letGo()
            let isGone = try await isClosed(socket)
            #expect(isGone)
            #expect(await seed.peers == 0)
            #expect(node.node.admission.figures.connections[.peers] == 0)
        }
    }

    @Test func `a connection that has moved is closed on its new loop when its place is needed`() async throws {
        try await withTraveller { socket, busy, seed, node in
            busy.letGo()
            let info = samples[1].info
            try await onThread { try socket.value.receiveHandshake(info) }
            try await wait(for: "it to be a peer") { await seed.peers == 1 }
            #expect(node.node.admission.shed(at: .peers, now: .greatestFiniteMagnitude))
            let isClosed = try await onThread { socket.value.isClosed() }
            #expect(isClosed)
            try await wait(for: "it to be none") { await seed.peers == 0 }
        }
    }

    @Test func `what is on its way to a loop that has ended is closed`() throws {
        var pair: [CInt] = [0, 0]
        #expect(socketpair(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0, &pair) == 0)
        defer { close(pair[1]) }
        let admission = Admission(limits: AdmissionLimits(descriptors: 100))
        let ticket = admission.admit(Source(ipv4: 1), at: .peers, now: 0) {}
        let loop = try EventLoop(name: "test-ended")
        loop.shutdown()
        func post() {
            let transit = ConnectionInTransit(
                stream: ByteStream(tcp: pair[0]), address: .any(port: 1), exchange: HandshakeExchange(), eviction: nil,
                deadline: 0, ticket: ticket)
            loop.post { _ = transit.take() }
        }
        post()
        var byte: UInt8 = 0
        #expect(recv(pair[1], &byte, 1, 0) == 0)
        #expect(admission.figures.connections[.peers] == 0)
    }

    @Test(arguments: [true, false]) func `the limit of the process holds over all loops, and is not wasted`(
        isSetLater: Bool
    ) async throws {
        let rate = 2 << 20
        try await withSeeds {
            $0.uploadLimit = isSetLater ? nil : rate
        } _: { seeds, node, other in
            if isSetLater { await node.node.setLimits(up: rate, down: nil) }
            var transfers: [WatchedTransfer] = []
            for sample in samples {
                transfers.append(
                    try await other.get(sample.torrent, into: place.directory("into"), from: [node.address]))
            }
            func downloaded() async -> Int64 {
                var sum: Int64 = 0
                for transfer in transfers { sum += await transfer.transfer.status().downloaded }
                return sum
            }
            try await wait(for: "the first bytes") { await downloaded() > (1 << 20) }
            let (first, start) = (await downloaded(), ContinuousClock.now)
            for transfer in transfers { try await transfer.complete() }
            let measured = Double((8 << 20) - first) / (ContinuousClock.now - start).seconds
            #expect(abs(measured / Double(rate) - 1) < 0.25, "\(measured) of \(rate) bytes per second")
        }
    }

    @Test func `limits that are lifted are lifted on every loop`() async throws {
        try await withSeeds {
            $0.uploadLimit = 64 << 10
        } _: { _, node, other in
            var transfers: [WatchedTransfer] = []
            for sample in samples {
                transfers.append(
                    try await other.get(sample.torrent, into: place.directory("into"), from: [node.address]))
            }
            for transfer in transfers {
                try await wait(for: "the first bytes") { await transfer.transfer.status().downloaded > 0 }
            }
            await node.node.setLimits(up: nil, down: nil)
            for transfer in transfers { try await transfer.complete(within: 20) }
        }
    }
}
