import Foundation
import TestSupport
import Testing

/// `swoop push`, `pull` and `tags` with `swoop up`.
@Suite(.serialized) struct UpTests {
    /// A registry of ours with data of its own.
    private final class Up {
        let work: TemporaryDirectory
        let program: Program
        let environment: [String: String]

        init() async throws {
            work = try TemporaryDirectory()
            program = try Swoop.start("up", "--any-port", "--data", work.path("data"), "--json")
            let listening = try await program.waitForEvent("listening")
            let url = try #require(listening["registry"] as? String)
            environment = ["SWOOP_REGISTRY": url, "XDG_CACHE_HOME": work.path("cache")]
        }

        func start(_ arguments: String...) throws -> Program {
            try Program([Swoop.path] + arguments, environment: environment)
        }

        func run(_ arguments: String...) async throws -> Program.Ending {
            try await Program([Swoop.path] + arguments, environment: environment).ending(within: 120)
        }

        func stop() async throws { try await program.stop() }
    }

    /// The registry itself, which its parent started.
    private func child(of program: Program) throws -> pid_t {
        let children = try Command.run(["pgrep", "-P", "\(program.pid)"])
        return try #require(
            pid_t(children.output.trimmingCharacters(in: .whitespacesAndNewlines)), "no child: \(children)")
    }

    private func complete(_ ending: Program.Ending) throws -> [String: Any] {
        try #require(Program.events(in: ending.output).first { $0["event"] as? String == "complete" }, "\(ending)")
    }

    @Test func `a second registry on one directory is refused`() async throws {
        let up = try await Up()
        let second = try await up.run("up", "--any-port", "--data", up.work.path("data"))
        #expect(second.status == 2 && second.errors.contains("another registry works on"), "\(second)")
        let index = try await up.run("index", "--listen", "127.0.0.1:0", "--data", up.work.path("data"))
        #expect(index.status == 2 && index.errors.contains("another index works on"), "\(index)")
        try await up.stop()
    }

    @Test func `parts of a registry that listens at all addresses are where the caller reaches it`() async throws {
        let work = try TemporaryDirectory()
        let up = try Swoop.start(
            "up", "--any-port", "--data", work.path("data"), "--host", "0.0.0.0", "--insecure", "--json")
        let listening = try await up.waitForEvent("listening")
        let port = try #require((listening["registry"] as? String)?.split(separator: ":").last.flatMap { Int($0) })
        for (host, peers) in [("127.0.0.2", "127.0.0.2:"), ("localhost", "127.0.0.1:")] {
            let answer = try await Command.ending(["curl", "-s4", "http://\(host):\(port)/v1/cluster"])
            let lists = try #require(
                try JSONSerialization.jsonObject(with: Data(answer.output.utf8)) as? [String: Any], "\(answer)")
            let origin = try #require((lists["origins"] as? [[String: String]])?.first)
            #expect(origin["peers"]?.hasPrefix(peers) == true, "\(answer)")
            let tracker = try #require((lists["trackers"] as? [String])?.first)
            #expect(tracker.hasPrefix("http://\(host):"), "\(answer)")
        }
        try await up.stop()
    }

    @Test func `keeps blobs where its file says, and says so where they are elsewhere already`() async throws {
        let work = try TemporaryDirectory()
        try work.write("up.yaml", "castore: {cache_dir: \(work.path("large"))}\n")
        try work.write("source/file", "some content")
        func blobs(_ directory: String) -> Int { work.names(directory + "/blobs").count }
        let up = try Swoop.start(
            "up", "--any-port", "--config", work.path("up.yaml"), "--data", work.path("data"), "--json")
        let url = try #require(try await up.waitForEvent("listening")["registry"] as? String)
        let pushed = try await Swoop.run("push", work.path("source/file"), "app:1", "--registry", url)
        #expect(pushed.status == 0, "\(pushed)")
        #expect(blobs("large") > 0 && blobs("data") == 0)
        #expect(work.exists("data/index.db") && !work.exists("large/index.db"))
        try await up.stop()
        // Its blobs are not to vanish because somebody adds the key.
        try work.write("other.yaml", "castore: {cache_dir: \(work.path("third"))}\n")
        let other = try await Swoop.run(
            "up", "--any-port", "--config", work.path("other.yaml"), "--data", work.path("large"))
        #expect(other.status == 2 && other.errors.contains("castore.cache_dir"), "\(other)")
        #expect(!work.exists("third"))
    }

    @Test func `a push that is killed sends at most one part again`() async throws {
        let up = try await Up()
        let path = try up.work.file("source/large")
        let size = 400 << 20
        _ = try await Command.ending(["dd", "if=/dev/urandom", "of=\(path)", "bs=1M", "count=400"])
        let push = try up.start("push", path, "team/large:1", "--json")
        try await wait(60, for: "a part of the push") {
            let done = push.events.last { $0["event"] as? String == "progress" }?["done"] as? Int ?? 0
            return !push.isRunning || done > 150 << 20
        }
        push.send(SIGKILL)
        _ = try await push.ending()
        let pushed = try complete(try await up.run("push", path, "team/large:1", "--json"))
        #expect(pushed["transferred"] as? Int ?? .max <= size - 150 << 20 + 64 << 20)

        let out = up.work.path("out")
        let pulled = try complete(try await up.run("pull", "team/large:1", "-o", out, "--direct", "--json"))
        #expect(pulled["digest"] as? String == pushed["digest"] as? String)
        #expect(try Command.run(["cmp", path, out + "/large"]).status == 0)
        try await up.stop()
    }

    @Test func `ends with its parent, however that ends`() async throws {
        let up = try await Up()
        let child = try child(of: up.program)
        up.program.send(SIGKILL)
        _ = try await up.program.ending()
        try await wait(30, for: "the registry's end") { kill(child, 0) != 0 }
        // The directory is free.
        let again = try Swoop.start("up", "--any-port", "--data", up.work.path("data"), "--json")
        _ = try await again.waitForEvent("listening")
        try await again.stop()
    }

    @Test func `obeys its file, and starts again when it is killed, in a shell under systemd too`() async throws {
        let work = try TemporaryDirectory()
        try work.write("up.yaml", "metainfogen: {piece_lengths: {0: 16KB}}\nsite: north\n")
        // A shell inherits this of the service that it belongs to, a terminal's or a timer's.
        let program = try Program(
            [
                Swoop.path, "up", "--any-port", "--data", work.path("data"), "--config", work.path("up.yaml"), "--json",
            ], environment: ["INVOCATION_ID": "0123456789abcdef0123456789abcdef"])
        let listening = try await program.waitForEvent("listening")
        let url = try #require(listening["registry"] as? String)
        let size = 100_000
        let file = try SampleFiles.file(work.path("from/app.bin"), size, seed: 52)
        let push = try await Program(
            [Swoop.path, "push", file, "team/app:1", "--registry", url],
            environment: ["XDG_CACHE_HOME": work.path("cache")]
        ).ending(within: 60)
        #expect(push.status == 0, "\(push)")
        let torrent = work.path("torrent")
        let got = try await Command.ending([
            "curl", "-sf", "-o", torrent,
            "\(url)/namespace/team%2Fapp/blobs/sha256:\(OCIClient.hex(of: size, seed: 52))/metainfo",
        ])
        #expect(got.status == 0, "\(got)")
        let bytes = FileManager.default.contents(atPath: torrent) ?? Data()
        #expect(bytes.firstRange(of: Data("12:piece lengthi16384e".utf8)) != nil)
        #expect(kill(try child(of: program), SIGKILL) == 0)
        try await wait(60, for: "the registry to start again") {
            program.events.count { $0["event"] as? String == "listening" } == 2
        }
        try await program.stop()
    }

    @Test func `tags have a history, are immutable, and are deleted`() async throws {
        let up = try await Up()
        try up.work.write("app/one", "one")
        #expect(try await up.run("push", up.work.path("app"), "team/app:1.0").status == 0)
        // The same again is no other.
        #expect(try await up.run("push", up.work.path("app"), "team/app:1.0").status == 0)
        try up.work.write("app/one", "two")
        let refused = try await up.run("push", up.work.path("app"), "team/app:1.0")
        #expect(refused.status == 5, "\(refused)")
        #expect(refused.errors.contains("already, and tags are immutable here"))
        #expect(try await up.run("push", up.work.path("app"), "team/app:2.0").status == 0)
        let tags = try await up.run("tags", "team/app", "--json")
        #expect(Program.events(in: tags.output).compactMap { $0["tag"] as? String } == ["1.0", "2.0"])
        let names = try await up.run("tags")
        #expect(names.output == "team/app\n", "\(names)")
        let missing = try await up.run("pull", "team/app:9", "-o", up.work.path("out"))
        #expect(missing.status == 4)
        #expect(missing.errors.contains("no tag team/app:9; newest: "), "\(missing)")
        #expect(try await up.run("tags", "delete", "team/app:1.0").status == 0)
        let history = try await up.run("tags", "team/app", "--history", "--json")
        let actions = Program.events(in: history.output).compactMap { $0["action"] as? String }
        #expect(actions.sorted() == ["deleted", "put", "put"], "\(history)")
        #expect(try await up.run("tags", "delete", "team/app:1.0").status == 4)
        try await up.stop()
    }
}
