import Foundation
import TestSupport
import Testing

/// An index and an origin on one host, two trackers on hosts of their own, and two agents with lines of 40 Mbit/s.
private final class TrackedRegistry: Sendable {
    let work: TemporaryDirectory
    let network: Network
    let trackers: [Program]
    private let others: [Program]
    private let url: String
    static let mbit = 40

    init() async throws {
        let work = try TemporaryDirectory()
        let network = try Network(hosts: 5)
        for host in [3, 4] { try network.shape(host, mbit: Self.mbit) }
        let address = network.address(0)
        let url = "http://\(address):15002"
        let announce = (1...2).map { "http://\(network.address($0)):15003/announce" }
        func start(_ words: [String], on host: Int) async throws -> Program {
            let program = try Program([Swoop.path] + words + ["--json"], on: network.hosts[host])
            _ = try await program.waitForEvent("listening")
            return program
        }
        var (trackers, others): ([Program], [Program]) = ([], [])
        others.append(
            try await start(
                [
                    "index", "--data", work.path("index"), "--listen", "\(address):15004", "--insecure", "--origin",
                    url,
                ], on: 0))
        others.append(
            try await start(
                [
                    "origin", "--data", work.path("origin"), "--host", address, "--insecure", "--index",
                    "http://\(address):15004",
                ] + announce.flatMap { ["--tracker", $0] }, on: 0))
        for host in 1...2 {
            trackers.append(
                try await start(
                    ["tracker", "--http", "\(network.address(host)):15003", "--registry", url], on: host))
        }
        // The agents have the trackers of their own file, in place of those that the registry lists.
        try work.write(
            "agent.yaml",
            "registry: \(url)\ntracker: {hosts: {static: ['\(network.address(1)):15003', '\(network.address(2)):15003']}}\n"
        )
        for host in 3...4 {
            others.append(
                try await start(
                    [
                        "agent", "--config", work.path("agent.yaml"), "--cache", work.path("cache\(host)"), "--socket",
                        work.path("socket\(host)"),
                    ], on: host))
        }
        (self.work, self.network, self.url, self.trackers, self.others) = (work, network, url, trackers, others)
    }

    func push(_ number: Int, _ size: Int) async throws -> (digest: String, path: String) {
        let file = try SampleFiles.file(work.path("from\(number)/app.bin"), size, seed: UInt64(number))
        let pushed = try await Program(
            [Swoop.path, "push", file, "team/app\(number):1", "--registry", url], on: network.hosts[0],
            environment: ["XDG_CACHE_HOME": work.path("push")]
        ).ending(within: 60)
        #expect(pushed.status == 0, "\(pushed)")
        return (OCIClient.hex(of: size, seed: UInt64(number)), file)
    }

    /// Reads a blob through an agent, and compares it.
    /// - Returns: seconds until the first byte, and until the last.
    func read(_ number: Int, _ blob: (digest: String, path: String), on host: Int) async throws -> (Double, Double) {
        let copy = work.path("copy\(number)-\(host)")
        let ending = try await Command.ending(
            network.hosts[host].prefix + [
                "curl", "-sf", "-o", copy, "--max-time", "60", "-w", "%{time_starttransfer} %{time_total}",
                "http://127.0.0.1:16002/namespace/team%2Fapp\(number)/blobs/sha256:\(blob.digest)",
            ])
        #expect(ending.status == 0, "\(ending) \(others.map(\.errors))")
        #expect(FileManager.default.contentsEqual(atPath: copy, andPath: blob.path))
        let times = ending.output.split(separator: " ").compactMap { Double($0) }
        return (try #require(times.first), try #require(times.last))
    }

    func stop() async throws {
        for program in others { try await program.stop() }
    }
}

@Suite("Trackers that die", .serialized)
struct TrackerFailureTests {
    @Test func `Running pulls do not notice it, and new ones begin soon without any of them`() async throws {
        let registry = try await TrackedRegistry()
        let size = 16 << 20
        let large = try await registry.push(1, size)
        var small: [(digest: String, path: String)] = []
        for number in 2...9 { small.append(try await registry.push(number, 200_000)) }
        let bound = Double(size) * 8 / Double(TrackedRegistry.mbit * 1_000_000)
        async let running = registry.read(1, large, on: 3)
        try await wait(20, for: "the pull to be under way") {
            let status = try await Command.ending(
                registry.network.hosts[3].prefix + ["curl", "-sf", "http://127.0.0.1:16002/v1/status"])
            return status.output.contains(#""fetching":1"#) || status.output.contains(#""fetching": 1"#)
        }
        registry.trackers[0].send(SIGKILL)
        _ = try await registry.trackers[0].ending()
        // Whichever tracker the agents ask first for each of them.
        for number in 2...5 {
            let (first, _) = try await registry.read(number, small[number - 2], on: 4)
            #expect(first < 15, "the first byte of \(number) after \(first) s")
        }
        let (_, taken) = try await running
        #expect(taken < 2 * bound + 30, "\(taken) s, at best \(bound)")

        registry.trackers[1].send(SIGKILL)
        _ = try await registry.trackers[1].ending()
        for number in 6...9 {
            let (first, _) = try await registry.read(number, small[number - 2], on: 4)
            #expect(first < 15, "the first byte of \(number) after \(first) s")
        }
        try await registry.stop()
    }
}
