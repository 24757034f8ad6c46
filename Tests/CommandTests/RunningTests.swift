import Authoring
import Glibc
import Testing

@testable import swoop

@Suite("Files that hold torrents", .timeLimit(.minutes(1)))
struct TorrentFileTests {
    @Test
    func `what was written is read, and no temporary file stays`() throws {
        let place = try DemoPlace()
        defer { place.remove() }
        let path = place.path + "/t"
        try TorrentFile.write([1, 2, 3], to: path)
        try TorrentFile.write([4, 5], to: path)
        #expect(try TorrentFile.bytes(of: path) == [4, 5])
        #expect(try Self.names(in: place.path) == ["t"])
    }

    private static func names(in directory: String) throws -> Set<String> {
        let stream = try #require(opendir(directory))
        defer { closedir(stream) }
        var names: Set<String> = []
        while let entry = readdir(stream) {
            names.insert(
                withUnsafePointer(to: &entry.pointee.d_name) {
                    $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
                })
        }
        return names.subtracting([".", ".."])
    }

    @Test func `a long name is written, and never through a link that is there already`() throws {
        let place = try DemoPlace()
        defer { place.remove() }
        let name = String(repeating: "\u{e9}", count: 127)
        let path = place.path + "/" + name
        let victim = place.path + "/victim"
        try TorrentFile.write([9], to: victim)
        let first = OwnOutput.temporaryPath(for: path, number: Int(getpid()) * 100)
        #expect(symlink(victim, first) == 0)
        try TorrentFile.write([1, 2], to: path)
        #expect(try TorrentFile.bytes(of: path) == [1, 2])
        #expect(try TorrentFile.bytes(of: victim) == [9])
        #expect(try Self.names(in: place.path).count == 3)
    }

    @Test
    func `what is not there is not found, and what cannot be written leaves nothing`() throws {
        let place = try DemoPlace()
        defer { place.remove() }
        #expect { try TorrentFile.bytes(of: place.path + "/none") } throws: { ($0 as? Failure)?.status == .notFound }
        #expect { try TorrentFile.write([1], to: place.path + "/none/t") } throws: {
            ($0 as? Failure)?.status == .notFound
        }
        // The name of a directory: the last step of writing fails.
        #expect(throws: Failure.self) { try TorrentFile.write([1], to: try place.directory("d")) }
        #expect(try Self.names(in: place.path) == ["d"])
    }

    @Test
    func `a FIFO is not waited for: named by the user it is empty, in a directory of torrents it is refused`() throws {
        let place = try DemoPlace()
        defer { place.remove() }
        let path = place.path + "/a.torrent"
        #expect(mkfifo(path, 0o600) == 0)
        #expect(try TorrentFile.bytes(of: path).isEmpty)
        #expect { try TorrentFile.bytes(of: path, mayWait: false) } throws: {
            ($0 as? Failure)?.message.contains("no ordinary file") == true
        }
        // Even one that somebody holds open and never writes to.
        let holder = open(path, O_RDWR | O_CLOEXEC)
        defer { close(holder) }
        let directory = TorrentDirectory(place.path, content: place.path)
        let changes = try directory.refresh()
        #expect(changes.added == 0 && changes.refused.count == 1)
    }

    @Test
    func `what comes through a pipe is read to its end`() throws {
        var ends: [Int32] = [-1, -1]
        #expect(Glibc.pipe(&ends) == 0)
        defer { close(ends[0]) }
        #expect(Glibc.write(ends[1], [1, 2, 3] as [UInt8], 3) == 3)
        close(ends[1])
        #expect(try TorrentFile.bytes(of: "/dev/fd/\(ends[0])") == [1, 2, 3])
    }
}

@Suite("Programs that we start")
struct ChildProcessTests {
    @Test
    func `how they end is known`() async throws {
        #expect(try await ChildProcess.start(["true"]).ending() == .exited(0))
        #expect(try await ChildProcess.start(["sh", "-c", "exit 7"]).ending() == .exited(7))
        #expect(try await ChildProcess.start(["sh", "-c", "kill -9 $$"]).ending() == .killed(signal: SIGKILL))
        #expect(throws: Failure.self) { try ChildProcess.start(["/no/such/program"]) }
    }

    @Test
    func `they do not inherit blocked or ignored signals`() async throws {
        let child = try ChildProcess.start(["sh", "-c", "kill -TERM $$; exit 3"])
        #expect(await child.ending() == .killed(signal: SIGTERM))
    }

    @Test
    func `a hook sees what arrived, and its failure is told`() async throws {
        let content = CompletedContent(path: "/d/a b", infoHash: "ff", bytes: 5, seconds: 1)
        let test =
            #"[ "$SWOOP_PATH" = "/d/a b" ] && [ "$SWOOP_NAME" = "a b" ] && "#
            + #"[ "$SWOOP_INFO_HASH" = ff ] && [ "$SWOOP_BYTES" = 5 ]"#
        #expect(try await CompletionHook(command: test, shell: true).run(content) == nil)
        let failure = try #require(await CompletionHook(command: "sh -c 'exit 9'", shell: false).run(content))
        #expect(failure.status == .failed)
        #expect(failure.message.contains("status 9"))
        #expect(failure.advice.contains("/d/a b"))
        let missing = try #require(await CompletionHook(command: "/no/such/hook", shell: false).run(content))
        #expect(missing.message.contains("/no/such/hook"))
    }
}

@Suite("Waiting for a stop")
struct StopSignalTests {
    @Test(.timeLimit(.minutes(1)))
    func `a waiter ends on a stop and on cancellation, whichever comes first`() async {
        let signal = StopSignal()
        let cancelled = Task { await signal.wait() }
        cancelled.cancel()
        await cancelled.value
        #expect(!signal.isStopped)
        let waiters = (0..<10).map { _ in Task { await signal.wait() } }
        signal.stop()
        for waiter in waiters { await waiter.value }
        #expect(signal.isStopped)
        await signal.wait()
    }
}

@Suite("The board of a demonstration")
struct DemoBoardTests {
    @Test
    func `lines move bars, completion fills them, and the sum is of all`() throws {
        var board = DemoBoard(receivers: 2, total: 100)
        let line =
            #"{"event":"progress","done":40,"total":100,"down":7,"up":3,"eta":9,"sources":{"peers":2,"web":0},"#
            + #""phase":"downloading","new":1}"#
        board.record(try #require(DemoLine.parse(line.utf8)), of: 0)
        #expect(board.rows[0].progress.done == 40)
        board.record(
            try #require(
                DemoLine.parse(#"{"event":"complete","path":"/x","info_hash":"a","bytes":100,"seconds":0.5}"#.utf8)),
            of: 1)
        #expect(board.sum.done == 140)
        #expect(board.sum.total == 200)
        #expect(board.sum.down == 7)
        #expect(board.sum.eta == 9)
    }

    @Test
    func `a line that is no JSON is nothing`() {
        #expect(DemoLine.parse("progress".utf8) == nil)
        #expect(DemoLine.parse("{}".utf8) == nil)
    }
}
