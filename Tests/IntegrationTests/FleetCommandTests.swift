import Foundation
import TestSupport
import Testing

/// `swoop control`, `swoop agent` and `swoop send` on one machine, as somebody tries them who has the guide.
@Suite("The fleet's commands")
struct FleetCommandTests {
    private struct Fleet {
        let work: TemporaryDirectory
        let control: Program
        let api: String
        let agents: String

        var data: String { work.path + "/control" }

        init(_ words: [String] = []) async throws {
            work = try TemporaryDirectory()
            let listen = words.isEmpty ? ["--listen", "127.0.0.1:0"] : words
            control = try Program(
                [Swoop.path, "control", "--data", work.path + "/control", "--agents", "127.0.0.1:0", "--json"] + listen)
            let line = try await control.waitForEvent("listening")
            api = try #require(line["api"] as? String)
            agents = try #require(line["agents"] as? String)
        }

        func run(_ words: String..., within seconds: Double = 30) async throws -> Program.Ending {
            try await Program([Swoop.path] + words).ending(within: seconds)
        }

        /// `swoop fleet …`.
        func order(_ words: String...) async throws -> Program.Ending {
            try await Program(
                [Swoop.path, "fleet"] + words + ["--control", api, "--token-file", data + "/admin.token"]
            ).ending()
        }

        func token() async throws -> String {
            let made = try await order("token", "--uses", "9")
            return try #require(
                made.output.split(whereSeparator: \.isWhitespace).first { $0.hasPrefix("swt1.") }.map(String.init))
        }

        /// A host that has joined, with its file.
        func host(_ name: String, token: String, file: String) async throws -> [String] {
            let config = work.path + "/\(name).yaml"
            try file.write(toFile: config, atomically: true, encoding: .utf8)
            let words = ["--data", work.path + "/\(name)", "--config", config]
            let joined = try await Program(
                [Swoop.path, "agent", "join", "https://\(agents)", "--token", token, "--name", name] + words
            ).ending()
            try #require(joined.status == 0, "\(joined)")
            return words
        }
    }

    @Test func `A fleet on one machine delivers to agents that their files have listen at loopback`() async throws {
        let fleet = try await Fleet()
        let place = fleet.work.path
        let token = try await fleet.token()
        let source = try SampleFiles.file(place + "/builds/app", 3_000_000)
        var daemons: [Program] = []
        for name in ["build", "web-1", "web-2"] {
            try FileManager.default.createDirectory(atPath: place + "/srv-" + name, withIntermediateDirectories: true)
            let file = """
                listen: 127.0.0.1:0
                receive: {roots: [\(place)/srv-\(name)], reserve: 1MiB}
                send: {roots: [\(place)/builds]}
                """
            let words = try await fleet.host(name, token: token, file: file)
            daemons.append(try Program([Swoop.path, "agent", "--json"] + words))
            _ = try await daemons[daemons.count - 1].waitForEvent("listening")
        }
        try #"{"targets": "name~\"^web-\"", "senders": ["node:build"], "dest": "in"}"#
            .write(toFile: place + "/app.json", atomically: true, encoding: .utf8)
        #expect(try await fleet.order("class", "apply", place + "/app.json").status == 0)
        let sent = try await fleet.run("send", "-c", "app", "-p", source, "--data", place + "/build")
        #expect(sent.status == 0, "\(sent)")
        for name in ["web-1", "web-2"] {
            #expect(FileManager.default.contentsEqual(atPath: source, andPath: place + "/srv-\(name)/in/app"))
        }
        withExtendedLifetime(daemons) {}
    }

    @Test func `A mistyped key of an agent's file is told with its line, and the agent runs`() async throws {
        let fleet = try await Fleet()
        let file = "listen: none\nrecieve:\n  roots: [/srv]\ncache: {dir: /tmp/c, sise: 1}\n"
        let words = try await fleet.host("a", token: try await fleet.token(), file: file)
        let daemon = try Program([Swoop.path, "agent", "--json"] + words)
        _ = try await daemon.waitForEvent("listening")
        #expect(daemon.errors.contains("line 2, column 1: the key 'recieve' is not known"), "\(daemon.errors)")
        #expect(daemon.errors.contains("'cache.sise' is not known"), "\(daemon.errors)")
    }

    @Test func `SIGHUP has an agent read its file again, and a mistake in it leaves it as it was`() async throws {
        let fleet = try await Fleet()
        let root = fleet.work.path
        let words = try await fleet.host("web-1", token: fleet.token(), file: "receive: {roots: [\"\(root)/a\"]}\n")
        let agent = try Program([Swoop.path, "agent", "--on-loopback", "--json"] + words)
        _ = try await agent.waitForEvent("listening")
        func roots() async throws -> String { try await fleet.order("node", "show", "web-1", "--json").output }
        try await wait(20, for: "its policy") { try await roots().contains("\(root)/a") }
        for (file, said) in [
            ("receive: {roots: [\"\(root)/b\"]}\nlimits: {up: 1MiB}\n", "was read again"),
            ("receive: {roots: 7}\n", "before stays in force"),
        ] {
            try file.write(toFile: root + "/web-1.yaml", atomically: true, encoding: .utf8)
            agent.send(SIGHUP)
            try await wait(20, for: said) { agent.errors.contains(said) }
        }
        // Control hears of it at once.
        try await wait(20, for: "the new policy") { try await roots().contains("\(root)/b") }
        #expect(agent.isRunning)
        let ending = try await agent.stop()
        #expect(ending.status == 0, "\(ending)")
    }

    @Test func `An agent whose address is taken says so and ends`() async throws {
        let fleet = try await Fleet()
        let file = "listen: \(fleet.agents)\n"
        let words = try await fleet.host("a", token: try await fleet.token(), file: file)
        let ending = try await Program([Swoop.path, "agent"] + words).ending()
        #expect(ending.status == 1, "\(ending)")
        #expect(ending.errors.contains("peers cannot reach this host at \(fleet.agents)"), "\(ending)")
    }

    @Test func `A host that is told to join twice with one command stays one node`() async throws {
        let fleet = try await Fleet()
        let token = try await fleet.token()
        for _ in 0..<2 { _ = try await fleet.host("a", token: token, file: "listen: none\n") }
        let nodes = try await fleet.order("node", "list", "--json")
        #expect(Program.events(in: nodes.output).count == 1, "\(nodes)")
    }

    @Test func `Two controls do not work on one directory, which is for their user alone`() async throws {
        let fleet = try await Fleet()
        let second = try await fleet.run(
            "control", "--data", fleet.data, "--listen", "127.0.0.1:0", "--agents", "127.0.0.1:0")
        #expect(second.status == 2, "\(second)")
        #expect(second.errors.contains("another control works on"), "\(second)")
        let copy = fleet.work.path + "/copy.db"
        #expect(try await fleet.run("control", "backup", copy, "--data", fleet.data).status == 0)
        for path in [copy, fleet.data + "/control.db", fleet.data + "/control.secret", fleet.data + "/admin.token"] {
            let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
            #expect(mode == 0o600, "\(path)")
        }
    }

    @Test func `Beyond loopback the API's certificate is of the authority that lies beside the token`() async throws {
        let fleet = try await Fleet(["--listen", "0.0.0.0:0"])
        #expect(fleet.api.hasPrefix("https://"))
        #expect(fleet.control.errors.isEmpty || !fleet.control.errors.contains("error"))
        let url = fleet.api.replacing("0.0.0.0", with: "127.0.0.1")
        let beside = try await fleet.run(
            "fleet", "node", "list", "--control", url, "--token-file", fleet.data + "/admin.token")
        #expect(beside.status == 0, "\(beside)")
        let elsewhere = fleet.work.path + "/elsewhere/token"
        try FileManager.default.createDirectory(
            atPath: fleet.work.path + "/elsewhere", withIntermediateDirectories: true)
        try FileManager.default.copyItem(atPath: fleet.data + "/admin.token", toPath: elsewhere)
        let unknown = try await fleet.run("fleet", "node", "list", "--control", url, "--token-file", elsewhere)
        #expect(unknown.status == 1 && unknown.errors.contains("--ca"), "\(unknown)")
        let named = try await fleet.run(
            "fleet", "node", "list", "--control", url, "--token-file", elsewhere, "--ca", fleet.data + "/authority.pem")
        #expect(named.status == 0, "\(named)")
        // All of that in a profile.
        let profile = fleet.work.path + "/elsewhere/profile.yaml"
        try "control: \(url)\ntoken_file: token\nca: \(fleet.data)/authority.pem\n"
            .write(toFile: profile, atomically: true, encoding: .utf8)
        let words = [Swoop.path, "fleet", "node", "list"]
        let short = try await Program(words, environment: ["SWOOP_CONTROL": profile]).ending()
        #expect(short.status == 0, "\(short)")
        try "contrl: x\n".write(toFile: profile, atomically: true, encoding: .utf8)
        let wrong = try await Program(words, environment: ["SWOOP_CONTROL": profile]).ending()
        #expect(wrong.status == 2 && wrong.errors.contains("line 1"), "\(wrong)")
    }
}
