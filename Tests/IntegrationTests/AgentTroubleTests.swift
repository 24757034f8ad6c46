import Foundation
import TestSupport
import Testing

/// Agents that are killed, or have no room. `SWOOP_KILLS` says how often: a dozen times, or 200 in Benchmarks/registry/agent-kills.
@Suite("An agent in trouble", .serialized)
struct AgentTroubleTests {
    private static let kills = ProcessInfo.processInfo.environment["SWOOP_KILLS"].flatMap { Int($0) } ?? 12

    private static func curl(_ words: String..., on space: NetworkNamespace? = nil) async throws -> String {
        try await Program(["curl", "-sS", "--max-time", "60"] + words, on: space).ending().output
    }

    private static func blobs(_ directory: String) -> [String] {
        let root = directory + "/blobs"
        return (FileManager.default.enumerator(atPath: root)?.compactMap { $0 as? String } ?? [])
            .map { root + "/" + $0 }.filter { ($0 as NSString).lastPathComponent.utf8.count == 64 }
    }

    @Test
    func `Killed again and again it goes on, and shows nothing that is not whole`() async throws {
        let network = try Network(hosts: 2)
        try network.shape(1, mbit: 40)
        let registry = try await TestRegistry(on: (network.hosts[0], network.address(0)))
        let place = registry.work.path
        let size = 24 << 20
        // Each is pulled for a dozen rounds, after which it may be whole.
        let rounds = 12
        let tags = 0..<max(1, (Self.kills + rounds - 1) / rounds)
        func file(_ tag: Int) -> String { "\(place)/from/\(tag)/big.bin" }
        for tag in tags {
            try await registry.keep(try SampleFiles.file(file(tag), size, seed: 141 + UInt64(tag)), as: "big:\(tag)")
        }
        var seen: Set<String> = []
        for round in 0..<Self.kills {
            let agent = try await registry.agent(on: network.hosts[1])
            _ = try await Self.curl(
                "http://\(agent.api)/preload/tags/big:\(round / rounds)?wait=false", on: network.hosts[1])
            // Wherever it is in its work then, and sometimes when it has written down what came.
            let most = round % 8 == 5 ? 7_000 : 400
            try await Task.sleep(for: .milliseconds(Int.random(in: 1...most)))
            agent.program.send(SIGKILL)
            _ = try await agent.program.ending()
            for blob in Self.blobs(agent.cache) where seen.insert(blob).inserted {
                let bytes = FileManager.default.contents(atPath: blob) ?? Data()
                let digest = "sha256:" + (blob as NSString).lastPathComponent
                #expect(digest == OCIClient.digest(of: bytes), "round \(round): \(blob)")
            }
        }
        let agent = try await registry.agent(on: network.hosts[1])
        for tag in tags {
            let out = "\(place)/out/\(tag)"
            let last = try await registry.pull("big:\(tag)", to: out, "--agent", agent.socket, on: network.hosts[1])
            #expect(last.status == 0, "\(last)")
            #expect(FileManager.default.contentsEqual(atPath: out + "/big.bin", andPath: file(tag)))
        }
        // Again come at most what was in the air, a piece of 256 KiB, and what was not written down, for 5 s at the most.
        let status = try await Self.curl("\(registry.url)/v1/status", on: network.hosts[0])
        let sent = try #require(
            (try JSONSerialization.jsonObject(with: Data(status.utf8)) as? [String: Any])?["sentBytes"] as? Int)
        #expect(sent <= tags.count * size + Self.kills * ((256 << 10) + 5 * 5_000_000), "\(sent) bytes were sent")
    }

    @Test
    func `A full disk lets go what is not used, refuses the rest, and goes on when there is room`() async throws {
        let registry = try await TestRegistry()
        let place = registry.work.path
        let cache = try registry.work.directory("small-disk")
        for (name, size) in [("one", 10_000_000), ("two", 11_000_000), ("three", 30_000_000)] {
            try await registry.keep(
                try SampleFiles.file("\(place)/from/\(name).bin", size, seed: UInt64(size)), as: "\(name):1")
        }
        // A small disk that only the agent sees.
        let script =
            "mount -t tmpfs -o size=20m none '\(cache)' && exec \"$0\" agent --any-port --cache '\(cache)' --socket "
            + "'\(place)/small.sock' --max 100% --keep-free 0 --registry '\(registry.url)' --json"
        let program = try Program(["unshare", "-m", "sh", "-c", script, Swoop.path])
        let api = try #require(try await program.waitForEvent("listening")["api"] as? String)
        func preload(_ name: String) async throws -> String {
            try await Self.curl("-w", " %{http_code}", "http://\(api)/preload/tags/\(name):1")
        }
        #expect(try await preload("one").hasSuffix("200"))
        #expect(try await preload("two").hasSuffix("200"), "what is not used goes before a pull fails")
        let refused = try await preload("three")
        #expect(refused.hasSuffix("507") && refused.contains("no space"), "\(refused)")
        // Others do not notice: what is cached stays, and a command takes from the swarm what the agent has no room for.
        for name in ["two", "three"] {
            let pulled = try await registry.pull("\(name):1", to: place + "/out", "--agent", place + "/small.sock")
            #expect(pulled.status == 0, "\(pulled)")
            #expect(
                FileManager.default.contentsEqual(
                    atPath: "\(place)/out/\(name).bin", andPath: "\(place)/from/\(name).bin"))
        }
        let grown = try await Program(
            ["nsenter", "-m", "-t", "\(program.pid)", "mount", "-o", "remount,size=80m", cache]
        ).ending()
        try #require(grown.status == 0, "\(grown)")
        #expect(try await preload("three").hasSuffix("200"))
        try await program.stop()
    }

    @Test
    func `Zeros take no space, at the registry and at an agent`() async throws {
        let registry = try await TestRegistry()
        let place = registry.work.path
        let size = 512 << 20
        _ = try SampleFiles.file(place + "/from/zeros.bin", 0, seed: 1)
        try #require(truncate(place + "/from/zeros.bin", size) == 0)
        try await registry.keep(place + "/from/zeros.bin", as: "zeros:1")
        let agent = try await registry.agent()
        let pulled = try await registry.pull("zeros:1", to: place + "/out", "--agent", agent.socket)
        #expect(pulled.status == 0, "\(pulled)")
        let direct = try await registry.pull("zeros:1", to: place + "/direct", "--direct")
        #expect(direct.status == 0, "\(direct)")
        let files =
            [place + "/out/zeros.bin", place + "/direct/zeros.bin"] + Self.blobs(place + "/data")
            + Self.blobs(agent.cache)
        for path in files {
            var status = stat()
            #expect(stat(path, &status) == 0 && status.st_blocks * 512 < 8 << 20, "\(path): \(status.st_blocks) blocks")
        }
        for pid in [registry.program.pid, agent.program.pid] {
            let text = (try? String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)) ?? ""
            let line = text.split(separator: "\n").first { $0.hasPrefix("RssAnon") } ?? ""
            let kilobytes = line.split(separator: " ").compactMap { Int($0) }.first ?? 0
            #expect(kilobytes > 0 && kilobytes < 128 << 10, "\(line)")
        }
    }
}
