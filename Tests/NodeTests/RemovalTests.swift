import BFT
import Foundation
import Glibc
import Jobs
import Node
import Policy
import Synchronization
import TestSupport
import Testing
import Threads

private final class Flag: Sendable {
    private let value = Mutex(false)
    var isSet: Bool { value.withLock { $0 } }
    func set() { value.withLock { $0 = true } }
}

/// What a call names is never removed but as the one regular file that it is, and never below BASE.
@Suite("Removal", .serialized, .timeLimit(.minutes(2)))
struct RemovalTests {
    let server: TestServer

    init() throws { server = try TestServer() }

    /// A task whose torrent is nowhere: recv gets as far as taking the file away.
    private func task(_ name: String = "film") throws -> TaskFile {
        let entry = TaskFileEntry(path: try .init("reel.mxf"), hash: String(repeating: "a", count: 40), size: 1000)
        var task = TaskFile(
            name: name, subdirectory: try TaskSubdirectory("cfec-001"), shares: try #require(Shares("1:0:0")),
            fileList: [entry])
        task.setSplit([.bt: [0]])
        task.bt.url = server.url + "/none.torrent"
        return task
    }

    @Test
    func `gentask and sends remove and write nothing but a task file where task files may be`() async throws {
        let sender = try await TestNode.start(.sender, server: server) {
            $0.baseSubdirectory = try? TaskSubdirectory("cfec-001")
        }
        server.state.withLock { $0.root = sender.configuration.baseDataPath }
        let base = sender.place.path
        try sender.place.write("dcp/cfec-001/dcps/film/reel.mxf", randomBytes(100_000, seed: 1))
        try sender.place.write("dcp/cfec-001/dcps/other/reel.mxf", randomBytes(1000, seed: 2))
        try sender.place.write("dcp/cfec-001/dcps/odd.task.json/reel.mxf", randomBytes(1000, seed: 3))
        try sender.place.write("dcp/cfec-001/dcps/small.task.json", randomBytes(10, seed: 4))
        try sender.place.write("mine/kept.txt", [1])
        try sender.place.write("plain.json", [1])
        let file = try await sender.publish("film", "1:0:0")
        #expect(symlink(base + "/dcp/cfec-001/dcps", base + "/way") == 0)
        #expect(symlink(base + "/plain.json", base + "/link.task.json") == 0)
        #expect(mkdir(base + "/dir.task.json", 0o755) == 0)
        let named = [
            base + "/dcp/cfec-001/dcps/other", base + "/dcp", base + "/dcp/cfec-001/dcps/odd.task.json",
            base + "/dcp/cfec-001/dcps/small.task.json", base + "/way/small.task.json", base + "/way/new.task.json",
            base + "/data", base + "/data/sender", base + "/data/sender/uploaded",
            base + "/data/sender/uploaded/\(file)", base + "/data/receiver/queues/new.task.json",
            base + "/data/transfer/new.task.json", base + "/mine", base + "/plain.json", base + "/link.task.json",
            base + "/dir.task.json",
        ]
        let before = try FileManager.default.subpathsOfDirectory(atPath: base).sorted()
        for path in named {
            for call in ["gentask", "sends"] {
                let reply = await sender.call(
                    call,
                    [
                        "dcppath": .string(base + "/dcp/cfec-001/dcps/film"), "taskfile": .string(path),
                        "basesubdir": "cfec-001", "btobscdn": "1:0:0", "policy": "fulltime",
                    ])
                #expect(reply == .failure("open json file error:open \(path): no such file or directory"), "\(call)")
            }
        }
        #expect(try FileManager.default.subpathsOfDirectory(atPath: base).sorted() == before)
        #expect(sender.place.read("dcp/cfec-001/dcps/small.task.json") == randomBytes(10, seed: 4))
        #expect(sender.place.read("plain.json") == [1])
        await sender.node.stop()
    }

    @Test
    func `recv takes away the file that it read, while its directory is swapped for a link again and again`()
        async throws
    {
        let receiver = try await TestNode.start(.receiver, server: server)
        let victim = try TemporaryDirectory()
        let name = "cfec-001-film.task.json"
        let bytes = try task().encode()
        try victim.write(name, bytes)
        let base = receiver.place.path
        let (directory, aside) = (base + "/in", base + "/aside")
        let isOver = Flag()
        try receiver.place.write("in/\(name)", bytes)
        let victimPath = victim.path
        let swapping = Task.detached {
            await Threads.offload {
                while !isOver.isSet {
                    rename(directory, aside)
                    symlink(victimPath, directory)
                    sched_yield()
                    unlink(directory)
                    rename(aside, directory)
                    sched_yield()
                }
            }
        }
        for _ in 0..<150 {
            try? Data(bytes).write(to: URL(fileURLWithPath: "\(aside)/\(name)"))
            _ = await receiver.call("recv", ["taskfile": .string("\(directory)/\(name)")])
            if victim.read(name) != bytes { break }
        }
        isOver.set()
        await swapping.value
        #expect(victim.read(name) == bytes)
        await receiver.node.stop()
    }

    @Test
    func `A file that took the place of the one that was read stays`() throws {
        let place = try TemporaryDirectory()
        try place.write("a.task.json", [1])
        var configuration = NodeConfiguration(role: .receiver)
        configuration.taskRoots = [place.path]
        let given = try TaskRoots(configuration).read(place.path + "/a.task.json")
        // Kept open, so that its number is not given to the next.
        let held = try #require(FileHandle(forReadingAtPath: place.path + "/a.task.json"))
        try FileManager.default.removeItem(atPath: place.path + "/a.task.json")
        try place.write("a.task.json", [2])
        given.remove()
        #expect(place.read("a.task.json") == [2])
        try held.close()
        let again = try TaskRoots(configuration).read(place.path + "/a.task.json")
        again.remove()
        #expect(!place.exists("a.task.json"))
    }

    @Test
    func `A staging tree is removed without following a link, neither in it nor on the way to it`() throws {
        let place = try TemporaryDirectory()
        try place.write("kept/film/a", [1])
        try place.write("transfer/cfec-001/film/sub/b", [1])
        #expect(symlink(place.path + "/kept", place.path + "/transfer/cfec-001/film/sub/link") == 0)
        #expect(symlink(place.path + "/kept", place.path + "/transfer/cfec-002") == 0)
        let tree = OwnTree(path: place.path + "/transfer")
        for path in [
            "/transfer", "/transfer/", "/kept/film", "/transfer/../kept", "/transfer/cfec-002/film",
            "/transfer/cfec-001/../../kept", "/transfer/cfec-001//film",
        ] { tree.remove(place.path + path) }
        #expect(place.exists("transfer/cfec-001/film/sub/b"))
        tree.remove(place.path + "/transfer/cfec-001/film")
        #expect(!place.exists("transfer/cfec-001/film"))
        #expect(place.exists("kept/film/a"))
    }

    @Test
    func `Content whose name is another's marker or torrent survives a recv of that other`() async throws {
        let receiver = try await TestNode.start(.receiver, server: server)
        let base = receiver.place.path
        try receiver.place.write("dcp/film.finished/reel.mxf", [1])
        try receiver.place.write("dcp/other.finished", [1, 2, 3])
        for name in ["film", "other"] {
            let path = "data/receiver/tmp/cfec-001-\(name).task.json"
            try receiver.place.write(path, try task(name).encode())
            _ = await receiver.call("recv", ["taskfile": .string("\(base)/\(path)")])
        }
        #expect(receiver.place.read("dcp/film.finished/reel.mxf") == [1])
        #expect(receiver.place.read("dcp/other.finished") == [1, 2, 3])
        // Nor is it published over.
        try receiver.place.write("in/film/a", [1])
        let places = JobPlaces(
            incoming: base + "/in/film", work: base + "/in",
            final: .init(path: base + "/dcp/film", marker: base + "/dcp/film.finished", kind: .local),
            staging: OwnTree(path: base + "/in"))
        let publication = try #require(places.publication)
        #expect(throws: FileFailure.self) { try publication.publish() }
        #expect(!receiver.place.exists("dcp/film"))
        await receiver.node.stop()
    }

    @Test(arguments: [".swoop", ".film.work", "."])
    func `No task takes a hidden name: the node's own places are hidden`(name: String) throws {
        var task = try task()
        task.name = name
        #expect(throws: TaskFileError.self) { try TaskFile.parse(task.encode()) }
    }
}
