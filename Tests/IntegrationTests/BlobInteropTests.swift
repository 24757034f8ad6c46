import Foundation
import Metainfo
import TestSupport
import Testing

/// A blob, its torrent and a tracker on the first host, with room for other clients, each host with an address of its own.
private final class BlobSwarm {
    let work: TemporaryDirectory
    let network: Network
    let tracker: Program
    /// Where the blob lies, named by its digest.
    let source: String
    let torrent: String
    private let name: String
    private let bytes: Data

    init() async throws {
        work = try TemporaryDirectory()
        network = try Network(hosts: 3)
        bytes = SampleFiles.bytes(9_000_001, seed: 11)
        var hasher = BlobHasher()
        hasher.update([UInt8](bytes))
        let blob = try hasher.finish().info()
        name = blob.digest.hex
        source = try work.directory("source")
        try bytes.write(to: URL(fileURLWithPath: source + "/" + name))
        torrent = work.path + "/blob.torrent"
        let address = network.address(0)
        let file = Torrent(info: blob.info, trackers: [["http://\(address):6969/announce"]])
        try Data(file.encode()).write(to: URL(fileURLWithPath: torrent))
        tracker = try Swoop.start(
            "tracker", "--http", "\(address):6969", "--interval", "2s", "--json", on: network.hosts[0])
        _ = try await tracker.waitForEvent("listening")
    }

    enum Client: String, CaseIterable { case libtorrent, aria2, transmission }

    /// Another client, which fetches the blob into `directory`, or serves it from there.
    func start(_ client: Client, in directory: String, on index: Int) throws -> Program {
        let (address, host) = (network.address(index), network.hosts[index])
        return switch client {
        case .libtorrent:
            try Libtorrent.peer(
                ["listen": "\(address):7000", "save": directory, "torrent": torrent] as [String: Any], on: host)
        case .aria2: try Aria2.peer(torrent, save: directory, address: address, port: 7000, on: host)
        case .transmission:
            try Transmission.peer(torrent, save: directory, address: address, port: 7000, on: host, work: work)
        }
    }

    func seed(on index: Int) async throws -> Program {
        let seed = try Swoop.start(
            "seed", torrent, source + "/" + name, "--listen", "\(network.address(index)):7000", "--json",
            on: network.hosts[index])
        _ = try await seed.waitForEvent("seeding")
        return seed
    }

    func get(on index: Int, into directory: String) async throws {
        let ending = try await Swoop.run(
            "get", torrent, "-o", directory, "--listen", "\(network.address(index)):7000", "--seed-time", "0",
            "--json", on: network.hosts[index])
        #expect(ending.status == 0, "\(ending)")
        #expect(isWhole(in: directory))
    }

    func isWhole(in directory: String) -> Bool {
        FileManager.default.contents(atPath: directory + "/" + name) == bytes
    }
}

@Suite("A blob's torrent and other clients")
struct BlobInteropTests {
    @Test("is fetched from our seed, by its SHA-1s", arguments: BlobSwarm.Client.allCases)
    fileprivate func fetches(_ client: BlobSwarm.Client) async throws {
        let swarm = try await BlobSwarm()
        let seed = try await swarm.seed(on: 1)
        let directory = try swarm.work.directory("other")
        let peer = try swarm.start(client, in: directory, on: 2)
        try await wait(60, for: "whole copy by \(peer.name)") { swarm.isWhole(in: directory) }
        withExtendedLifetime(seed) {}
    }

    @Test("is served to us, who verify it by its chain", arguments: BlobSwarm.Client.allCases)
    fileprivate func serves(_ client: BlobSwarm.Client) async throws {
        let swarm = try await BlobSwarm()
        let peer = try swarm.start(client, in: swarm.source, on: 1)
        try await swarm.get(on: 2, into: try swarm.work.directory("ours"))
        withExtendedLifetime(peer) {}
    }
}
