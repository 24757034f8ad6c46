import ArgumentParser
import Authoring
import Glibc
import Storage
import Synchronization
import Testing

@testable import swoop

@Suite("How commands end")
struct EndingTests {
    @Test
    func `what the disk refuses is the disk's error, also a destination that went away`() {
        #expect(Failure(StorageError(.vanished, "write", path: "/mnt/film")).status == .disk)
        #expect(Failure(StorageError(.noSpace, "write", path: "/mnt/film")).status == .disk)
        #expect([ENOSPC, EROFS, EIO, EACCES, EPERM].allSatisfy { Failure.status($0) == .disk })
        #expect([ENOENT, ENOTDIR].allSatisfy { Failure.status($0) == .notFound })
    }

    @Test
    func `a torrent's place is looked at before its content is`() async throws {
        let place = try DemoPlace()
        defer { place.remove() }
        // Scanning this ends with 1: a symlink.
        let tree = try place.directory("tree")
        #expect(symlink("nowhere", tree + "/link") == 0)
        #expect(await Main.run(["create", tree, "-o", place.path + "/none/t.torrent", "--quiet"]) == .notFound)
        #expect(await Main.run(["create", tree, "-o", tree, "--quiet"]) == .usage)
        #expect(await Main.run(["create", tree, "-o", tree + "/file/t.torrent", "--quiet"]) == .notFound)
        #expect(await Main.run(["create", tree, "-o", place.path + "/t.torrent", "--quiet"]) == .failed)
    }

    @Test
    func `a directory in place of a torrent is wrong usage`() async throws {
        let place = try DemoPlace()
        defer { place.remove() }
        #expect(await Main.run(["show", place.path, "--quiet"]) == .usage)
        #expect(await Main.run(["verify", place.path, place.path, "--quiet"]) == .usage)
    }

    @Test
    func `a wrong value is said with its option`() {
        #expect(Failure(AuthoringError.badPattern("(")).message.hasPrefix("--exclude: '('"))
        #expect(Failure(AuthoringError.badPieceLength(3)).message.hasPrefix("--piece-length: "))
    }
}

@Suite("Help")
struct HelpTests {
    private static func commands(below command: any ParsableCommand.Type) -> [any ParsableCommand.Type] {
        [command] + command.configuration.subcommands.flatMap { commands(below: $0) }
    }

    @Test
    func `every command has an example, and no example is broken in two on a terminal of 80 columns`() {
        for command in Self.commands(below: Swoop.self) {
            let help = command.configuration.discussion.split(separator: "\n")
            let examples = help.filter { $0.hasPrefix("  swoop ") }
            #expect(!examples.isEmpty, "\(command)")
            #expect(examples.allSatisfy { $0.count <= 79 }, "\(command)")
        }
    }
}

@Suite("What verify says")
struct VerdictTests {
    /// Collects both streams.
    private final class Streams: Sendable {
        let out = Mutex("")
        let err = Mutex("")

        func reporter(_ mode: Reporter.Mode) -> Reporter {
            Reporter(
                mode: mode, out: { text in self.out.withLock { $0 += text } },
                err: { text in self.err.withLock { $0 += text } })
        }
    }

    private func verify(_ mode: Reporter.Mode, damaged: Bool) async throws -> (status: swoop.ExitStatus, out: String) {
        let place = try DemoPlace()
        defer { place.remove() }
        let tree = try place.directory("film")
        try TorrentFile.write(Array("reel".utf8), to: tree + "/reel.mxf")
        let torrent = place.path + "/film.torrent"
        #expect(await Main.run(["create", tree, "-o", torrent, "--quiet"]) == .done)
        if damaged { try TorrentFile.write(Array("real".utf8), to: tree + "/reel.mxf") }
        let streams = Streams()
        var status = swoop.ExitStatus.done
        do {
            try await VerifyCommand.check(
                try TorrentFile.read(torrent), at: tree, streams.reporter(mode), isResult: true)
        } catch let failure as Failure {
            status = failure.status
        }
        return (status, streams.out.withLock { $0 })
    }

    @Test
    func `verdicts are on standard output`() async throws {
        let right = try await verify(.init(), damaged: false)
        #expect(right.status == .done)
        #expect(right.out.contains("ok  film/reel.mxf\n"))
        let wrong = try await verify(.init(), damaged: true)
        #expect(wrong.status == .verification)
        #expect(wrong.out == "damaged  film/reel.mxf  (1 piece wrong)\n")
    }

    @Test
    func `quiet leaves the status alone`() async throws {
        #expect(try await verify(.init(quiet: true), damaged: false) == (.done, ""))
        #expect(try await verify(.init(quiet: true), damaged: true) == (.verification, ""))
    }
}
