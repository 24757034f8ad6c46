import Address
import Foundation
import Hashing
import Metainfo
import PeerWire
import Synchronization
import TestSupport
import Testing

@testable import Swarm

/// Torrents of blobs. The SHA-1s of the samples are those of other bytes, so that only the chain can verify them.
@Suite struct `A blob's swarm` {
    @Test(arguments: [1, 65_536, 1_234_567])
    func `a blob goes from engine to engine, verified by its chain`(length: Int) async throws {
        let sample = try Sample.blob(length)
        let place = try TemporaryDirectory()
        try await TestNode.with(2) { nodes in
            let seed = try await nodes[0].seed(sample, from: sample.write(into: place.directory("seed")))
            try await seed.complete()
            let leecher = try await nodes[1].get(
                sample.torrent, into: place.directory("leecher"), from: [nodes[0].address])
            try await leecher.complete()
            let status = await leecher.transfer.status()
            #expect(status.done == Int64(length) && status.wasted == 0)
        }
        #expect(try sample.isThere(in: place.directory("leecher")))
    }

    @Test func `a blob is fetched by its info hash, its dictionary held against the SHA-256`() async throws {
        let sample = try Sample.blob(400_000, pieceLength: 16_384)
        let place = try TemporaryDirectory()
        try await TestNode.with(2) { nodes in
            let seed = try await nodes[0].seed(sample, from: sample.write(into: place.directory("seed")))
            try await seed.complete()
            let leecher = try await nodes[1].get(
                sample.torrent.magnet, into: place.directory("leecher"), from: [nodes[0].address]
            ) {
                $0.expectation = InfoExpectation(
                    infoDigest: SHA256.digest(sample.info.bytes), blob: sample.info.chain?.digest, length: 400_000)
            }
            try await leecher.complete()
        }
        #expect(try sample.isThere(in: place.directory("leecher")))
    }

    @Test func `content on disk is checked by the chain, and only the rest is fetched`() async throws {
        let sample = try Sample.blob(640_000, pieceLength: 64_000)
        let place = try TemporaryDirectory()
        try await TestNode.with(2) { nodes in
            let seed = try await nodes[0].seed(sample, from: sample.write(into: place.directory("seed")))
            try await seed.complete()
            let into = try place.directory("leecher")
            var bytes = try #require(sample.files[""])
            for index in 128_000..<192_000 { bytes[index] ^= 0x55 }
            try Data(bytes).write(to: URL(fileURLWithPath: "\(into)/\(sample.name)"))
            let leecher = try await nodes[1].get(sample.torrent, into: into, from: [nodes[0].address]) {
                $0.overwrite = true
            }
            try await leecher.complete()
            #expect(await leecher.transfer.status().downloaded == 64_000)
            #expect(sample.isThere(in: into))
        }
    }

    @Test func `content that is not the blob's is not served`() async throws {
        let sample = try Sample.blob(300_000)
        let place = try TemporaryDirectory()
        let path = try sample.write(into: place.directory("seed"))
        var bytes = try #require(sample.files[""])
        bytes[299_999] ^= 1
        try Data(bytes).write(to: URL(fileURLWithPath: path))
        try await TestNode.with(1) { nodes in
            let error = try await nodes[0].seed(sample, from: path).failed()
            #expect(error.message.contains("1 of 5 pieces"))
        }
    }

    @Test func `a peer that sends wrong bytes is banned, and the blob completes from another`() async throws {
        let sample = try Sample.blob(1 << 20, pieceLength: 1 << 18)
        let place = try TemporaryDirectory()
        var liar = ScriptedSeed(sample: sample)
        var honest = liar
        honest.id = .random()
        liar.answer = { _, _ in .poisoned }
        let (liars, honests) = (try liar.listen(), try honest.listen())
        try await TestNode.with(1) { nodes in
            let leecher = try await nodes[0].get(
                sample.torrent, into: place.path, from: [liars.address, honests.address])
            try await leecher.complete()
            #expect(sample.isThere(in: place.path))
            #expect(honests.connections == 1, "neither banned nor lost")
        }
    }

    @Test func `with a forged chain the right bytes never make a whole`() async throws {
        let honest = try Sample.blob(1 << 20, pieceLength: 1 << 18)
        let bytes = try #require(honest.files[""])
        var states = Sample.states(between: honest.pieces)
        states[40] ^= 1
        let forged = try Sample.blob(bytes, pieceLength: 1 << 18, states: states)
        let place = try TemporaryDirectory()
        let peer = try ScriptedSeed(sample: forged).listen()
        try await TestNode.with(1) { nodes in
            let leecher = try await nodes[0].get(forged.torrent, into: place.path, from: [peer.address])
            try await wait(for: "a piece that the chain refuses") { await leecher.transfer.status().wasted > 0 }
            try await wait(for: "the end of the connection") { await leecher.peers == 0 }
            #expect(!leecher.isComplete)
            #expect(!forged.isThere(in: place.path))
        }
    }

    @Test func `a peer that forges the dictionary is banned, and the blob completes from another`() async throws {
        let sample = try Sample.blob(500_000, pieceLength: 16_384)
        var states = Sample.states(between: sample.pieces)
        states[100] ^= 1
        let forged = try Sample.blob(try #require(sample.files[""]), pieceLength: 16_384, states: states)
        let forgeries = Counter()
        let liar = try ScriptedPeer { [sample] socket, _ in
            // It says that it has the right one.
            try socket.answerHands(sample.info, hashes: sample.info.hashes)
            let size = forged.info.bytes.count
            try socket.send(.extended(.handshake(ownHandshake { $0.metadataSize = size })), .haveNone)
            while true {
                guard case .message(.extended(.metadata(.request(let piece)))) = try socket.next() else { continue }
                let chunk = Array(forged.info.bytes.dropFirst(piece * 16_384).prefix(16_384))
                try socket.send(.extended(.metadata(.data(piece: piece, totalSize: size, bytes: chunk))))
                forgeries.count.add(1, ordering: .relaxed)
            }
        }
        let place = try TemporaryDirectory()
        try await TestNode.with(2) { nodes in
            let leecher = try await nodes[1].get(
                sample.torrent.magnet, into: place.directory("leecher"), from: [liar.address]
            ) {
                $0.expectation.infoDigest = SHA256.digest(sample.info.bytes)
            }
            try await wait(for: "a forgery") { forgeries.count.load(ordering: .relaxed) > 0 }
            try await wait(for: "the ban") { await leecher.peers == 0 }
            await leecher.transfer.stop()
            let seed = try await nodes[0].seed(sample, from: sample.write(into: place.directory("seed")))
            try await seed.complete()
            let both = try await nodes[1].get(
                sample.torrent.magnet, into: place.directory("leecher"), from: [liar.address, nodes[0].address]
            ) {
                $0.expectation.infoDigest = SHA256.digest(sample.info.bytes)
            }
            try await both.complete()
        }
        #expect(try sample.isThere(in: place.directory("leecher")))
    }

    @Test func `a torrent that is not the expected one is refused before anything is fetched`() async throws {
        let sample = try Sample.blob(100_000)
        let place = try TemporaryDirectory()
        try await TestNode.with(1) { nodes in
            let digest = SHA256.digest(sample.info.bytes)
            for expectation in [
                InfoExpectation(infoDigest: .zero), InfoExpectation(infoDigest: digest, blob: .zero),
                InfoExpectation(length: 99_999),
            ] {
                let leecher = try await nodes[0].get(sample.torrent, into: place.path) { $0.expectation = expectation }
                let error = try await leecher.failed()
                #expect(error.kind == .verification && error.message.contains("not the info dictionary"))
            }
        }
    }

    @Test func `a dictionary from a peer that has not the expected SHA-256 is thrown away`() throws {
        let sample = try Sample.blob(100_000, pieceLength: 1024)
        let bytes = sample.info.bytes
        let chunks = [Array(bytes.prefix(1000)), Array(bytes.dropFirst(1000))]
        func judge(_ expectation: InfoExpectation) -> MetadataWork.Verdict {
            MetadataWork.judge(chunks, against: sample.info.hashes, expecting: expectation)
        }
        // The next peer may have the right one.
        guard case .wrong = judge(InfoExpectation(infoDigest: .zero)) else { throw Unexpected() }
        // All peers of this swarm have this one.
        guard case .unusable = judge(InfoExpectation(blob: .zero)) else { throw Unexpected() }
        guard case .usable(let info, _, layers: nil) = judge(InfoExpectation(infoDigest: SHA256.digest(bytes))) else {
            throw Unexpected()
        }
        #expect(info.chain == sample.info.chain)
        guard case .usable = judge(.nothing) else { throw Unexpected() }
    }

    private struct Unexpected: Error {}

    private final class Counter: Sendable {
        let count = Atomic(0)
    }
}
