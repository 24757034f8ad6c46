import Foundation
import TestSupport
import Testing

/// A seed, a tracker and receivers in a namespace of their own, all on its loopback device.
final class SmallSwarm {
    let work: TemporaryDirectory
    let host: NetworkNamespace
    let tracker: Program
    let content: String
    let torrent: String
    private(set) var seed: Program?
    private var nextReceiver = 0

    /// - Parameter content: made by `make` at the path it is given.
    init(
        format: String = "hybrid", udp: Bool = false, create: [String] = [], seed: Bool = true,
        seedOptions: [String] = [],
        make: (String) throws -> String
    ) async throws {
        work = try TemporaryDirectory()
        host = try NetworkNamespace()
        content = try make(work.path + "/source/content")
        tracker = try Swoop.start("tracker", "--http", "127.0.0.1:0", "--interval", "2s", "--json", on: host)
        let listening = try await tracker.waitForEvent("listening")
        let url =
            udp ? "udp://\(listening["udp"] as? String ?? "")" : "http://\(listening["http"] as? String ?? "")/announce"
        torrent = work.path + "/t.torrent"
        let made = try await Program(
            [Swoop.path, "create", content, "-o", torrent, "--tracker", url, "--format", format] + create
        ).ending()
        try #require(made.status == 0, "\(made)")
        if seed { try await startSeed(seedOptions) }
    }

    func startSeed(_ options: [String] = []) async throws {
        let seed = try Program(
            [Swoop.path, "seed", torrent, content, "--listen", "127.0.0.1:0", "--json"] + options, on: host)
        self.seed = seed
        _ = try await seed.waitForEvent("seeding")
    }

    func newDirectory() throws -> String {
        nextReceiver += 1
        return try work.directory("receiver-\(nextReceiver)")
    }

    func get(
        _ source: String? = nil, into directory: String, _ options: String..., environment: [String: String] = [:]
    ) throws -> Program {
        try Program(
            [Swoop.path, "get", source ?? torrent, "-o", directory, "--listen", "127.0.0.1:0", "--json"] + options,
            on: host,
            environment: environment)
    }

    func expectCopy(in directory: String, _ comment: Comment? = nil) throws {
        #expect(try SampleFiles.snapshot(directory + "/content") == SampleFiles.snapshot(content), comment)
    }
}

@Suite("Transfers between our own processes")
struct TransferTests {
    @Test(arguments: ["v1", "v2", "hybrid"], [false, true])
    func `a directory arrives as it is`(_ format: String, _ udp: Bool) async throws {
        let swarm = try await SmallSwarm(format: format, udp: udp) { try SampleFiles.tree($0) }
        let directory = try swarm.newDirectory()
        let ending = try await swarm.get(into: directory, "--seed-time", "0").ending()
        #expect(ending.status == 0, "\(ending)")
        try swarm.expectCopy(in: directory)
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: directory) == ["content"], "no state is left behind")
        let complete = try #require(Program.events(in: ending.output).first { $0["event"] as? String == "complete" })
        #expect(Set(complete.keys) == ["event", "path", "info_hash", "bytes", "seconds"])
        #expect((complete["path"] as? String)?.hasSuffix("/content") == true)
    }

    @Test(arguments: ["v1", "v2", "hybrid"])
    func `a single file arrives as it is`(_ format: String) async throws {
        let swarm = try await SmallSwarm(format: format) { try SampleFiles.file($0, 5_000_001) }
        let directory = try swarm.newDirectory()
        let ending = try await swarm.get(into: directory, "--seed-time", "0").ending()
        #expect(ending.status == 0, "\(ending)")
        try swarm.expectCopy(in: directory)
    }

    @Test
    func `several receivers get it from each other and the seed`() async throws {
        let swarm = try await SmallSwarm { try SampleFiles.tree($0, largest: 20 << 20) }
        let directories = try (0..<4).map { _ in try swarm.newDirectory() }
        let receivers = try directories.map { try swarm.get(into: $0, "--seed-time", "1m") }
        for receiver in receivers { _ = try await receiver.waitForEvent("complete", within: 60) }
        for directory in directories { try swarm.expectCopy(in: directory) }
        for receiver in receivers {
            #expect(try await receiver.stop().status == 0, "a get that is only seeding ends with 0")
        }
    }

    @Test
    func `progress comes as JSON lines with the keys of the contract`() async throws {
        let swarm = try await SmallSwarm(seedOptions: ["--upload-limit", "2MB/s"]) {
            try SampleFiles.file($0, 6_000_000)
        }
        let directory = try swarm.newDirectory()
        let start = ContinuousClock.now
        let receiver = try swarm.get(into: directory, "--seed-time", "0")
        let ending = try await receiver.ending()
        let lines = Program.events(in: ending.output).filter { $0["event"] as? String == "progress" }
        let took = (ContinuousClock.now - start) / .seconds(1)
        #expect(
            lines.count >= 2 && Double(lines.count) <= took + 3,
            "about once a second, not \(lines.count) times in \(took) seconds")
        for line in lines {
            #expect(Set(line.keys).isSuperset(of: ["event", "done", "total", "down", "up", "eta", "sources"]))
            #expect((line["sources"] as? [String: Any]).map { Set($0.keys) } == ["peers", "web"])
        }
        #expect(
            ending.output.split(separator: "\n").count == Program.events(in: ending.output).count, "nothing but JSON")
        let seconds = try #require(receiver.event("complete")?["seconds"] as? Double)
        #expect(seconds > 2, "6 MB at 2 MB/s take longer than \(seconds) s")
    }

    @Test(arguments: ["v1", "v2", "hybrid"])
    func `a magnet link is enough`(_ format: String) async throws {
        let swarm = try await SmallSwarm(format: format) { try SampleFiles.tree($0) }
        let shown = try await Swoop.run("show", swarm.torrent, "--json")
        let magnet = try #require(Program.events(in: shown.output).first?["magnet"] as? String)
        let directory = try swarm.newDirectory()
        let ending = try await swarm.get(magnet, into: directory, "--seed-time", "0").ending()
        #expect(ending.status == 0, "\(ending)")
        try swarm.expectCopy(in: directory)
    }

    @Test
    func `run again when complete: verifies, fetches nothing, ends with 0`() async throws {
        let swarm = try await SmallSwarm { try SampleFiles.tree($0) }
        let directory = try swarm.newDirectory()
        #expect(try await swarm.get(into: directory, "--seed-time", "0").ending().status == 0)
        try await swarm.seed?.stop()
        let again = try await swarm.get(into: directory).ending(within: 15)
        #expect(again.status == 0, "\(again)")
        #expect(Program.events(in: again.output).contains { $0["event"] as? String == "complete" })
    }

    @Test
    func `what is wrong of content that is there is replaced only with --overwrite`() async throws {
        let swarm = try await SmallSwarm { try SampleFiles.tree($0) }
        let directory = try swarm.newDirectory()
        #expect(try await swarm.get(into: directory, "--seed-time", "0").ending().status == 0)
        try SampleFiles.damage(directory + "/content/large.bin", at: 100_000)
        let damaged = try SampleFiles.snapshot(directory + "/content")
        let refused = try await swarm.get(into: directory, "--seed-time", "0").ending()
        #expect(refused.status != 0, "\(refused)")
        #expect(try SampleFiles.snapshot(directory + "/content") == damaged, "nothing was touched")
        let mended = try await swarm.get(into: directory, "--seed-time", "0", "--overwrite").ending()
        #expect(mended.status == 0, "\(mended)")
        try swarm.expectCopy(in: directory)
    }

    @Test
    func `only the selected files arrive`() async throws {
        let swarm = try await SmallSwarm { try SampleFiles.tree($0) }
        let directory = try swarm.newDirectory()
        let ending = try await swarm.get(into: directory, "--seed-time", "0", "--select", "*.mxf", "--select", "bin/*")
            .ending()
        #expect(ending.status == 0, "\(ending)")
        let files = try SampleFiles.snapshot(directory + "/content").filter { $0.value.content != nil }
        #expect(Set(files.keys) == ["影片/第一集.mxf", "bin/tool"])
        #expect(try files["bin/tool"] == SampleFiles.snapshot(swarm.content)["bin/tool"])
    }

    @Test
    func `without a seed, --timeout gives up with 1`() async throws {
        let swarm = try await SmallSwarm(seed: false) { try SampleFiles.tree($0) }
        let directory = try swarm.newDirectory()
        let ending = try await swarm.get(into: directory, "--timeout", "2s").ending(within: 20)
        #expect(ending.status == 1, "\(ending)")
        #expect(Program.events(in: ending.output).last?["event"] as? String == "error")
    }

    @Test
    func `the completion hook knows what arrived, and runs without a shell`() async throws {
        let swarm = try await SmallSwarm { try SampleFiles.tree($0) }
        let directory = try swarm.newDirectory()
        let script = try swarm.work.file("hook.sh")
        let out = swarm.work.path + "/hook out"
        let text =
            "#!/bin/sh\nprintf '%s\\n' \"$SWOOP_PATH\" \"$SWOOP_NAME\" \"$SWOOP_INFO_HASH\" "
            + "\"$SWOOP_BYTES\" \"$2\" > \"$1\"\n"
        try text.write(toFile: script, atomically: true, encoding: .utf8)
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: script)
        let ending = try await swarm.get(
            into: directory, "--seed-time", "0", "--on-complete", "\(script) '\(out)' $HOME"
        ).ending()
        #expect(ending.status == 0, "\(ending)")
        let lines = try String(contentsOfFile: out, encoding: .utf8).split(separator: "\n").map(String.init)
        let complete = try #require(Program.events(in: ending.output).first { $0["event"] as? String == "complete" })
        #expect(
            lines == [
                complete["path"] as? String, "content", complete["info_hash"] as? String,
                (complete["bytes"] as? Int).map(String.init),
                "$HOME",
            ])
    }

    @Test
    func `a hook that fails makes the status 1 and leaves the content`() async throws {
        let swarm = try await SmallSwarm { try SampleFiles.tree($0) }
        let directory = try swarm.newDirectory()
        let ending = try await swarm.get(
            into: directory, "--seed-time", "0", "--on-complete", "exit 7", "--on-complete-shell"
        ).ending()
        #expect(ending.status == 1, "\(ending)")
        #expect(ending.errors.contains("status 7"))
        try swarm.expectCopy(in: directory)
    }

    @Test
    func `a full disk ends with 6 and what was there stays`() async throws {
        let swarm = try await SmallSwarm { try SampleFiles.tree($0, largest: 20 << 20) }
        let disk = try SmallDisk(at: try swarm.newDirectory(), megabytes: 8)
        try SampleFiles.file(disk.path + "/before", 1000)
        let ending = try await swarm.get(into: disk.path, "--seed-time", "0").ending()
        #expect(ending.status == 6, "\(ending)")
        #expect(ending.errors.lowercased().contains("space"))
        #expect(SampleFiles.exists(disk.path + "/before"))
        #expect(!SampleFiles.exists(disk.path + "/content"))
        withExtendedLifetime(disk) {}
    }

    @Test
    func `a stopped transfer says 130, keeps its state and goes on`() async throws {
        let swarm = try await SmallSwarm { try SampleFiles.file($0, 20 << 20) }
        let directory = try swarm.newDirectory()
        let slow = try swarm.get(into: directory, "--download-limit", "4MB/s")
        try await wait(for: "a third of it") { slow.events.contains { ($0["done"] as? Int ?? 0) > 6 << 20 } }
        let begin = ContinuousClock.now
        let stopped = try await slow.stop(SIGINT)
        #expect(ContinuousClock.now - begin < .seconds(6))
        #expect(stopped.status == 130, "\(stopped)")
        #expect(SampleFiles.exists(directory + "/.content.swoop"))
        let before = try swarm.host.loopbackBytes()
        let rest = try await swarm.get(into: directory, "--seed-time", "0").ending()
        #expect(rest.status == 0, "\(rest)")
        try swarm.expectCopy(in: directory)
        #expect(try swarm.host.loopbackBytes() - before < 16 << 20, "it goes on where it was")
    }

    @Test
    func `seed and tracker end with 0 on a signal; the tracker reads its list again on SIGHUP`() async throws {
        let swarm = try await SmallSwarm { try SampleFiles.tree($0) }
        #expect(try await swarm.seed?.stop(SIGTERM).status == 0)
        #expect(try await swarm.tracker.stop(SIGINT).status == 0)

        let list = try swarm.work.file("allow.txt")
        try "# nothing\n".write(toFile: list, atomically: true, encoding: .utf8)
        let tracker = try Swoop.start("tracker", "--http", "127.0.0.1:0", "--allow", list, "--json", on: swarm.host)
        _ = try await tracker.waitForEvent("listening")
        try (String(repeating: "ab", count: 20) + "\n").write(toFile: list, atomically: true, encoding: .utf8)
        tracker.send(SIGHUP)
        try await wait(for: "word of the new list") { tracker.errors.contains("1 info hash allowed") }
        try "nonsense\n".write(toFile: list, atomically: true, encoding: .utf8)
        tracker.send(SIGHUP)
        try await wait(for: "a warning of the bad list") { tracker.errors.contains("stays in force") }
        #expect(try await tracker.stop().status == 0)
    }

    @Test
    func `content that is not the torrent's is not seeded: 3`() async throws {
        let swarm = try await SmallSwarm(seed: false) { try SampleFiles.tree($0) }
        try SampleFiles.damage(swarm.content + "/large.bin", at: 5000)
        let ending = try await Swoop.run(
            "seed", swarm.torrent, swarm.content, "--listen", "127.0.0.1:0", on: swarm.host)
        #expect(ending.status == 3, "\(ending)")
    }

    @Test
    func `a torrent comes from an HTTP server too`() async throws {
        let swarm = try await SmallSwarm { try SampleFiles.tree($0) }
        let nginx = try Nginx.serve(swarm.work.path, address: "127.0.0.1", port: 8080, on: swarm.host, work: swarm.work)
        try await wait(for: "nginx") { SampleFiles.exists(swarm.work.path + "/nginx/pid") }
        let directory = try swarm.newDirectory()
        let ending = try await swarm.get("http://127.0.0.1:8080/t.torrent", into: directory, "--seed-time", "0")
            .ending()
        #expect(ending.status == 0, "\(ending)")
        try swarm.expectCopy(in: directory)
        let missing = try await swarm.get("http://127.0.0.1:8080/none.torrent", into: directory).ending()
        #expect(missing.status == 4, "\(missing)")
        withExtendedLifetime(nginx) {}
    }
}

/// A small file system in memory, unmounted with the last reference to it.
final class SmallDisk {
    let path: String

    init(at path: String, megabytes: Int) throws {
        self.path = path
        guard mount("tmpfs", path, "tmpfs", 0, "size=\(megabytes)m") == 0 else {
            throw TimedOut(
                description: "cannot mount a tmpfs: \(String(cString: strerror(errno))) (these tests need root)")
        }
    }

    deinit { umount2(path, Int32(MNT_DETACH)) }
}
