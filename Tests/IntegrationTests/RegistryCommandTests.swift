import Foundation
import TestSupport
import Testing

/// `swoop up`, `push`, `pull`, `tags` and `agent` as people and scripts use them.
@Suite("The registry's commands")
struct RegistryCommandTests {
    private enum Way: String, CaseIterable, CustomTestStringConvertible {
        case agent, direct
        var testDescription: String { rawValue }
    }

    private func words(_ way: Way, _ registry: TestRegistry) async throws -> (words: [String], agent: TestAgent?) {
        guard way == .agent else { return (["--direct"], nil) }
        let agent = try await registry.agent()
        return (["--agent", agent.socket], agent)
    }

    @Test(arguments: Way.allCases)
    private func `A directory comes back as it was pushed`(_ way: Way) async throws {
        let registry = try await TestRegistry()
        let place = registry.work.path
        let tree = try SampleFiles.tree(place + "/tree")
        try await registry.keep(tree, as: "team/app:1.0")
        let (words, agent) = try await words(way, registry)
        let pull = ["pull", "team/app:1.0", "-o", place + "/out", "--json"] + words
        let pulled = try await registry.run(pull)
        #expect(pulled.status == 0, "\(pulled)")
        #expect(try SampleFiles.snapshot(place + "/out/app") == SampleFiles.snapshot(tree))
        let line = try #require(Program.events(in: pulled.output).last)
        #expect(line["event"] as? String == "complete" && line["path"] as? String == place + "/out/app", "\(pulled)")
        #expect(line["transferred"] as? Int ?? 0 > 3 << 20, "\(pulled)")
        // What is there already is checked, and stays.
        let again = try await registry.run(pull)
        #expect(again.status == 0, "\(again)")
        #expect(try SampleFiles.names(place + "/out") == ["app"])

        try SampleFiles.file(tree + "/a/new.bin", 300_000, seed: 20)
        try SampleFiles.file(tree + "/a/b/c/deep.bin", 70_001, seed: 19)
        try await registry.keep(tree, as: "team/app:2.0")
        let newer = ["pull", "team/app:2.0", "-o", place + "/out"] + words
        let refused = try await registry.run(newer)
        #expect(refused.status != 0, "\(refused)")
        let replaced = try await registry.run(newer + ["--overwrite"])
        #expect(replaced.status == 0, "\(replaced)")
        #expect(try SampleFiles.snapshot(place + "/out/app") == SampleFiles.snapshot(tree))
        withExtendedLifetime(agent) {}
    }

    @Test(arguments: Way.allCases)
    private func `A file lands under its name, or goes to standard output`(_ way: Way) async throws {
        let registry = try await TestRegistry()
        let place = registry.work.path
        // Text, since the helper reads outputs as such.
        let text = String(repeating: "all work and no play\n", count: 50_000)
        try registry.work.write("notes.txt", text)
        try await registry.keep(place + "/notes.txt", as: "notes:7")
        let (words, agent) = try await words(way, registry)
        let pulled = try await registry.run(["pull", "notes:7", "-o", place + "/out"] + words)
        #expect(pulled.status == 0, "\(pulled)")
        #expect(FileManager.default.contentsEqual(atPath: place + "/out/notes.txt", andPath: place + "/notes.txt"))
        let streamed = try await registry.run(["pull", "notes:7", "-o", "-"] + words)
        #expect(streamed.status == 0 && streamed.output == text, "\(streamed.errors)")
        withExtendedLifetime(agent) {}
    }

    @Test(arguments: Way.allCases)
    private func `A blob that is tagged without a manifest lands as a file called as the name's last part`(
        _ way: Way
    ) async throws {
        let registry = try await TestRegistry()
        let place = registry.work.path
        let file = try SampleFiles.file(place + "/large.bin", 300_000, seed: 24)
        try await registry.keep(file, as: "team/app:1.0")
        let client = OCIClient(authority: registry.authority)
        let resolved = try await client.call("GET", "/v1/resolve/team/app:1.0").json
        let digest = try #require(
            (resolved["blobs"] as? [[String: Any]])?.first { $0["size"] as? Int == 300_000 }?["digest"] as? String)
        let put = try await client.call("PUT", "/tags/team%2Fapp%3Araw/digest/\(digest)")
        #expect(put.status == 200, "\(put)")
        let (words, agent) = try await words(way, registry)
        for reference in ["team/app:raw", "team/app@\(digest)"] {
            let pulled = try await registry.run(["pull", reference, "-o", place + "/out", "--overwrite"] + words)
            #expect(pulled.status == 0, "\(pulled)")
            #expect(FileManager.default.contentsEqual(atPath: place + "/out/app", andPath: file))
        }
        withExtendedLifetime(agent) {}
    }

    @Test
    func `What is unknown is exit 4, another digest under a tag exit 5`() async throws {
        let registry = try await TestRegistry()
        let place = registry.work.path
        let first = try SampleFiles.file(place + "/first.bin", 100_000, seed: 21)
        let second = try SampleFiles.file(place + "/second.bin", 100_000, seed: 22)
        try await registry.keep(first, as: "team/app:1.0")
        let unknown = try await registry.pull("team/app:9", to: place + "/out", "--direct")
        #expect(unknown.status == 4 && unknown.errors.contains("no tag team/app:9"), "\(unknown)")
        let again = try await registry.push(first, "team/app:1.0", "--json")
        #expect(again.status == 0, "\(again)")
        let line = Program.events(in: again.output).last
        #expect(line?["transferred"] as? Int == 0, "\(again)")
        let digest = try #require(line?["digest"] as? String)
        let refused = try await registry.push(second, "team/app:1.0")
        #expect(refused.status == 5, "\(refused)")
        let text = "team/app:1.0 is \(digest) already, and tags are immutable here: choose another, or add a pattern"
        #expect(refused.errors.contains(text + " to \"mutable\""), "\(refused)")
        for file in [first, second] { try await registry.keep(file, as: "team/app:latest") }
    }

    @Test
    func `Tags are listed, have a history and are deleted`() async throws {
        let registry = try await TestRegistry()
        let file = try SampleFiles.file(registry.work.path + "/app.bin", 100_000, seed: 23)
        for tag in ["1.0", "1.1"] { try await registry.keep(file, as: "team/app:\(tag)") }
        #expect(try await registry.tags().output.contains("team/app"))
        let deleted = try await registry.tags("delete", "team/app:1.0")
        #expect(deleted.status == 0, "\(deleted)")
        let list = try await registry.tags("team/app", "--json")
        #expect(list.output.contains("1.1") && !list.output.contains("1.0"), "\(list)")
        let history = try await registry.tags("team/app", "--history")
        #expect(history.output.contains("put") && history.output.contains("delete"), "\(history)")
        let gone = try await registry.tags("delete", "team/app:1.0")
        #expect(gone.status == 4, "\(gone)")
        let pulled = try await registry.pull("team/app:1.0", to: registry.work.path + "/out", "--direct")
        #expect(pulled.status == 4, "\(pulled)")
    }

    @Test
    func `A registry that does not answer is named`() async throws {
        let ending = try await FreePort.withClosed { port in
            try await Swoop.run(
                "pull", "a:1", "-o", "out", "--direct", "--registry", "http://127.0.0.1:\(port)", "--timeout", "2s")
        }
        #expect(ending.status == 1 && ending.errors.contains("swoop up"), "\(ending)")
    }

    @Test
    func `What an agent has is given without the registry`() async throws {
        let registry = try await TestRegistry()
        let file = try SampleFiles.file(registry.work.path + "/app.bin", 3_000_000, seed: 24)
        let pushed = try await registry.push(file, "app:1", "--json")
        let digest = try #require(Program.events(in: pushed.output).last?["digest"] as? String)
        let agent = try await registry.agent()
        let text = OCIClient.digest(of: SampleFiles.bytes(3_000_000, seed: 24))
        let client = OCIClient(authority: agent.api)
        let tag = try await client.call("GET", "/tags/app:1")
        #expect(tag.status == 200 && tag.body == digest, "\(tag)")
        #expect(try await client.call("GET", "/preload/tags/app:1").status == 200)
        try await registry.program.stop()
        let kept = try await client.call("HEAD", "/namespace/app/blobs/\(text)")
        #expect(kept.status == 200 && kept.headers["content-length"] == "3000000", "\(kept)")
        #expect(try await client.call("GET", "/v2/app/manifests/\(digest)").status == 200)
    }
}
