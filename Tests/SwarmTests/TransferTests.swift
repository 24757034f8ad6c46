import Foundation
import Metainfo
import PeerWire
import Synchronization
import TestSupport
import Testing
import Tracking

@testable import Swarm

@Suite struct EngineToEngine {
    @Test(arguments: [Info.Version.v1, .v2, .hybrid], ["127.0.0.1", "::1"])
    func `a file goes from seed to leecher`(version: Info.Version, host: String) async throws {
        let sample = try Sample.single(1_234_567, version: version)
        let place = try TemporaryDirectory()
        try await TestNode.with(2, host: host) { nodes in
            let seed = try await nodes[0].seed(sample, from: sample.write(into: place.directory("seed")))
            try await seed.complete()
            let leecher = try await nodes[1].get(
                sample.torrent, into: place.directory("leecher"), from: [nodes[0].address])
            try await leecher.complete()
            let status = await leecher.transfer.status()
            #expect(status.state == .seeding)
            #expect(status.done == 1_234_567)
            #expect(status.wasted == 0)
        }
        #expect(try sample.isThere(in: place.directory("leecher")))
    }

    @Test(arguments: [Info.Version.v1, .v2, .hybrid])
    func `a directory with empty files and padding arrives whole`(version: Info.Version) async throws {
        let sample = try Sample.directory(version: version)
        let place = try TemporaryDirectory()
        try await TestNode.with(2) { nodes in
            let seed = try await nodes[0].seed(sample, from: sample.write(into: place.directory("seed")))
            try await seed.complete()
            let leecher = try await nodes[1].get(
                sample.torrent, into: place.directory("leecher"), from: [nodes[0].address])
            try await leecher.complete()
        }
        #expect(try sample.isThere(in: place.directory("leecher")))
    }

    @Test(arguments: [Info.Version.v1, .v2, .hybrid], [true, false])
    func `a magnet link is enough`(version: Info.Version, isDirectory: Bool) async throws {
        let sample =
            try isDirectory
            ? Sample.directory(version: version) : .single(900_000, pieceLength: 16384, version: version)
        let place = try TemporaryDirectory()
        try await TestNode.with(2) { nodes in
            let seed = try await nodes[0].seed(sample, from: sample.write(into: place.directory("seed")))
            try await seed.complete()
            let leecher = try await nodes[1].get(
                sample.torrent.magnet, into: place.directory("leecher"), from: [nodes[0].address])
            try await leecher.complete()
        }
        #expect(try sample.isThere(in: place.directory("leecher")))
    }

    @Test func `a magnet link of many files gets all their layers`() async throws {
        let files = (0..<70).map { ("file\($0)", 16384 * (1 + $0 % 9) + $0) } + [("big", 16384 * 700 + 5)]
        let sample = try Sample.directory(files, pieceLength: 16384, version: .v2)
        let place = try TemporaryDirectory()
        try await TestNode.with(2) { nodes in
            let seed = try await nodes[0].seed(sample, from: sample.write(into: place.directory("seed")))
            try await seed.complete()
            let leecher = try await nodes[1].get(
                sample.torrent.magnet, into: place.directory("leecher"), from: [nodes[0].address])
            try await leecher.complete()
        }
        #expect(try sample.isThere(in: place.directory("leecher")))
    }

    @Test(arguments: [true, false]) func `only what is selected is fetched`(isSmall: Bool) async throws {
        let sample = try Sample.directory()
        let place = try TemporaryDirectory()
        try await TestNode.with(3) { nodes in
            let seed = try await nodes[0].seed(sample, from: sample.write(into: place.directory("seed")))
            try await seed.complete()
            let leecher = try await nodes[1].get(
                sample.torrent, into: place.directory("leecher"), from: [nodes[0].address]
            ) { $0.selection = [isSmall ? "last" : "b/*"] }
            try await leecher.complete()
            // And serves it on to one who wants the same.
            let second = try await nodes[2].get(
                sample.torrent, into: place.directory("second"), from: [nodes[1].address]
            ) { $0.selection = [isSmall ? "last" : "b/*"] }
            try await second.complete()
        }
        let wanted: Set<String> = isSmall ? ["last"] : ["b/third.bin"]
        #expect(try sample.isThere(in: place.directory("leecher"), only: wanted))
        #expect(try sample.isThere(in: place.directory("second"), only: wanted))
    }

    @Test func `a selection that matches nothing fails`() async throws {
        let sample = try Sample.directory()
        let place = try TemporaryDirectory()
        try await TestNode.with(1) { nodes in
            let leecher = try await nodes[0].get(sample.torrent, into: place.path) { $0.selection = ["*.mov"] }
            #expect(try await leecher.failed().kind == .notFound)
        }
    }

    @Test func `three leechers share what one seed has`() async throws {
        let sample = try Sample.single(6 << 20, version: .v1)
        let place = try TemporaryDirectory()
        try await TestNode.with(4) { nodes in
            let seed = try await nodes[0].seed(sample, from: sample.write(into: place.directory("seed"))) {
                $0.uploadLimit = 4 << 20
            }
            try await seed.complete()
            var known = [try await nodes[0].address]
            var leechers: [WatchedTransfer] = []
            for (index, node) in nodes.dropFirst().enumerated() {
                leechers.append(try await node.get(sample.torrent, into: place.directory("\(index)"), from: known))
                known.append(try await node.address)
            }
            for leecher in leechers { try await leecher.complete() }
            let sent = await seed.transfer.status().uploaded
            #expect(sent < 2 * (6 << 20), "the leechers served each other")
        }
        for index in 0..<3 { #expect(try sample.isThere(in: place.directory("\(index)"))) }
    }

    @Test func `super seeding serves all`() async throws {
        let sample = try Sample.single(2 << 20, version: .v1)
        let place = try TemporaryDirectory()
        try await TestNode.with(3) { nodes in
            let seed = try await nodes[0].seed(sample, from: sample.write(into: place.directory("seed"))) {
                $0.superSeed = true
            }
            try await seed.complete()
            let address = try await nodes[0].address
            let first = try await nodes[1].get(sample.torrent, into: place.directory("0"), from: [address])
            let second = try await nodes[2].get(
                sample.torrent, into: place.directory("1"), from: [address, nodes[1].address])
            try await first.complete()
            try await second.complete()
        }
        for index in 0..<2 { #expect(try sample.isThere(in: place.directory("\(index)"))) }
    }
}

@Suite struct WebSeeds {
    private func quick(_ configuration: inout SwarmNode.Configuration) {
        configuration.sourceRetry = 0.05
        configuration.longestSourceRetry = 0.2
    }

    @Test(arguments: [Info.Version.v1, .v2, .hybrid], [true, false])
    func `a web seed alone is enough`(version: Info.Version, isDirectory: Bool) async throws {
        let sample = try isDirectory ? Sample.directory(version: version) : .single(3 << 20, version: version)
        let paths = sample.files.map { (isDirectory ? "\(sample.name)/\($0.key)" : sample.name, $0.value) }
        let origin = try WebOrigin(Dictionary(uniqueKeysWithValues: paths))
        let place = try TemporaryDirectory()
        try await TestNode.with(1) { nodes in
            let leecher = try await nodes[0].get(sample.torrent, into: place.path) { $0.extraWebSeeds = [origin.url] }
            try await leecher.complete()
        }
        #expect(sample.isThere(in: place.path))
    }

    @Test func `a web seed with wrong content costs nothing but itself`() async throws {
        let sample = try Sample.single(2 << 20)
        let origin = try WebOrigin([sample.name: sample.files[""] ?? []]) { bytes, _ in
            if !bytes.isEmpty { bytes[bytes.count / 2] ^= 1 }
        }
        let place = try TemporaryDirectory()
        try await TestNode.with(1) { nodes in
            let seed = try ScriptedSeed(sample: sample).listen()
            let leecher = try await nodes[0].get(sample.torrent, into: place.path, from: [seed.address]) {
                $0.extraWebSeeds = [origin.url]
            }
            try await leecher.complete()
            #expect(seed.connections == 1)
        }
        #expect(sample.isThere(in: place.path))
    }

    @Test func `a web seed with one stale file gives all others`() async throws {
        let sample = try Sample.directory(
            [("stale", 400_000), ("a", 400_000), ("b", 400_000), ("c/d", 400_000), ("e", 0), ("f", 100)])
        var served = Dictionary(uniqueKeysWithValues: sample.files.map { ("\(sample.name)/\($0.key)", $0.value) })
        served["\(sample.name)/stale"] = [UInt8](repeating: 7, count: 400_000)
        let origin = try WebOrigin(served)
        let place = try TemporaryDirectory()
        try await TestNode.with(1, quick) { nodes in
            let leecher = try await nodes[0].get(sample.torrent, into: place.path) { $0.extraWebSeeds = [origin.url] }
            try await wait(for: "the other files") {
                await leecher.transfer.status().done >= 1_200_100
            }
            #expect(leecher.warnings.contains { $0.contains("stale: ") })
            #expect(!leecher.isComplete)
        }
    }

    @Test func `a web seed is forgiven a bad piece after many good ones`() async throws {
        let sample = try Sample.single(32 << 20, pieceLength: 16_384, version: .v1)
        let spoilt = Mutex(0)
        // Four wrong bytes, each many pieces after the one before: three at once would be the end.
        let origin = try WebOrigin([sample.name: sample.files[""] ?? []]) { bytes, _ in
            let count = bytes.count
            let isSpoilt = spoilt.withLock { sent in
                defer { sent += count }
                return sent / (10 << 20) != (sent + count) / (10 << 20) || sent == 0
            }
            if isSpoilt { bytes[count / 2] ^= 1 }
        }
        let place = try TemporaryDirectory()
        try await TestNode.with(1, quick) { nodes in
            let leecher = try await nodes[0].get(sample.torrent, into: place.path) { $0.extraWebSeeds = [origin.url] }
            try await leecher.complete()
            #expect(await leecher.transfer.status().wasted >= 4 * 16_384)
        }
        #expect(sample.isThere(in: place.path))
    }

    @Test func `a web seed beside peers is limited with them`() async throws {
        let sample = try Sample.single(3 << 20)
        let origin = try WebOrigin([sample.name: sample.files[""] ?? []])
        let place = try TemporaryDirectory()
        try await TestNode.with(1) { nodes in
            let start = ContinuousClock.now
            let leecher = try await nodes[0].get(sample.torrent, into: place.path) {
                $0.extraWebSeeds = [origin.url]
                $0.downloadLimit = 1 << 20
            }
            try await leecher.complete()
            let seconds = (ContinuousClock.now - start).seconds
            #expect(seconds > 1.5)
        }
    }
}
