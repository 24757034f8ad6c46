import Foundation
import TestSupport
import Testing

/// `swoop up` as other machines reach it.
struct RegistryAccessTests {
    /// What the first line of a registry or an agent says.
    private func first(_ program: Program) async throws -> [String: String] {
        let isThere = try await eventually(seconds: 30) { program.output.contains("\n") || !program.isRunning }
        try #require(isThere && program.isRunning, "\(program.output) \(program.errors)")
        let line = program.output.split(separator: "\n").first ?? ""
        return try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: String])
    }

    private func curl(_ words: String...) async throws -> String {
        try await Command.ending(["curl", "-s", "-m", "10", "-o", "/dev/null", "-w", "%{http_code}"] + words).output
    }

    @Test func `a registry for other machines has TLS and tokens from its first start, and takes new ones on SIGHUP`()
        async throws
    {
        let place = try TemporaryDirectory()
        let data = place.path("data")
        let up = try Swoop.start("up", "--data", data, "--host", "0.0.0.0", "--any-port", "--json")
        let told = try await first(up)
        let registry = try #require(told["registry"]).replacingOccurrences(of: "0.0.0.0", with: "127.0.0.1")
        let (pin, access) = (try #require(told["pin"]), try #require(told["access"]))
        #expect(registry.hasPrefix("https://"))
        try await wait(for: "the command for other hosts") {
            up.errors.contains("--token-file \(access)/pull.token --pin \(pin)")
        }
        let source = try place.file("source/a")
        try Data("hello".utf8).write(to: URL(fileURLWithPath: source))
        func push(_ more: [String]) async throws -> Program.Ending {
            let words = [Swoop.path, "push", source, "team/app:1", "--registry", registry] + more
            return try await Program(words).ending()
        }
        #expect(try await push([]).status == 1, "the certificate is not trusted")
        #expect(try await push(["--pin", pin]).status == 5)
        #expect(try await push(["--pin", pin, "--token-file", access + "/pull.token"]).status == 5)
        let pushed = try await push(["--pin", pin, "--token-file", access + "/push.token"])
        #expect(pushed.status == 0, "\(pushed)")
        let pulled = try await Swoop.run(
            "pull", "team/app:1", "-o", place.path("out"), "--direct", "--registry", registry, "--pin", pin,
            "--token-file", access + "/pull.token")
        #expect(pulled.status == 0, "\(pulled)")

        let (certificate, tokens) = (access + "/certificate.pem", access + "/tokens.json")
        func asked() async throws -> String {
            try await curl("--cacert", certificate, "-u", "any:new-secret", registry + "/v2/")
        }
        #expect(try await asked() == "401")
        let before = try Data(contentsOf: URL(fileURLWithPath: tokens))
        try Data("{".utf8).write(to: URL(fileURLWithPath: tokens))
        up.send(SIGHUP)
        let isWarned = try await eventually { up.errors.contains("the tokens before stay in force: \(tokens)") }
        #expect(isWarned, "\(up.errors)")
        let kept = try String(contentsOfFile: access + "/pull.token", encoding: .utf8).trimmingCharacters(in: .newlines)
        #expect(try await curl("--cacert", certificate, "-u", "any:\(kept)", registry + "/v2/") == "200")
        let new = #"{"tokens": [{"name": "new", "role": "pull", "secret": "new-secret"}]}"#
        try Data(new.utf8).write(to: URL(fileURLWithPath: tokens))
        up.send(SIGHUP)
        let isTaken = try await eventually { try await asked() == "200" }
        #expect(isTaken)
        try before.write(to: URL(fileURLWithPath: tokens))
        #expect(!(up.output + up.errors).contains(kept))
        up.send(SIGTERM)
        #expect(try await up.ending().status == 0)
    }

    @Test func `an agent with tokens asks programs of its host for one`() async throws {
        let place = try TemporaryDirectory()
        let up = try Swoop.start("up", "--data", place.path("data"), "--any-port", "--json")
        let registry = try #require(try await first(up)["registry"])
        let source = try place.file("source/a")
        try Data("hello".utf8).write(to: URL(fileURLWithPath: source))
        for name in ["team/app:1", "other/app:1"] {
            let pushed = try await Swoop.run("push", source, name, "--registry", registry)
            #expect(pushed.status == 0, "\(pushed)")
        }
        let tokens = place.path("tokens.json")
        try Data(#"{"tokens": [{"name": "a", "role": "pull", "secret": "it", "names": ["team/.*"]}]}"#.utf8)
            .write(to: URL(fileURLWithPath: tokens))
        chmod(tokens, 0o644)
        func agent() throws -> Program {
            try Swoop.start(
                "agent", "--cache", place.path("cache"), "--socket", place.path("socket"), "--any-port", "--registry",
                registry, "--tokens", tokens, "--json")
        }
        let refused = try await agent().ending()
        #expect(refused.status == 2 && refused.errors.contains("it needs mode 600"), "\(refused)")
        chmod(tokens, 0o600)
        let running = try agent()
        let api = "http://" + (try #require(try await first(running)["api"]))
        #expect(try await curl(api + "/tags/team/app:1") == "401")
        #expect(try await curl("-u", "x:it", api + "/tags/team/app:1") == "200")
        #expect(try await curl("-u", "x:it", api + "/tags/other/app:1") == "403")
        #expect(try await curl("-u", "x:it", api + "/preload/tags/team/app:1") == "200")
        #expect(try await curl("-u", "x:it", api + "/v1/blobs") == "403")
        #expect(try await curl(api + "/healthz") == "200")
        let mode = try FileManager.default.attributesOfItem(atPath: place.path("socket"))[.posixPermissions] as? Int
        #expect(mode == 0o600)
        running.send(SIGTERM)
        #expect(try await running.ending().status == 0)
        up.send(SIGTERM)
        #expect(try await up.ending().status == 0)
    }

    @Test(arguments: ["token", "open"])
    func `an agent's configuration says whether programs of its host show a token`(local: String) async throws {
        let place = try TemporaryDirectory()
        let up = try Swoop.start("up", "--data", place.path("data"), "--any-port", "--json")
        let registry = try #require(try await first(up)["registry"])
        let source = try place.file("source/a")
        try Data("hello".utf8).write(to: URL(fileURLWithPath: source))
        let pushed = try await Swoop.run("push", source, "team/app:1", "--registry", registry)
        #expect(pushed.status == 0, "\(pushed)")
        try place.write("agent.yaml", "local: \(local)\n")
        try place.write("secrets.yaml", "tokens:\n  - {name: a, role: pull, secret: it}\n", mode: 0o600)
        let running = try Swoop.start(
            "agent", "--config", place.path("agent.yaml"), "--secrets", place.path("secrets.yaml"), "--cache",
            place.path("cache"), "--socket", place.path("socket"), "--any-port", "--registry", registry, "--json")
        let api = "http://" + (try #require(try await first(running)["api"]))
        #expect(try await curl(api + "/tags/team/app:1") == (local == "open" ? "200" : "401"))
        #expect(try await curl("-u", "x:it", api + "/tags/team/app:1") == "200")
        let mode = try FileManager.default.attributesOfItem(atPath: place.path("socket"))[.posixPermissions] as? Int
        #expect(mode == (local == "open" ? 0o666 : 0o600), "a socket that asks for no token")
        for program in [running, up] {
            program.send(SIGTERM)
            #expect(try await program.ending().status == 0)
        }
    }

    @Test(arguments: [
        (["--insecure", "--tokens", "f"], "exclude each other"), (["--tls-key", "f"], "go together"),
        (["--tls-client-ca", "f"], "need '--tls-certificate'"), (["--tokens", "/nowhere"], "/nowhere cannot be read"),
        (["--tls-certificate", "/nowhere", "--tls-key", "/nowhere"], "/nowhere cannot be read as certificates"),
    ])
    func `options of a registry that cannot be used end it with status 2`(words: [String], text: String) async throws {
        let place = try TemporaryDirectory()
        let ending = try await Program(
            [Swoop.path, "up", "--data", place.path, "--host", "0.0.0.0", "--any-port"] + words
        ).ending()
        #expect(ending.status == 2 && ending.errors.contains(text), "\(ending)")
    }
}
