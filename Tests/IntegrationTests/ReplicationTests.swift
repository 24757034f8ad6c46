import Foundation
import TestSupport
import Testing

@Suite("Tags that other registries get too", .serialized)
struct ReplicationTests {
    /// `swoop up` that brings tags to others.
    private final class Source {
        let work: TemporaryDirectory
        private(set) var program: Program
        let authority: String
        private let words: [String]

        /// - Parameter space: to be there at the usual ports; nil for free ones of loopback.
        init(_ words: [String], on space: (NetworkNamespace, String)? = nil) async throws {
            work = try TemporaryDirectory()
            self.words =
                [Swoop.path, "up", "--data", work.path("data"), "--json"] + words
                + (space.map { ["--host", $0.1, "--insecure"] } ?? ["--any-port"])
            program = try Program(self.words, on: space?.0, environment: ["INVOCATION_ID": "test"])
            let url = try #require(try await program.waitForEvent("listening")["registry"] as? String)
            authority = String(url.dropFirst("http://".count))
        }

        /// At other ports, where they are free ones.
        func killed() async throws {
            program.send(SIGKILL)
            _ = try await program.ending()
        }

        func push(_ text: String, _ reference: String) async throws {
            try work.write("from/\(text)/file", text)
            let ended = try await Program(
                [
                    Swoop.path, "push", work.path("from/\(text)"), reference, "--registry", "http://\(authority)",
                ], environment: ["XDG_CACHE_HOME": work.path("cache")]
            ).ending()
            try #require(ended.status == 0, "\(ended)")
        }

        func run(_ words: String...) async throws -> Program.Ending {
            try await Program(
                [Swoop.path] + words + ["--registry", "http://\(authority)"],
                environment: ["XDG_CACHE_HOME": work.path("cache")]
            ).ending()
        }

        var client: OCIClient { OCIClient(authority: authority) }

        func metric(_ name: String) async throws -> String? {
            try await client.call("GET", "/metrics").body.split(separator: "\n")
                .first { $0.hasPrefix(name + " ") }.map { String($0.dropFirst(name.utf8.count + 1)) }
        }
    }

    private func digest(_ reference: String, at authority: String) async throws -> String? {
        let parts = reference.split(separator: ":").map(String.init)
        let accept = "Accept: \(OCIClient.imageType), \(OCIClient.indexType)"
        return try await OCIClient(authority: authority).call(
            "HEAD", "/v2/\(parts[0])/manifests/\(parts[1])", [accept]
        ).headers["docker-content-digest"]
    }

    /// Waits until both have the same.
    private func arrives(_ reference: String, from source: String, at authority: String) async throws {
        let want = try #require(try await digest(reference, at: source))
        try await wait(120, for: "\(reference) at \(authority)") {
            try await digest(reference, at: authority) == want
        }
    }

    @Test func `come to docker-registry, whole, and only those that are to`() async throws {
        let docker = try DockerRegistryPlace()
        let source = try await Source(["--remote", "\(docker.url)=team/.*"])
        // It is not there yet: tasks wait.
        try await source.push("one", "team/app:1")
        try await source.push("one", "other/app:1")
        let image = try await source.client.put(["layer one", "layer two"], as: "team/image", "2")
        #expect(image.status == 201, "\(image)")
        try await wait(20, for: "a task that failed") {
            let list = try await source.client.call("GET", "/v1/names/team/app/tags/1/replications")
            return ((list.json["replications"] as? [[String: Any]])?.first?["failures"] as? Int ?? 0) > 0
        }
        #expect(try await source.metric("swoop_index_replication_tasks") == "2")
        let server = try await docker.start()
        try await arrives("team/app:1", from: source.authority, at: docker.authority)
        try await arrives("team/image:2", from: source.authority, at: docker.authority)
        #expect(try await digest("other/app:1", at: docker.authority) == nil)
        let layer = try await OCIClient(authority: docker.authority).call(
            "GET", "/v2/team/image/blobs/\(OCIClient.digest("layer two"))")
        #expect(layer.body == "layer two")
        // Pulled from there, it is what was pushed.
        let out = source.work.path("out")
        let pulled = try await Program(
            [Swoop.path, "pull", "team/app:1", "-o", out, "--registry", docker.url],
            environment: ["XDG_CACHE_HOME": source.work.path("cache")]
        ).ending()
        #expect(pulled.status == 0, "\(pulled)")
        #expect(try String(contentsOfFile: out + "/app/file", encoding: .utf8) == "one")
        try await wait(20, for: "no task") { try await source.metric("swoop_index_replication_tasks") == "0" }
        // A blob that is tagged without a manifest becomes a manifest of one file there.
        let raw = try await source.client.call(
            "PUT", "/tags/team%2Fimage%3Araw/digest/\(OCIClient.digest("layer two"))")
        #expect(raw.status == 200, "\(raw)")
        try await wait(20, for: "no task") { try await source.metric("swoop_index_replication_tasks") == "0" }
        let file = try await Program(
            [Swoop.path, "pull", "team/image:raw", "-o", out, "--registry", docker.url],
            environment: ["XDG_CACHE_HOME": source.work.path("cache")]
        ).ending()
        #expect(file.status == 0, "\(file)")
        #expect(try String(contentsOfFile: out + "/image", encoding: .utf8) == "layer two")
        let none = try await source.run("tags", "replicate", "other/app:1")
        #expect(none.status == 4, "\(none)")
        let again = try await source.run("tags", "replicate", "team/app:1", "--json")
        #expect(again.status == 0, "\(again)")
        server.kill()
        try await source.program.stop()
    }

    @Test func `come to another registry of ours, move there, and conflict where they are immutable`() async throws {
        let other = try await Source([])
        let source = try await Source(["--remote", "http://\(other.authority)=.*"])
        try await source.push("one", "team/app:1")
        try await arrives("team/app:1", from: source.authority, at: other.authority)
        for text in ["one", "two", "three"] { try await source.push(text, "team/app:latest") }
        try await arrives("team/app:latest", from: source.authority, at: other.authority)
        // A file by Kraken's call has no manifest.
        let blob = try await source.client.upload("a file", to: "team/file")
        let named = try await source.client.call("PUT", "/tags/team/file:1/digest/\(blob)")
        #expect(named.status == 200, "\(named)")
        try await wait(30, for: "the file") {
            try await other.client.call("GET", "/tags/team/file:1").body == blob
        }
        try await other.push("theirs", "team/app:2")
        let theirs = try await digest("team/app:2", at: other.authority)
        try await source.push("ours", "team/app:2")
        try await wait(30, for: "the conflict") {
            try await source.metric("swoop_index_conflicts_total") == "1"
        }
        try await wait(for: "its note") {
            let list = try await source.client.call("GET", "/v1/names/team/app/tags/2/replications")
            return (list.json["replications"] as? [[String: Any]])?.first?["state"] as? String == "conflict"
        }
        #expect(try await digest("team/app:2", at: other.authority) == theirs)
        #expect(try await source.metric("swoop_index_replication_tasks") == "0")
        let said = try await source.run("tags", "replicate", "team/app:2")
        #expect(said.status == 5 && said.errors.contains("is another one at"), "\(said)")
        // Deletions stay here.
        #expect(try await source.run("tags", "delete", "team/app:1").status == 0)
        try await source.push("last", "team/app:3")
        try await arrives("team/app:3", from: source.authority, at: other.authority)
        #expect(try await digest("team/app:1", at: other.authority) != nil)
        for one in [source, other] { try await one.program.stop() }
    }

    @Test func `do not circle between two that bring each other everything`() async throws {
        let network = try Network(hosts: 2)
        let urls = (0..<2).map { "\(network.address($0)):15000" }
        var sources: [Source] = []
        for number in 0..<2 {
            sources.append(
                try await Source(
                    ["--remote", "http://\(urls[1 - number])=.*"], on: (network.hosts[number], network.address(number))
                ))
        }
        func curl(_ number: Int, _ words: String...) async throws -> String {
            try await Program(["curl", "-s"] + words, on: network.hosts[number]).ending().output
        }
        /// What a host's index says of all changes of a name.
        func history(_ number: Int) async throws -> Int {
            let text = try await curl(number, "http://\(urls[number])/v1/names/team/app/history")
            let value = try? JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any]
            return (value?["history"] as? [Any])?.count ?? 0
        }
        try sources[0].work.write("from/file", "content")
        for (number, tag) in [(0, "latest"), (1, "1"), (0, "2")] {
            let pushed = try await Program(
                [
                    Swoop.path, "push", sources[0].work.path("from"), "team/app:\(tag)", "--registry",
                    "http://\(urls[number])",
                ], on: network.hosts[number], environment: ["XDG_CACHE_HOME": sources[0].work.path("cache")]
            ).ending()
            #expect(pushed.status == 0, "\(pushed)")
        }
        for number in 0..<2 {
            try await wait(30, for: "three tags") { try await history(number) == 3 }
            try await wait(30, for: "the end") {
                let metrics = try await curl(number, "http://\(urls[number])/metrics")
                return metrics.contains("swoop_index_replication_tasks 0")
            }
        }
        #expect(try await history(0) == 3)
        #expect(try await history(1) == 3)
        for source in sources { try await source.program.stop() }
    }

    @Test func `are brought after a kill in the middle, from where it was`() async throws {
        let other = try await Source([])
        let registry = try await TestIndexes(1, "--remote", "http://\(other.authority)=.*")
        let size = 160 << 20
        let file = try SampleFiles.file(registry.work.path("from/large"), size, seed: 77)
        let pushed = try await Program(
            [Swoop.path, "push", file, "team/large:1", "--registry", "http://\(registry.origin)"],
            environment: ["XDG_CACHE_HOME": registry.work.path("cache")]
        ).ending(within: 120)
        #expect(pushed.status == 0, "\(pushed)")
        // Its index brings it there; it is killed when a part has gone.
        try await wait(60, for: "a part of the blob at the other") {
            let uploads = FileManager.default.enumerator(atPath: other.work.path("data"))
            while let path = uploads?.nextObject() as? String {
                let size = try? FileManager.default.attributesOfItem(atPath: other.work.path("data/" + path))[.size]
                if size as? Int ?? 0 > 70 << 20 { return true }
            }
            return false
        }
        try await registry.kill()
        try await registry.restart()
        try await arrives("team/large:1", from: registry.origin, at: other.authority)
        try await other.program.stop()
    }
}

/// Debian's docker-registry, which is started when the test wants it.
private final class DockerRegistryPlace {
    let work: TemporaryDirectory
    private let port: UInt16
    var authority: String { "127.0.0.1:\(port)" }
    var url: String { "http://\(authority)" }

    init() throws {
        work = try TemporaryDirectory()
        port = try FreePort.find()
        try work.write(
            "registry.yml",
            """
            version: 0.1
            log: {level: error}
            storage: {filesystem: {rootdirectory: \(work.path("blobs"))}}
            http: {addr: "127.0.0.1:\(port)"}
            """)
    }

    func start() async throws -> ServerProcess {
        let process = try ServerProcess("docker-registry", ["serve", work.path("registry.yml")])
        try #require(await FreePort.isAnswering(port, within: 20), "docker-registry does not start")
        return process
    }
}
