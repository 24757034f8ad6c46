import Metainfo
import Testing

@testable import Swarm

@Suite struct EngineToEngine {
    @Test(arguments: [Info.Version.v1, .v2, .hybrid], ["127.0.0.1", "::1"])
    func aFileGoesFromSeedToLeecher(version: Info.Version, host: String) async throws {
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
    func aDirectoryWithEmptyFilesAndPaddingArrivesWhole(version: Info.Version) async throws {
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
}
