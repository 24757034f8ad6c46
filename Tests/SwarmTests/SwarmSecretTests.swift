import Address
import Foundation
import Hashing
import Metainfo
import PeerWire
import Synchronization
import TestSupport
import Testing
import Tracking

@testable import Swarm

@Suite struct `A swarm with a secret` {
    private let place: TemporaryDirectory
    private let secret = SwarmSecret(text: "a secret of these tests")

    init() throws { place = try TemporaryDirectory() }

    private func with(
        _ count: Int = 2, version: Info.Version = .hybrid,
        _ body: (_ sample: Sample, _ seed: WatchedTransfer, _ nodes: [TestNode]) async throws -> Void
    ) async throws {
        let sample = try Sample.single(400_000, pieceLength: 16_384, version: version)
        try await TestNode.with(count) { nodes in
            let path = try sample.write(into: place.directory("seed"))
            let seed = try await nodes[0].seed(sample, from: path) { $0.swarmSecret = secret }
            try await seed.complete()
            try await body(sample, seed, nodes)
        }
    }

    /// Whether a peer that names this hash is answered by nothing but the end of its connection.
    private func isHungUpOn(naming hash: SHA1Digest, at address: PeerAddress) async throws -> Bool {
        try await onThread {
            let socket = try PeerSocket.connect(address)
            try socket.sendHandshake(InfoHashes(v1: hash), reserved: ReservedBits.ours.union(.v2))
            do { try socket.receiveHandshake(nil) } catch { return error as? PeerSocket.Failure == .closed }
            return false
        }
    }

    @Test(arguments: [Info.Version.v1, .v2, .hybrid])
    func `gives to those who know it`(version: Info.Version) async throws {
        try await with(version: version) { sample, _, nodes in
            let leecher = try await nodes[1].get(
                sample.torrent, into: place.directory("into"), from: [nodes[0].address]
            ) { $0.swarmSecret = secret }
            try await leecher.complete()
            #expect(try sample.isThere(in: place.directory("into")))
        }
    }

    @Test(arguments: [Info.Version.v1, .v2, .hybrid])
    func `tells those who know it what a magnet link is about`(version: Info.Version) async throws {
        try await with(version: version) { sample, _, nodes in
            let leecher = try await nodes[1].get(
                Magnet(hashes: sample.info.hashes), into: place.directory("into"), from: [nodes[0].address]
            ) { $0.swarmSecret = secret }
            try await leecher.complete()
            #expect(try sample.isThere(in: place.directory("into")))
        }
    }

    @Test func `hangs up on those who do not, also where they have another secret or a magnet link`() async throws {
        try await with(5) { sample, seed, nodes in
            let address = try await nodes[0].address
            let strangers = [
                try await nodes[1].get(sample.torrent, into: place.directory("1"), from: [address]),
                try await nodes[2].get(sample.torrent, into: place.directory("2"), from: [address]) {
                    $0.swarmSecret = SwarmSecret(text: "another")
                },
                try await nodes[3].get(Magnet(hashes: sample.info.hashes), into: place.directory("3"), from: [address]),
            ]
            for hash in sample.info.hashes.wire {
                #expect(try await isHungUpOn(naming: hash, at: address))
            }
            // One who knows it takes all of it meanwhile.
            let friend = try await nodes[4].get(sample.torrent, into: place.directory("4"), from: [address]) {
                $0.swarmSecret = secret
            }
            try await friend.complete()
            for stranger in strangers.prefix(2) { try await stranger.look() }
            for stranger in strangers {
                #expect(await stranger.transfer.status().downloaded == 0)
                #expect(await stranger.peers == 0)
            }
            #expect(await seed.transfer.status().uploaded <= 500_000)
        }
    }

    @Test func `is not joined by a dialled peer that names the torrent's own hash`() async throws {
        let sample = try Sample.single(200_000, version: .hybrid)
        let closed = Mutex(0)
        let stranger = try ScriptedPeer { socket, _ in
            // It answers with the torrent's own hash, as it would to any client.
            try socket.sendHandshake(sample.info.hashes)
            try socket.receiveHandshake(nil)
            if socket.isClosed() { closed.withLock { $0 += 1 } }
        }
        try await TestNode.with(1) { nodes in
            let leecher = try await nodes[0].get(
                sample.torrent, into: place.directory("into"), from: [stranger.address]
            ) { $0.swarmSecret = secret }
            try await wait(for: "the connection to be made and ended") { closed.withLock { $0 } > 0 }
            #expect(await leecher.peers == 0)
        }
    }

    @Test func `is on a shelf under the hash that it makes`() async throws {
        let sample = try Sample.single(300_000, version: .hybrid)
        let shelf = SecretShelf(
            sample: sample, path: try sample.write(into: place.directory("shelf")), secret: secret)
        try await TestNode.with(2) { nodes in
            try await nodes[0].node.serve(shelf, options: nodes[0].options())
            let address = try await nodes[0].address
            for hash in sample.info.hashes.wire { #expect(try await isHungUpOn(naming: hash, at: address)) }
            let leecher = try await nodes[1].get(sample.torrent, into: place.directory("into"), from: [address]) {
                $0.swarmSecret = secret
            }
            try await leecher.complete()
            #expect(try sample.isThere(in: place.directory("into")))
        }
    }
}

private struct SecretShelf: Shelf {
    let sample: Sample
    let path: String
    let secret: SwarmSecret

    func mayHave(_ hash: SHA1Digest) -> Bool { hash == secret.wireHash(of: sample.info.hashes) }
    func open(_ hash: SHA1Digest) throws -> ShelvedContent? {
        ShelvedContent(torrent: sample.torrent, path: path, swarmSecret: secret)
    }
}

@Suite struct `Peers that somebody else knows of` {
    @Test(arguments: [true, false])
    func `are dialled at any time, also for the metadata`(isMagnet: Bool) async throws {
        let place = try TemporaryDirectory()
        let sample = try Sample.single(300_000)
        try await TestNode.with(2) { nodes in
            let seed = try await nodes[0].seed(sample, from: sample.write(into: place.directory("seed")))
            try await seed.complete()
            let into = try place.directory("into")
            let leecher =
                try await isMagnet
                ? nodes[1].get(Magnet(hashes: sample.info.hashes), into: into)
                : nodes[1].get(sample.torrent, into: into)
            if !isMagnet { try await leecher.look() }
            #expect(!leecher.isComplete)
            await leecher.transfer.addPeers([try nodes[0].address])
            try await leecher.complete()
            #expect(try sample.isThere(in: into))
        }
    }
}
