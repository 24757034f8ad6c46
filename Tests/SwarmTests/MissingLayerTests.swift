import Foundation
import Hashing
import Metainfo
import PeerWire
@testable import Swarm
import TestSupport
import Testing

/// Torrent files of the second version without their piece layers, which peers have.
@Suite struct TorrentsWithoutLayers {
    private let sample: Sample
    private let bare: Torrent

    init() throws {
        sample = try .directory(version: .v2)
        bare = try Self.withoutLayers(sample.torrent)
    }

    private static func withoutLayers(_ torrent: Torrent) throws -> Torrent {
        var bare = torrent
        bare.pieceLayers = PieceLayers()
        return try Torrent.parse(bare.encode())
    }

    @Test(arguments: [false, true]) func `peers are asked for the layers`(isStaged: Bool) async throws {
        let place = try TemporaryDirectory()
        try await TestNode.with(2) { nodes in
            let seed = try await nodes[0].seed(sample, from: sample.write(into: place.directory("seed")))
            try await seed.complete()
            let into = try place.directory("leecher")
            let leecher = try await nodes[1].get(bare, into: into, from: [nodes[0].address]) {
                if isStaged {
                    $0.staging = StagingPlace(contentPath: into + "/content", recordPath: place.path + "/record")
                }
            }
            try await leecher.complete()
            #expect(sample.isThere(in: into))
        }
    }

    @Test func `a seed makes the layers of its content and hands them on`() async throws {
        let place = try TemporaryDirectory()
        try await TestNode.with(2) { nodes in
            let path = try sample.write(into: place.directory("seed"))
            let seed = WatchedTransfer(
                try await nodes[0].node.seed(torrent: bare, path: path, options: nodes[0].options()))
            try await seed.complete()
            let into = try place.directory("leecher")
            let leecher = try await nodes[1].get(bare, into: into, from: [nodes[0].address])
            try await leecher.complete()
            #expect(sample.isThere(in: into))
        }
    }

    @Test func `an interrupted get has kept the layers`() async throws {
        let place = try TemporaryDirectory()
        let peer = try Self.describer(of: sample.torrent)
        try await TestNode.with(1) { nodes in
            let into = try place.directory("leecher")
            let first = try await nodes[0].get(bare, into: into, from: [peer.address])
            try await wait(for: "the layers") { first.hasBegun }
            await first.transfer.stop()
            // Nobody is there who could tell them again.
            let second = try await nodes[0].get(bare, into: into)
            try await wait(for: "the engine") { second.hasBegun }
        }
    }

    @Test func `without peers it says what is missing`() async throws {
        let place = try TemporaryDirectory()
        try await TestNode.with(1) { nodes in
            let leecher = try await nodes[0].get(bare, into: place.path) { $0.usesPeers = false }
            #expect(try await leecher.failed().message.contains("piece layers"))
        }
    }

    /// What held the loop for half a minute: only the loop's own processor time counts here.
    @Test func `twenty thousand files of several pieces do not hold the loop`() async throws {
        let torrent = try Self.manyFiles(20_000)
        let peer = try Self.describer(of: torrent)
        let place = try TemporaryDirectory()
        try await TestNode.with(1) { nodes in
            let leecher = try await nodes[0].get(torrent.magnet, into: place.path, from: [peer.address])
            var (last, longest) = (await nodes[0].loopSeconds, 0.0)
            try await wait(120, for: "the engine") {
                let now = await nodes[0].loopSeconds
                longest = max(longest, now - last)
                last = now
                return leecher.hasBegun
            }
            #expect(peer.failures.isEmpty)
            #expect(longest < 3, "seconds of the loop between two looks")
            #expect(await nodes[0].loopSeconds < 30)
        }
    }

    /// A peer that tells what the torrent holds, and has none of it.
    private static func describer(of torrent: Torrent) throws -> ScriptedPeer {
        let (info, pieceHashes) = (torrent.info, torrent.pieceHashes)
        return try ScriptedPeer { socket, _ in
            try socket.answerHands(info, hashes: info.hashes)
            let size = info.bytes.count
            try socket.send(.extended(.handshake(ownHandshake { $0.metadataSize = size })), .haveNone)
            var served = LayerHashes()
            while true {
                switch try socket.next() {
                case .message(.extended(.metadata(.request(let piece)))):
                    let chunk = info.bytes.dropFirst(piece * 16384).prefix(16384)
                    try socket.send(.extended(.metadata(.data(piece: piece, totalSize: size, bytes: Array(chunk)))))
                case .message(.hashRequest(let request)):
                    let length = info.layout.pieceLength
                    let hashes = served.answer(request, hashes: pieceHashes, pieceLength: length) ?? []
                    try socket.send(.hashes(request, hashes))
                default: break
                }
            }
        }
    }

    private static func manyFiles(_ count: Int) throws -> Torrent {
        let path = try (0..<count).map { TorrentBuilder.File(path: try SafePath("\($0)"), length: 3 * 16384) }
        let builder = try TorrentBuilder(
            name: try PathComponent("many"), files: path, pieceLength: 16384, version: .v2)
        var v2: [Int: TorrentBuilder.V2Hashes] = [:]
        for file in 0..<count {
            let nodes = (0..<3).map { SHA256.digest(Array("\(file) \($0)".utf8)) }
            v2[file] = .init(root: MerkleTree.root(ofLeaves: nodes, leafCount: 4), pieceLayer: nodes.flatMap(\.bytes))
        }
        return try builder.build(v2: v2)
    }
}

extension WatchedTransfer {
    /// What is here was checked: the engine runs.
    fileprivate var hasBegun: Bool { events.contains { if case .checked = $0 { true } else { false } } }
}
