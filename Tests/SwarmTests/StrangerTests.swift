import Address
import Admission
import Foundation
import Hashing
import Metainfo
import PeerWire
import Reactor
import Storage
import Synchronization
import TestFileLayers
import TestSupport
import Testing
import Tracking

@testable import Swarm

/// Connections that are kept for the time of a test, and closed at its end.
private final class Crowd: Sendable {
    private let sockets = Mutex<[Handed<PeerSocket>]>([])

    func keep(_ socket: PeerSocket) {
        let wrapped = Handed(socket)
        sockets.withLock { $0.append(wrapped) }
    }

    var count: Int { sockets.withLock { $0.count } }
}

/// What strangers may take of a host, and who is served beside them. From one address and from many.
@Suite(.serialized) struct Strangers {
    /// Addresses of loopback from which strangers come.
    private static func host(_ number: Int, of count: Int) -> String { "127.0.1.\(1 + number % count)" }

    /// A seed with a small budget, attacked; then an honest peer that is to be served.
    private func withSeed(
        _ sample: Sample, limits: AdmissionLimits, tuned: (inout SwarmNode.Configuration) -> Void = { _ in },
        attack: (PeerAddress, TestNode, Crowd) async throws -> Void
    ) async throws {
        let place = try TemporaryDirectory()
        let crowd = Crowd()
        try await TestNode.with(2) {
            $0.admission = Admission(limits: limits)
            tuned(&$0)
        } _: { nodes in
            let seed = try await nodes[0].seed(sample, from: sample.write(into: place.directory("seed")))
            try await seed.complete()
            let address = try await nodes[0].address
            try await attack(address, nodes[0], crowd)
            let leecher = try await nodes[1].get(sample.torrent, into: place.directory("leecher"), from: [address])
            try await leecher.complete(within: 20)
            #expect(seed.failure == nil)
        }
    }

    @Test func `without a descriptor for content or record a download goes on as soon as there is one`() async throws {
        let sample = try Sample.directory()
        let place = try TemporaryDirectory()
        let layer = FaultyFileLayer()
        try await TestNode.with(2) {
            $0.layer = layer
            $0.syncPolicy = SyncPolicy(interval: 0.05)
        } _: { nodes in
            let seed = try await nodes[0].seed(sample, from: sample.write(into: place.directory("seed")))
            try await seed.complete()
            let leecher = try await nodes[1].get(sample.torrent, into: place.directory("leecher")) { _ in }
            try await wait(for: "the check") { leecher.events.count >= 2 }
            layer.fail([.open, .create, .openDirectory], with: EMFILE)
            let address = try await nodes[0].address
            await leecher.transfer.change { $0.known.book.learn([address], from: .configured) }
            try await wait(for: "a lack of descriptors to be met") {
                leecher.warnings.contains { $0.contains("too many open files") }
            }
            layer.heal()
            try await leecher.complete()
            #expect(sample.isThere(in: try place.directory("leecher")))
        }
    }

    private var small: AdmissionLimits {
        var limits = AdmissionLimits(descriptors: 4096)
        limits.connections[.peers] = 100
        limits.halfOpen[.peers] = 40
        return limits
    }

    @Test(arguments: [1, 50]) func `silent connections from so many addresses do not keep a peer out`(hosts: Int)
        async throws
    {
        try await withSeed(.single(600_000), limits: small) { address, node, crowd in
            try await onThread {
                for number in 0..<200 {
                    crowd.keep(try PeerSocket.connect(address, from: Self.host(number, of: hosts)))
                }
            }
            try await wait(for: "all to be taken in or turned away") {
                node.node.admission.figures.evicted + node.node.admission.figures.refused >= 100
            }
            #expect(node.node.admission.figures.connections[.peers] ?? 0 <= 100)
        }
    }

    @Test(arguments: [1, 10]) func `peers from so many addresses that only shake hands do not keep a peer out`(
        hosts: Int
    ) async throws {
        let sample = try Sample.single(600_000)
        try await withSeed(sample, limits: small) { address, node, crowd in
            try await onThread {
                for number in 0..<160 {
                    let socket = try PeerSocket.connect(address, from: Self.host(number, of: hosts))
                    // Some are turned away by now.
                    do { try socket.shakeHands(sample.info) } catch PeerSocket.Failure.closed { continue }
                    crowd.keep(socket)
                }
            }
            #expect(node.node.admission.figures.connections[.peers] == 100)
        }
    }

    @Test func `a torrent that is full closes an idle peer for a newcomer`() async throws {
        let sample = try Sample.single(600_000)
        try await withSeed(sample, limits: AdmissionLimits(descriptors: 4096)) {
            $0.incoming.most = 20
        } attack: { address, _, crowd in
            try await onThread {
                for number in 0..<60 {
                    let socket = try PeerSocket.connect(address, from: Self.host(number, of: 5))
                    do { try socket.shakeHands(sample.info) } catch PeerSocket.Failure.closed { continue }
                    crowd.keep(socket)
                }
            }
        }
    }

    @Test(arguments: [false, true]) func `idle incoming connections do not keep a receiver from its seed`(
        isMagnet: Bool
    ) async throws {
        let sample = try Sample.single(600_000)
        let place = try TemporaryDirectory()
        let crowd = Crowd()
        try await TestNode.with(2) { nodes in
            let seed = try await nodes[0].seed(sample, from: sample.write(into: place.directory("seed")))
            try await seed.complete()
            // The seed cannot be reached before the receiver is full of strangers.
            let isFull = Mutex(false)
            let address = try await nodes[0].address
            let relay = try Relay(to: address) { _, _ in isFull.withLock { $0 ? .pass : .cut } }
            let leecher: WatchedTransfer
            if isMagnet {
                leecher = try await nodes[1].get(
                    Magnet(hashes: sample.info.hashes), into: place.directory("leecher"), from: [relay.address])
            } else {
                leecher = try await nodes[1].get(
                    sample.torrent, into: place.directory("leecher"), from: [relay.address])
            }
            try await wait(for: "the check") { await nodes[1].node.listenAddress != nil }
            try await wait(for: "the engine to take peers in") {
                let own = try await nodes[1].address
                return try await onThread {
                    let socket = try PeerSocket.connect(own)
                    do { try socket.shakeHands(sample.info) } catch PeerSocket.Failure.closed { return false }
                    crowd.keep(socket)
                    return true
                }
            }
            let own = try await nodes[1].address
            try await onThread {
                while crowd.count < 100 {
                    let socket = try PeerSocket.connect(own)
                    try socket.shakeHands(sample.info)
                    crowd.keep(socket)
                }
            }
            isFull.withLock { $0 = true }
            try await leecher.complete(within: 90)
        }
    }
}
