import Foundation
import TestSupport
import Testing

/// `swoop push`, `pull` and `tags` with a registry and a client that others made.
@Suite(.serialized) struct RegistryTests {
    private func sameFiles(_ one: String, _ other: String) throws -> Bool {
        try Command.run(["diff", "-r", one, other]).status == 0
    }

    private func complete(_ ending: Program.Ending) throws -> [String: Any] {
        try #require(Program.events(in: ending.output).first { $0["event"] as? String == "complete" }, "\(ending)")
    }

    @Test func `a tree goes to docker-registry and comes back, once`() async throws {
        let registry = try await DockerRegistry()
        let tree = try SampleFiles.tree(registry.work.path("source/app"), largest: 12 << 20, portable: true)
        let pushed = try complete(try await registry.run("push", tree, "team/app:1", "--json"))
        #expect(pushed["name"] as? String == "team/app")
        #expect(pushed["tag"] as? String == "1")
        #expect(pushed["transferred"] as? Int ?? 0 > 0)
        let again = try complete(try await registry.run("push", tree, "team/app:2", "--json"))
        #expect(again["digest"] as? String == pushed["digest"] as? String)
        #expect(again["transferred"] as? Int == 0)
        #expect(again["reused"] as? Int == pushed["bytes"] as? Int)

        let out = registry.work.path("out")
        let pulled = try complete(try await registry.run("pull", "team/app:1", "-o", out, "--json"))
        #expect(pulled["path"] as? String == out + "/app")
        #expect(pulled["digest"] as? String == pushed["digest"] as? String)
        #expect(try sameFiles(tree, out + "/app"))
        let digest = try #require(pulled["digest"] as? String)
        let cached = try complete(try await registry.run("pull", "team/app@\(digest)", "-o", out, "--json"))
        #expect(cached["transferred"] as? Int == 0)

        let tags = try await registry.run("tags", "team/app", "--json")
        #expect(Program.events(in: tags.output).compactMap { $0["tag"] as? String } == ["1", "2"])
        #expect(Program.events(in: tags.output).first?["digest"] as? String == digest)
        let missing = try await registry.run("pull", "team/app:9", "-o", out)
        #expect(missing.status == 4)
        #expect(missing.errors.contains("no tag team/app:9; newest: 2, 1"))
    }

    @Test func `what skopeo copied to the registry comes as an OCI layout that skopeo reads`() async throws {
        let registry = try await DockerRegistry()
        try makeImage(registry.work, "image")
        let place = "docker://127.0.0.1:\(registry.port)/team/image:1"
        let copied = try await Command.ending([
            "skopeo", "--insecure-policy", "copy", "--dest-tls-verify=false", "oci:\(registry.work.path("image")):1",
            place,
        ])
        try #require(copied.status == 0, "\(copied.errors)")
        let pulled = try await registry.run("pull", "team/image:1", "-o", registry.work.path("out"))
        #expect(pulled.status == 0, "\(pulled)")
        let layout = registry.work.path("out/image")
        let read = try await Command.ending(["skopeo", "inspect", "--raw", "oci:\(layout):1"])
        #expect(read.status == 0, "\(read.errors)")
        let back = try await Command.ending([
            "skopeo", "--insecure-policy", "copy", "oci:\(layout):1", "dir:\(registry.work.path("back"))",
        ])
        #expect(back.status == 0, "\(back.errors)")
    }

    @Test func `skopeo copies what was pushed to another registry, and it comes from there too`() async throws {
        let (registry, other) = (try await DockerRegistry(), try await DockerRegistry())
        let tree = try SampleFiles.tree(registry.work.path("source/app"), largest: 4 << 20, portable: true)
        let pushed = try await registry.run("push", tree, "team/app:1")
        #expect(pushed.status == 0, "\(pushed)")
        let copied = try await Command.ending([
            "skopeo", "--insecure-policy", "copy", "--src-tls-verify=false", "--dest-tls-verify=false",
            "docker://127.0.0.1:\(registry.port)/team/app:1", "docker://127.0.0.1:\(other.port)/copy/app:1",
        ])
        try #require(copied.status == 0, "\(copied.errors)")
        let pulled = try await other.run("pull", "copy/app:1", "-o", other.work.path("out"))
        #expect(pulled.status == 0, "\(pulled)")
        #expect(try sameFiles(tree, other.work.path("out/app")))
    }

    @Test func `a push and a pull that are killed go on`() async throws {
        let registry = try await DockerRegistry()
        let path = try registry.work.file("source/large")
        let made = try await Command.ending(["dd", "if=/dev/urandom", "of=\(path)", "bs=1M", "count=400"])
        #expect(made.status == 0)
        let push = try registry.start("push", path, "team/large:1", "--json")
        try await wait(60, for: "a part of the push") { !push.isRunning || Self.done(push) > 80 << 20 }
        push.send(SIGKILL)
        _ = try await push.ending()
        let pushed = try await registry.run("push", path, "team/large:1", "--json")
        #expect(pushed.status == 0, "\(pushed)")

        let out = registry.work.path("out")
        let part = out + "/.large.swoop/parts"
        let pull = try registry.start("pull", "team/large:1", "-o", out, "--json")
        try await wait(60, for: "a part of the pull") {
            let name = try? FileManager.default.contentsOfDirectory(atPath: part).first
            let size = try? FileManager.default.attributesOfItem(atPath: part + "/" + (name ?? ""))[.size] as? Int
            return !pull.isRunning || size ?? 0 > 40 << 20
        }
        pull.send(SIGKILL)
        _ = try await pull.ending()
        #expect(!FileManager.default.fileExists(atPath: out + "/large"))
        let pulled = try complete(try await registry.run("pull", "team/large:1", "-o", out, "--json"))
        #expect(pulled["transferred"] as? Int ?? .max < 361 << 20)
        #expect(try sameFiles(path, out + "/large"))
    }

    private static func done(_ program: Program) -> Int {
        program.events.last { $0["event"] as? String == "progress" }?["done"] as? Int ?? 0
    }

    @Test func `a file that changes while it is pushed leaves no tag`() async throws {
        let registry = try await DockerRegistry()
        let path = try registry.work.file("source/large")
        _ = try await Command.ending(["dd", "if=/dev/zero", "of=\(path)", "bs=1M", "count=600"])
        let push = try registry.start("push", path, "team/large:1", "--json")
        _ = try await push.waitForEvent("progress")
        let handle = try #require(FileHandle(forWritingAtPath: path))
        try handle.write(contentsOf: Data("changed".utf8))
        try handle.close()
        let ending = try await push.ending()
        #expect(ending.status == 1, "\(ending)")
        #expect(ending.errors.contains("changed while it was pushed; nothing is tagged"))
        let pulled = try await registry.run("pull", "team/large:1", "-o", registry.work.path("out"))
        #expect(pulled.status == 4, "\(pulled)")
    }

    @Test func `a single file streams, a tag is deleted, and a registry that is gone is named`() async throws {
        let registry = try await DockerRegistry()
        try registry.work.write("notes.txt", "hello\n")
        let pushed = try await registry.run("push", registry.work.path("notes.txt"))
        #expect(pushed.status == 0, "\(pushed)")
        let streamed = try await registry.run("pull", "notes.txt", "-o", "-")
        #expect(streamed.output == "hello\n", "\(streamed)")
        let deleted = try await registry.run("tags", "delete", "notes.txt:latest", "--json")
        #expect(deleted.status == 0, "\(deleted)")
        #expect(try await registry.run("pull", "notes.txt", "-o", registry.work.path).status == 4)
        let closed = try FreePort.find()
        let gone = try await registry.run("tags", "--registry", "http://127.0.0.1:\(closed)")
        #expect(gone.status == 1)
        #expect(gone.errors.contains("index http://127.0.0.1:\(closed) does not answer (tried 3)"))
    }

    /// An image of one small layer, in the OCI layout.
    private func makeImage(_ work: TemporaryDirectory, _ name: String) throws {
        func blob(_ bytes: [UInt8]) throws -> (digest: String, size: Int) {
            try work.write("\(name)/new", bytes)
            let words = try Command.run(["sha256sum", work.path("\(name)/new")]).output.split(separator: " ")
            let hex = String(try #require(words.first))
            try work.write("\(name)/blobs/sha256/\(hex)", bytes)
            try FileManager.default.removeItem(atPath: work.path("\(name)/new"))
            return ("sha256:\(hex)", bytes.count)
        }
        try work.write("layer/file", "content of a layer\n")
        _ = try Command.run(["tar", "-C", work.path("layer"), "-cf", work.path("layer.tar"), "file"])
        let layer = try blob(try #require(work.read("layer.tar")))
        let config = try blob(
            Array(
                #"{"architecture":"amd64","os":"linux","config":{},"rootfs":{"type":"layers","diff_ids":["\#(layer.digest)"]}}"#
                    .utf8))
        let type = "application/vnd.oci.image"
        let manifest = try blob(
            Array(
                #"{"schemaVersion":2,"mediaType":"\#(type).manifest.v1+json","config":{"mediaType":"\#(type).config.v1+json","digest":"\#(config.digest)","size":\#(config.size)},"layers":[{"mediaType":"\#(type).layer.v1.tar","digest":"\#(layer.digest)","size":\#(layer.size)}]}"#
                    .utf8))
        try work.write(
            "\(name)/index.json",
            #"{"schemaVersion":2,"manifests":[{"mediaType":"\#(type).manifest.v1+json","digest":"\#(manifest.digest)","size":\#(manifest.size),"annotations":{"org.opencontainers.image.ref.name":"1"}}]}"#
        )
        try work.write("\(name)/oci-layout", #"{"imageLayoutVersion":"1.0.0"}"#)
    }
}
