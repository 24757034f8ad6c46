import ArgumentParser
import Authoring
import Glibc
import Storage
import Synchronization
import Testing

@testable import swoop

@Suite("How commands end")
struct EndingTests {
    @Test("what the disk refuses is the disk's error, also a destination that went away")
    func disk() {
        #expect(Failure(StorageError(.vanished, "write", path: "/mnt/film")).status == .disk)
        #expect(Failure(StorageError(.noSpace, "write", path: "/mnt/film")).status == .disk)
        #expect([ENOSPC, EROFS, EIO, EACCES, EPERM].allSatisfy { Failure.status($0) == .disk })
        #expect([ENOENT, ENOTDIR].allSatisfy { Failure.status($0) == .notFound })
    }

    @Test("a torrent's place is looked at before its content is")
    func outputFirst() async throws {
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

    @Test("a directory in place of a torrent is wrong usage")
    func directory() async throws {
        let place = try DemoPlace()
        defer { place.remove() }
        #expect(await Main.run(["show", place.path, "--quiet"]) == .usage)
        #expect(await Main.run(["verify", place.path, place.path, "--quiet"]) == .usage)
    }

    @Test("a wrong value is said with its option")
    func options() {
        #expect(Failure(AuthoringError.badPattern("(")).message.hasPrefix("--exclude: '('"))
        #expect(Failure(AuthoringError.badPieceLength(3)).message.hasPrefix("--piece-length: "))
    }
}

@Suite("Help")
struct HelpTests {
    private static func commands(below command: any ParsableCommand.Type) -> [any ParsableCommand.Type] {
        [command] + command.configuration.subcommands.flatMap { commands(below: $0) }
    }

    @Test("every command has an example, and no example is broken in two on a terminal of 80 columns")
    func examples() {
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

    @Test("verdicts are on standard output")
    func verdicts() async throws {
        let right = try await verify(.init(), damaged: false)
        #expect(right.status == .done)
        #expect(right.out.contains("ok  film/reel.mxf\n"))
        let wrong = try await verify(.init(), damaged: true)
        #expect(wrong.status == .verification)
        #expect(wrong.out == "damaged  film/reel.mxf  (1 piece wrong)\n")
    }

    @Test("quiet leaves the status alone")
    func quiet() async throws {
        #expect(try await verify(.init(quiet: true), damaged: false) == (.done, ""))
        #expect(try await verify(.init(quiet: true), damaged: true) == (.verification, ""))
    }
}

@Suite("Torrents from the web")
struct TorrentDownloadTests {
    @Test("a server that drips is given up at the deadline", .timeLimit(.minutes(1)))
    func dripping() async throws {
        let server = try DrippingServer()
        let serving = Task { await server.serve() }
        defer { serving.cancel() }
        let begin = ContinuousClock.now
        let failure = await #expect(throws: Failure.self) {
            try await TorrentDownload.fetch("http://127.0.0.1:\(server.port)/t.torrent", within: .milliseconds(500))
        }
        #expect(failure?.status == .failed)
        #expect(failure?.advice.isEmpty == false)
        #expect(ContinuousClock.now - begin < .seconds(20))
        #expect(server.bytesSent > 0)
    }
}

/// Promises a body of a gigabyte and sends a byte of it every few milliseconds, for ever.
private final class DrippingServer: Sendable {
    let port: UInt16
    private let listener: Int32
    private let sent = Mutex(0)

    var bytesSent: Int { sent.withLock { $0 } }

    init() throws {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isListening = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, length) == 0 && listen(listener, 4) == 0 && getsockname(listener, $0, &length) == 0
            }
        }
        guard isListening else { throw Failure(.failed, "cannot listen: errno \(errno)") }
        self.listener = listener
        port = UInt16(bigEndian: address.sin_port)
    }

    /// Serves one client for as long as that stays.
    func serve() async {
        defer { close(listener) }
        var client: Int32 = -1
        while client < 0, !Task.isCancelled {
            client = accept(listener, nil, nil)
            try? await Task.sleep(for: .milliseconds(5))
        }
        guard client >= 0 else { return }
        defer { close(client) }
        let head = Array("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n".utf8)
        guard send(client, head, head.count, Int32(MSG_NOSIGNAL)) == head.count else { return }
        while send(client, [0x64], 1, Int32(MSG_NOSIGNAL)) == 1 {
            sent.withLock { $0 += 1 }
            try? await Task.sleep(for: .milliseconds(20))
        }
    }
}
