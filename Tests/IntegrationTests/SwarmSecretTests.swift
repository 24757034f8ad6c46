import Foundation
import TestSupport
import Testing

/// An index, an origin and a tracker whose swarms go by a secret, each a process of its own, on one host of a network.
private final class SecretRegistry {
    static let secret = "4b9f2c71aa0e53d86c17"
    static let tokens = """
        swarm_secret: \(secret)
        tokens:
          - {name: puller, role: pull, secret: pull-it}
          - {name: pusher, role: push, secret: push-it}
          - {name: parts, role: cluster, secret: between-us}

        """

    let work: TemporaryDirectory
    let network: Network
    let programs: [Program]
    let url: String
    let tracker: String

    init() async throws {
        work = try TemporaryDirectory()
        network = try Network(hosts: 3)
        let address = network.address(0)
        (url, tracker) = ("http://\(address):15002", "http://\(address):15003")
        try work.write("secrets.yaml", Self.tokens, mode: 0o600)
        try work.write(
            "registry.yaml",
            """
            host: \(address)
            open: ['public/.*']
            origin: {hosts: {static: ['\(address):15002']}}
            build_index: {hosts: {static: ['\(address):15004']}}
            tracker: {hosts: {static: ['\(address):15003']}}

            """)
        let files = ["--config", work.path("registry.yaml"), "--secrets", work.path("secrets.yaml"), "--json"]
        var programs: [Program] = []
        for words in [
            ["index", "--data", work.path("index"), "--listen", "\(address):15004"],
            ["origin", "--data", work.path("origin"), "--port", "15002"],
            ["tracker", "--port", "15003"],
        ] {
            let program = try Program([Swoop.path] + words + files, on: network.hosts[0])
            _ = try await program.waitForEvent("listening")
            programs.append(program)
        }
        self.programs = programs
        for (token, text) in [("pull", "pull-it"), ("push", "push-it")] {
            try work.write("\(token).token", text + "\n", mode: 0o600)
        }
    }

    func run(_ host: Int, _ token: String, _ words: String...) async throws -> Program.Ending {
        try await Program(
            [Swoop.path] + words + ["--registry", url, "--token-file", work.path("\(token).token")],
            on: network.hosts[host], environment: ["XDG_CACHE_HOME": work.path("cache")]
        ).ending(within: 60)
    }

    /// Kraken's torrent file of a blob, by the tracker.
    /// - Returns: the status.
    func torrent(_ name: String, _ digest: String, _ token: String?, to path: String) async throws -> String {
        let escaped = name.replacing("/", with: "%2F")
        return try await Command.ending(
            network.hosts[1].prefix + [
                "curl", "-s", "-o", path, "-w", "%{http_code}", "--max-time", "20",
                "\(tracker)/namespace/\(escaped)/blobs/sha256:\(digest)/metainfo",
            ] + (token.map { ["-H", "Authorization: Bearer \($0)"] } ?? [])
        ).output
    }

    func announce(_ digest: String) async throws -> [UInt8] {
        let ending = try await Command.ending(
            network.hosts[1].prefix + [
                "curl", "-s", "-g", "-o", work.path("answer"), "--max-time", "10",
                "\(tracker)/announce?info_hash=aaaaaaaaaaaaaaaaaaaa&peer_id=bbbbbbbbbbbbbbbbbbbb&port=9&left=1&digest=sha256:\(digest)",
            ])
        #expect(ending.status == 0)
        return Array((try? Data(contentsOf: URL(fileURLWithPath: work.path("answer")))) ?? Data())
    }
}

@Suite("Swarms that go by a secret", .serialized)
struct SwarmSecretTests {
    @Test func `are for agents and pulls with a token, and those of open names for any client too`() async throws {
        let registry = try await SecretRegistry()
        let work = registry.work
        let size = 3_000_000
        var digests: [String] = []
        for (number, name) in ["team/app", "public/app"].enumerated() {
            let file = try SampleFiles.file(work.path("from\(number)/app.bin"), size, seed: UInt64(90 + number))
            let pushed = try await registry.run(0, "push", "push", file, "\(name):1")
            #expect(pushed.status == 0, "\(pushed)")
            digests.append(OCIClient.hex(of: size, seed: UInt64(90 + number)))
        }
        // A pull without an agent takes both from the swarm.
        for (number, name) in ["team/app", "public/app"].enumerated() {
            let out = work.path("direct\(number)")
            let pulled = try await registry.run(
                2, "pull", "pull", "\(name):1", "-o", out, "--direct")
            #expect(pulled.status == 0, "\(pulled)")
            #expect(
                FileManager.default.contentsEqual(atPath: out + "/app.bin", andPath: work.path("from\(number)/app.bin"))
            )
        }
        // An agent with a token is told the secret, which it shows to nobody.
        let agent = try Program(
            [
                Swoop.path, "agent", "--registry", registry.url, "--token-file", work.path("pull.token"), "--cache",
                work.path("agent"), "--socket", work.path("agent.sock"), "--json",
            ], on: registry.network.hosts[2])
        _ = try await agent.waitForEvent("listening")
        for (number, name) in ["team/app", "public/app"].enumerated() {
            let got = try await Command.ending(
                registry.network.hosts[2].prefix + [
                    "curl", "-sf", "-o", work.path("got\(number)"), "--max-time", "60",
                    "http://127.0.0.1:16002/namespace/\(name.replacing("/", with: "%2F"))/blobs/sha256:\(digests[number])",
                ])
            #expect(got.status == 0, "\(got) \(agent.errors)")
            #expect(
                FileManager.default.contentsEqual(
                    atPath: work.path("got\(number)"), andPath: work.path("from\(number)/app.bin")))
        }
        let status = try await Command.ending(
            registry.network.hosts[2].prefix + ["curl", "-sf", "http://127.0.0.1:16002/v1/status"])
        #expect(status.output.contains("trackers") && !status.output.contains(SecretRegistry.secret), "\(status)")
        let kept = try FileManager.default.attributesOfItem(atPath: work.path("agent/cluster.json"))
        #expect(kept[.posixPermissions] as? Int == 0o600)

        // The torrent file needs a token; without the secret it is good for nothing, unless the name is open.
        let (closed, open) = (work.path("closed.torrent"), work.path("open.torrent"))
        #expect(try await registry.torrent("team/app", digests[0], nil, to: closed) == "401")
        #expect(try await registry.torrent("team/app", digests[0], "pull-it", to: closed) == "200")
        #expect(try await registry.torrent("public/app", digests[1], "pull-it", to: open) == "200")
        // Nor is a tracker's word on who owns a blob.
        let owner: [UInt8] = [10, 99, 0, 1, UInt8(15_001 >> 8), UInt8(15_001 & 255)]
        let told = try await registry.announce(digests[0])
        #expect(!told.indices.contains { told[$0...].starts(with: owner) })
        let stats = try await Command.ending(
            registry.network.hosts[1].prefix + ["curl", "-sf", "\(registry.tracker)/stats?format=json"])
        #expect(stats.output.contains(#""biggest_swarms":[]"#), "\(stats)")

        let address = registry.network.address(1)
        let clients = [
            try Aria2.peer(
                closed, save: work.directory("aria-closed"), address: address, port: 7001, on: registry.network.hosts[1]
            ),
            try Libtorrent.peer(
                ["listen": "\(address):7002", "save": work.directory("lt-closed"), "torrent": closed] as [String: Any],
                on: registry.network.hosts[1]),
        ]
        let aria = try Aria2.peer(
            open, save: work.directory("aria-open"), address: address, port: 7003, on: registry.network.hosts[1])
        let lt = try Libtorrent.peer(
            ["listen": "\(address):7004", "save": work.directory("lt-open"), "torrent": open] as [String: Any],
            on: registry.network.hosts[1])
        try await wait(90, for: "any client to have what is open") {
            ["aria-open", "lt-open"].allSatisfy {
                FileManager.default.contentsEqual(
                    atPath: work.path("\($0)/\(digests[1])"), andPath: work.path("from1/app.bin"))
            }
        }
        // Those without the secret had as much time, and the origin's address does not help them either.
        for name in ["aria-closed", "lt-closed"] {
            let path = work.path("\(name)/\(digests[0])")
            let bytes = FileManager.default.contents(atPath: path) ?? Data()
            #expect(bytes.allSatisfy { $0 == 0 }, "\(name) has got something")
        }
        // One that gets nothing tells its tracker, again and again, before it ends.
        for client in clients + [aria, lt] {
            client.send(SIGKILL)
            _ = try await client.ending()
        }
        for program in registry.programs + [agent] {
            #expect(!(program.errors + program.output).contains(SecretRegistry.secret))
            try await program.stop()
        }
    }

    @Test func `a registry for other machines makes a secret, which it tells to callers with a token`() async throws {
        let place = try TemporaryDirectory()
        let up = try Swoop.start("up", "--data", place.path("data"), "--host", "0.0.0.0", "--any-port", "--json")
        let told = try await up.waitForEvent("listening")
        let registry = try #require(told["registry"] as? String).replacingOccurrences(of: "0.0.0.0", with: "127.0.0.1")
        let access = try #require(told["access"] as? String)
        let secret = try String(contentsOfFile: access + "/swarm.secret", encoding: .utf8).trimmingCharacters(
            in: .newlines)
        #expect(secret.count == 64)
        let mode = try FileManager.default.attributesOfItem(atPath: access + "/swarm.secret")[.posixPermissions]
        #expect(mode as? Int == 0o600)
        func cluster(_ words: [String]) async throws -> String {
            try await Command.ending(
                ["curl", "-s", "--cacert", access + "/certificate.pem", registry + "/v1/cluster"] + words
            ).output
        }
        let token = try String(contentsOfFile: access + "/pull.token", encoding: .utf8).trimmingCharacters(
            in: .newlines)
        #expect(try await cluster(["-H", "Authorization: Bearer \(token)"]).contains(secret))
        #expect(try await !cluster([]).contains(secret))
        #expect(!up.errors.contains(secret) && !up.output.contains(secret))
        try await up.stop()
    }
}
