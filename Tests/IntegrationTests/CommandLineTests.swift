import Foundation
import TestSupport
import Testing

@Suite("Commands that need no network")
struct CommandLineTests {
    let work: TemporaryDirectory

    init() throws { work = try TemporaryDirectory() }

    @Test(arguments: ["create", "show", "verify", "edit", "seed", "get", "tracker", "demo", "node"])
    func `every command has help with an example`(_ command: String) async throws {
        let ending = try await Swoop.run(command, "--help")
        #expect(ending.status == 0)
        #expect(ending.output.contains("Example"))
        for option in ["--json", "--quiet", "--verbose"] { #expect(ending.output.contains(option)) }
    }

    @Test
    func `the version and a completion script are on standard output`() async throws {
        #expect(try await Swoop.run("--version").output.hasPrefix("swoop "))
        let script = try await Swoop.run("--generate-completion-script", "bash")
        #expect(script.status == 0)
        #expect(script.output.contains("swoop"))
    }

    @Test(arguments: [
        (["get", "x.torrent"], "--output"),
        (["get", "x.torrent", "-o", "d", "--download-limit", "10Mb"], "--download-limit"),
        (["get", "x.torrent", "-o", "d", "--timeout", "5"], "--timeout"), (["seed", "x.torrent"], "path"),
        (["get", "x.torrent", "-o", "d", "--peer", "localhost:1"], "--peer"),
        (["tracker", "--http", "nonsense"], "--http"),
        (["create", "x", "-o", "y", "--piece-length", "3MiB"], "--piece-length"),
        (["demo", "--receivers", "0"], "--receivers"),
        (["create", "x", "-o", "y", "--tracker", "ftp://h/"], "--tracker"), (["fly"], "fly"),
        (["get", "x", "-o", "d", "--fly"], "--fly"),
        (["create", "x", "-o", "y", "--format", "v3"], "--format"),
        (["tracker", "--interval", "0s"], "--interval"),
        (["get", "x.torrent", "-o", "d", "--on-complete", "'open"], "--on-complete"),
    ])
    func `wrong usage ends with 2 and names the argument`(_ arguments: [String], _ named: String) async throws {
        let ending = try await Program([Swoop.path] + arguments).ending()
        #expect(ending.status == 2, "\(ending)")
        #expect(ending.errors.contains(named), "\(ending)")
        #expect(ending.output.isEmpty)
    }

    @Test
    func `an address that this host has not got to listen on is a mistake in the usage`() async throws {
        let content = try SampleFiles.file(work.path + "/content", 1000)
        let torrent = try await Swoop.create(content, to: work.path + "/content.torrent")
        let ending = try await Swoop.run("seed", torrent, content, "--listen", "192.0.2.1:7000")
        #expect(ending.status == 2, "\(ending)")
        #expect(ending.errors.contains("192.0.2.1"), "\(ending)")
        #expect(ending.errors.contains("--listen"), "\(ending)")
    }

    @Test
    func `a file that is not there ends with 4, something that is no torrent with 2`() async throws {
        let missing = try await Swoop.run("show", work.path + "/none.torrent", "--json")
        #expect(missing.status == 4)
        #expect(Program.events(in: missing.output).map { $0["code"] as? Int } == [4])
        #expect(try await Swoop.run("verify", work.path + "/none.torrent", work.path).status == 4)
        #expect(try await Swoop.run("demo", work.path + "/none").status == 4)
        #expect(try await Swoop.run("demo", "--hybrid", work.path + "/none").status == 4)
        let text = try SampleFiles.file(work.path + "/text", 1000)
        let noTorrent = try await Swoop.run("show", text)
        #expect(noTorrent.status == 2)
        #expect(noTorrent.errors.contains("/text"))
    }

    @Test(arguments: ["v1", "v2", "hybrid"])
    func `what create makes, show shows, libtorrent reads and verify confirms`(_ format: String) async throws {
        let tree = try SampleFiles.tree(work.path + "/tree")
        let torrent = try await Swoop.create(
            tree, to: work.path + "/t.torrent", "--format", format, "--tracker", "http://tracker.example/announce",
            "--web-seed", "http://cdn.example/", "--private", "--comment", "a comment")
        let shown = try await Swoop.run("show", torrent, "--json")
        let description = try #require(Program.events(in: shown.output).first)
        #expect(description["name"] as? String == "tree")
        #expect(description["format"] as? String == format)
        #expect(description["private"] as? Bool == true)
        #expect(description["comment"] as? String == "a comment")
        #expect((description["files"] as? [[String: Any]])?.count == 6)
        let hashes = try await Libtorrent.hashes(torrent)
        #expect(description["info_hash_v1"] as? String ?? "-" == hashes.v1)
        #expect(description["info_hash_v2"] as? String ?? "-" == hashes.v2)

        let verified = try await Swoop.run("verify", torrent, tree, "--json")
        #expect(verified.status == 0, "\(verified)")
        #expect(Program.events(in: verified.output).count { $0["verdict"] as? String == "ok" } == 6)
    }

    @Test
    func `verify names what is wrong and ends with 3`() async throws {
        let tree = try SampleFiles.tree(work.path + "/tree")
        let torrent = try await Swoop.create(tree, to: work.path + "/t.torrent")
        try SampleFiles.damage(tree + "/large.bin", at: 1_000_000)
        try FileManager.default.removeItem(atPath: tree + "/bin/tool")
        let verified = try await Swoop.run("verify", torrent, tree, "--json")
        #expect(verified.status == 3)
        let verdicts = Program.events(in: verified.output).reduce(into: [String: String]()) { verdicts, event in
            if let path = event["path"] as? String { verdicts[path] = event["verdict"] as? String }
        }
        #expect(verdicts["tree/large.bin"] == "damaged")
        #expect(verdicts["tree/bin/tool"] == "missing")
        #expect(verdicts["tree/a/b/c/deep.bin"] == "ok")
        #expect(Program.events(in: verified.output).last?["code"] as? Int == 3)
    }

    @Test
    func `the same input gives the same torrent`() async throws {
        let tree = try SampleFiles.tree(work.path + "/tree")
        let one = try await Swoop.create(tree, to: work.path + "/1.torrent", "--threads", "1")
        let two = try await Swoop.create(tree, to: work.path + "/2.torrent", "--threads", "4")
        #expect(try await Libtorrent.hashes(one) == Libtorrent.hashes(two))
    }

    @Test
    func `a symlink is an error that names it, unless a choice is made`() async throws {
        let tree = try SampleFiles.tree(work.path + "/tree")
        try FileManager.default.createSymbolicLink(atPath: tree + "/link", withDestinationPath: "large.bin")
        let refused = try await Swoop.run("create", tree, "-o", work.path + "/t.torrent")
        #expect(refused.status != 0)
        #expect(refused.errors.contains("link"))
        #expect(!SampleFiles.exists(work.path + "/t.torrent"))
        _ = try await Swoop.create(tree, to: work.path + "/skip.torrent", "--symlinks", "skip")
        _ = try await Swoop.create(tree, to: work.path + "/follow.torrent", "--symlinks", "follow")
        let followed = try await Swoop.run("show", work.path + "/follow.torrent", "--json")
        #expect((Program.events(in: followed.output).first?["files"] as? [Any])?.count == 7)
    }

    @Test
    func `exclude and name are obeyed`() async throws {
        let tree = try SampleFiles.tree(work.path + "/tree")
        let torrent = try await Swoop.create(
            tree, to: work.path + "/t.torrent", "--exclude", "^bin/", "--exclude", #"\.txt$"#, "--name", "other")
        let shown = try await Swoop.run("show", torrent, "--json")
        let description = try #require(Program.events(in: shown.output).first)
        #expect(description["name"] as? String == "other")
        let paths = (description["files"] as? [[String: Any]])?.compactMap { $0["path"] as? String } ?? []
        #expect(Set(paths) == ["other/large.bin", "other/a/b/c/deep.bin", "other/影片/第一集.mxf", "other/empty"])
    }

    @Test(arguments: ["v1", "v2", "hybrid"])
    func `edit changes trackers and web seeds and keeps the info hash`(_ format: String) async throws {
        let tree = try SampleFiles.tree(work.path + "/tree")
        let torrent = try await Swoop.create(
            tree, to: work.path + "/t.torrent", "--tracker", "http://old.example/announce", "--format", format)
        let edited = try await Swoop.run(
            "edit", torrent, "--tracker", "udp://new.example:6969", "--tracker", "http://second.example/announce", "-o",
            work.path + "/e.torrent")
        #expect(edited.status == 0)
        let shown = try await Swoop.run("show", work.path + "/e.torrent", "--json")
        let trackers = Program.events(in: shown.output).first?["trackers"] as? [[String]]
        #expect(trackers == [["udp://new.example:6969"], ["http://second.example/announce"]])
        #expect(try await Libtorrent.hashes(torrent) == Libtorrent.hashes(work.path + "/e.torrent"))
        #expect(try await Swoop.run("verify", work.path + "/e.torrent", tree).status == 0)
    }

    @Test
    func `quiet says nothing when all is well`() async throws {
        let file = try SampleFiles.file(work.path + "/film", 100_000)
        let made = try await Swoop.run("create", file, "-o", work.path + "/t.torrent", "--quiet")
        #expect(made.status == 0)
        #expect(made.output.isEmpty && made.errors.isEmpty, "\(made)")
    }

    @Test
    func `a hostile name never reaches the terminal as it is`() async throws {
        let path = try SampleFiles.file(work.path + "/evil\u{1B}[2J\u{202E}.bin", 100_000)
        let torrent = try await Swoop.create(path, to: work.path + "/t.torrent")
        let shown = try await Swoop.run("show", torrent)
        #expect(!shown.output.contains("\u{1B}[2J"))
        #expect(!shown.output.contains("\u{202E}"))
    }
}
