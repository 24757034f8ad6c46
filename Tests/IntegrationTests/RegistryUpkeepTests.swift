import Foundation
import Hashing
import TestSupport
import Testing

/// What keeps a registry's disk in order, as programs.
@Suite(.serialized) struct `A registry's disk` {
    private static let alone = ["INVOCATION_ID": "test"]

    private func up(_ data: String, _ backend: String?) async throws -> (program: Program, url: String) {
        let program = try Program(
            [Swoop.path, "up", "--json", "--any-port", "--data", data] + (backend.map { ["--backend", $0] } ?? []),
            environment: Self.alone)
        let event = try await program.waitForEvent("listening")
        return (program, try #require(event["registry"] as? String))
    }

    private func run(_ url: String, _ words: String...) async throws -> Program.Ending {
        try await Program([Swoop.path] + words, environment: ["SWOOP_REGISTRY": url]).ending()
    }

    private func file(_ data: String, _ hex: String) -> String {
        "\(data)/blobs/\(hex.prefix(2))/\(hex.dropFirst(2).prefix(2))/\(hex)"
    }

    /// Changes bytes of a file in its place.
    private func spoil(_ path: String, at offset: UInt64) throws {
        let handle = try #require(FileHandle(forUpdatingAtPath: path))
        try handle.seek(toOffset: offset)
        handle.write(Data([0xde, 0xad, 0xbe, 0xef]))
        try handle.close()
    }

    private func status(_ url: String) async throws -> [String: Any] {
        let ending = try await run(url, "origin", "status", "--json")
        return try #require(Program.events(in: ending.output).first, "\(ending)")
    }

    @Test func `a wrong blob is taken by no agent, and the first reader has it mended from the back end`() async throws
    {
        let work = try TemporaryDirectory()
        let bytes = randomBytes(3_000_000, seed: 5)
        try work.write("a.bin", bytes)
        let (registry, url) = try await up(work.path("data"), "file://" + work.path("cold"))
        #expect(try await run(url, "push", work.path("a.bin"), "a:1").status == 0)
        try await wait(for: "the back end") { try await status(url)["writeBackTasks"] as? Int == 0 }
        let path = file(work.path("data"), SHA256.digest(bytes).hex)
        try spoil(path, at: 1_234_567)
        let pulled = try await run(url, "pull", "a:1", "-o", work.path("out"), "--direct")
        #expect(pulled.status == 0, "\(pulled)")
        let isRight = work.read("out/a.bin") == bytes
        #expect(isRight)
        try await wait(for: "the mending") { try await status(url)["mended"] as? Int == 1 }
        let isMended = work.read("data/blobs/" + String(path.dropFirst(work.path("data/blobs/").count))) == bytes
        #expect(isMended)
        let now = try await status(url)
        #expect(now["bad"] as? Int == 1)
        #expect((now["broken"] as? [String])?.isEmpty == true)
        try await registry.stop()
    }

    @Test func `what cannot be mended is given by nobody, and is right again when it is pushed again`() async throws {
        let work = try TemporaryDirectory()
        let bytes = randomBytes(3_000_000, seed: 6)
        try work.write("a.bin", bytes)
        let (registry, url) = try await up(work.path("data"), nil)
        #expect(try await run(url, "push", work.path("a.bin"), "a:1").status == 0)
        let path = file(work.path("data"), SHA256.digest(bytes).hex)
        try spoil(path, at: 10)
        let scrub = try await run(url, "origin", "scrub", "--json")
        #expect(scrub.status == 3, "\(scrub)")
        let event = try #require(Program.events(in: scrub.output).first { $0["event"] as? String == "scrub" })
        #expect(event["bad"] as? Int == 1 && event["mended"] as? Int == 0)
        #expect(event["broken"] as? [String] == ["sha256:" + SHA256.digest(bytes).hex])
        let blob = try await Program([
            "curl", "-s", "-o", "/dev/null", "-w", "%{http_code}",
            "\(url)/v2/a/blobs/sha256:\(SHA256.digest(bytes).hex)",
        ]).ending()
        #expect(blob.output == "404")
        #expect(try await run(url, "push", work.path("a.bin"), "a:2").status == 0)
        let isRight = FileManager.default.contents(atPath: path).map { Array($0) } == bytes
        #expect(isRight)
        #expect(try await run(url, "origin", "scrub").status == 0)
        try await registry.stop()
    }

    @Test func `blobs that the back end has make room, and come back`() async throws {
        let work = try TemporaryDirectory()
        let data = try work.directory("data")
        let script = "mount -t tmpfs -o size=200m none '\(data)' && exec \"$0\" \"$@\""
        let program = try Program(
            [
                "unshare", "-m", "sh", "-c", script, Swoop.path, "up", "--any-port", "--data", data, "--json",
                "--backend", "file://" + work.path("cold"),
            ], environment: Self.alone)
        let url = try #require(try await program.waitForEvent("listening")["registry"] as? String)
        let contents = (0..<14).map { randomBytes(20_000_000, seed: UInt64(700 + $0)) }
        for (number, bytes) in contents.enumerated() {
            try work.write("file\(number)", bytes)
            // A push may come before its forerunners are in the back end: then it is refused, and comes again.
            try await wait(60, for: "push \(number)") {
                try await run(url, "push", work.path("file\(number)"), "app:\(number)").status == 0
            }
        }
        let kept = try #require(try await status(url)["bytes"] as? Int)
        #expect(kept < 200 << 20)
        for (number, bytes) in contents.enumerated() {
            // What was given a moment ago stays for a while, and this disk has no room for more.
            try await wait(60, for: "pull \(number)") {
                try await run(url, "pull", "app:\(number)", "-o", work.path("out"), "--direct").status == 0
            }
            let isRight = work.read("out/file\(number)") == bytes
            #expect(isRight)
        }
        try await program.stop()
    }

    @Test func `without a back end nothing goes, and pushes are refused before the disk is full`() async throws {
        let work = try TemporaryDirectory()
        let data = try work.directory("data")
        let script = "mount -t tmpfs -o size=64m none '\(data)' && exec \"$0\" \"$@\""
        let program = try Program(
            ["unshare", "-m", "sh", "-c", script, Swoop.path, "up", "--any-port", "--data", data, "--json"],
            environment: Self.alone)
        let url = try #require(try await program.waitForEvent("listening")["registry"] as? String)
        for (name, size) in [("a", 30_000_000), ("b", 35_200_000), ("c", 1_000)] {
            try work.write(name, randomBytes(size, seed: UInt64(size)))
        }
        #expect(try await run(url, "push", work.path("a"), "a:1").status == 0)
        for name in ["b", "c"] {
            let refused = try await run(url, "push", work.path(name), "\(name):1")
            #expect(refused.status == 6 && refused.errors.contains("no space"), "\(refused)")
        }
        #expect(try await status(url)["full"] as? Bool == true)
        #expect(try await run(url, "pull", "a:1", "-o", work.path("out"), "--direct").status == 0)
        try await program.stop()
    }

    @Test func `the tags of docker-registry are taken over, and their blobs read as they are asked for`() async throws {
        let docker = try await DockerRegistry()
        let work = docker.work
        let tree = try SampleFiles.tree(work.path("source/app"), largest: 3 << 20, portable: true)
        #expect(try await docker.run("push", tree, "team/app:1").status == 0)
        #expect(try await docker.run("push", tree, "team/app:two").status == 0)
        try work.write("single", randomBytes(500_000, seed: 3))
        #expect(try await docker.run("push", work.path("single"), "other/deep/name:latest").status == 0)
        let backend = "file://" + work.path("blobs")
        let (registry, url) = try await up(work.path("data"), backend)
        let taken = try await run(url, "index", "import", backend, "--json")
        #expect(taken.status == 0, "\(taken)")
        let tags = Program.events(in: taken.output).filter { $0["event"] as? String == "import" }
        #expect(tags.compactMap { $0["tag"] as? String } == ["other/deep/name:latest", "team/app:1", "team/app:two"])
        #expect(try await status(url)["blobs"] as? Int == 0)
        #expect(try await run(url, "pull", "team/app:two", "-o", work.path("out"), "--direct").status == 0)
        let same = try await Program(["diff", "-r", tree, work.path("out/app")]).ending()
        #expect(same.status == 0, "\(same)")
        #expect(try await run(url, "pull", "other/deep/name", "-o", work.path("out"), "--direct").status == 0)
        #expect(FileManager.default.contentsEqual(atPath: work.path("out/single"), andPath: work.path("single")))
        // Again it changes nothing; a tag that names something else here stays.
        #expect(try await run(url, "index", "import", backend).status == 0)
        try work.write("changed", [1])
        #expect(try await docker.run("push", work.path("changed"), "team/app:1").status == 0)
        let conflict = try await run(url, "index", "import", backend, "--json")
        #expect(conflict.status == 1, "\(conflict)")
        let problem = Program.events(in: conflict.output).first { $0["problem"] is String }
        #expect(problem?["tag"] as? String == "team/app:1")
        try await registry.stop()
    }
}
