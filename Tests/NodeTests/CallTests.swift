import BFT
import Foundation
import Glibc
import JSON
import Node
import Policy
import TestSupport
import Testing

/// Calls that fail or answer at once, in the words that deployed clients compare.
@Suite("Calls", .serialized, .timeLimit(.minutes(2)))
struct CallTests {
    let server: TestServer

    init() throws { server = try TestServer() }

    @Test func `gentask takes the beginning of the URL in the store from the configuration`() async throws {
        let sender = try await TestNode.start(.sender, server: server) {
            $0.storeURL = "obs://films/2026"
            $0.baseSubdirectory = try? TaskSubdirectory("cfec-001")
        }
        for (subdirectory, url) in [
            ("cfec-001", "obs://films/2026/dcps/film"), ("cfec-002", "obs://cfec-002/dcps/film"),
        ] {
            try sender.place.write("dcp/\(subdirectory)/dcps/film/reel.mxf", randomBytes(1000, seed: 1))
            let task = "data/sender/tmp/\(subdirectory)-film.task.json"
            let made: JSONObject = [
                "dcppath": .string("\(sender.place.path)/dcp/\(subdirectory)/dcps/film"),
                "taskfile": .string("\(sender.place.path)/\(task)"), "basesubdir": .string(subdirectory),
                "btobscdn": "1:1:0", "policy": "fulltime",
            ]
            _ = await sender.call("gentask", made)
            try await until("made") { await sender.call("taskfilesquery", made).content["status"] == "finished" }
            #expect(try TaskFile.parse(try #require(sender.place.read(task))).obs.url == url)
        }
        await sender.node.stop()
    }

    @Test
    func `gentask says what is wrong, what is to be waited for, and succeeds at once when all is there`() async throws {
        let sender = try await TestNode.start(.sender, server: server)
        let base = sender.place.path
        let path = base + "/dcp/cfec-001/dcps/film"
        let task = base + "/data/sender/tmp/cfec-001-film.task.json"
        let common: JSONObject = [
            "dcppath": .string(path), "taskfile": .string(task), "basesubdir": "cfec-001", "btobscdn": "1:1:1",
            "policy": "fulltime",
        ]
        #expect(await sender.call("gentask", common) == .failure("error, not exist dcp path: \(path)."))
        let query = await sender.call("taskfilesquery", common)
        #expect(query.content == ["status": "error", "desc": .string("not exist \(path)")])
        for index in 0..<6 {
            try sender.place.write(
                "dcp/cfec-001/dcps/film/reel\(index).mxf", randomBytes(400_000 + index, seed: UInt64(index)))
        }
        var without = common
        without["taskfile"] = nil
        #expect(await sender.call("gentask", without) == .failure("error, please provide taskfile path."))
        let idle = await sender.call("taskfilesquery", common).content
        #expect(idle == ["status": "unfinished", "desc": "no make seed process and not found task.json."])
        let begun = await sender.call("gentask", common)
        let tmp = base + "/dcp/cfec-001/dcps-tmp/film-tmp.torrent"
        #expect(begun == .success("please wait until \(path).torrent, \(tmp) and \(task) all are finished."))
        try await until("made") { await sender.call("taskfilesquery", common).content["status"] == "finished" }
        #expect(await sender.call("gentask", common) == .success("succeeded!"))
        let made = try TaskFile.parse(try #require(sender.place.read("data/sender/tmp/cfec-001-film.task.json")))
        #expect(made.imbalance() == nil)
        #expect(made.bt.url == server.url + "/dcp/cfec-001/dcps/film.torrent")
        #expect(made.obs.url == "obs://cfec-001/dcps/film")
        #expect(made.obs.keys.isEmpty)
        #expect(!made.generationTime.isEmpty)
        // Content that changed is hashed again, torrents that are there or not.
        try sender.place.write("dcp/cfec-001/dcps/film/reel0.mxf", randomBytes(400_000, seed: 99))
        #expect(await sender.call("gentask", common).text.hasPrefix("please wait until"))
        try await until("made") { await sender.call("taskfilesquery", common).content["status"] == "finished" }
        let next = try TaskFile.parse(try #require(sender.place.read("data/sender/tmp/cfec-001-film.task.json")))
        #expect(next.bt.infoHash != made.bt.infoHash)
        await sender.node.stop()
    }

    @Test
    func `send and sends: their failures, and what reactive means`() async throws {
        let sender = try await TestNode.start(.sender, server: server) {
            $0.baseSubdirectory = try? TaskSubdirectory("cfec-001")
        }
        server.state.withLock { $0.root = sender.configuration.baseDataPath }
        let base = sender.place.path
        let missing = base + "/data/sender/tmp/cfec-001-x.task.json"
        #expect(
            await sender.call("send", ["taskfile": .string(missing)])
                == .failure("open json file error:open \(missing): no such file or directory"))
        #expect(
            await sender.call("send", ["taskfile": "/etc/passwd"])
                == .failure("open json file error:open /etc/passwd: no such file or directory"))
        try sender.place.write("data/sender/tmp/cfec-001-x.task.json", Array("{".utf8))
        #expect(await sender.call("send", ["taskfile": .string(missing)]) == .failure("invalid json format:\(missing)"))
        #expect(
            await sender.call("send", ["taskfile": .string(missing), "reactive": "perhaps"])
                == .failure("reactive parameter input error"))
        try sender.place.write("dcp/cfec-001/dcps/film/a.mxf", randomBytes(300_000, seed: 1))
        let file = try await sender.publish("film", "1:0:0")
        let sent = try #require(await sender.node.taskFile(named: file))
        try sender.place.write("data/sender/tmp/\(file)", sent)
        let path: JSONValue = .string("\(base)/data/sender/tmp/\(file)")
        #expect(
            await sender.call("send", ["taskfile": path, "reactive": "false"])
                == .failure("exisited same name ct torrent bt process, send task failed: film.torrent in \(file)"))
        #expect(
            await sender.call("send", ["taskfile": path, "reactive": "true"])
                == .success("restarted same name bt process, succeed!"))
        try await until("ready") {
            await sender.call("uploadprogress", ["taskfile": .string(file)]).content["status"] == "ready"
        }
        _ = await sender.call("cancel", ["taskfile": .string(file)])
        try sender.place.write("data/sender/tmp/\(file)", sent)
        try FileManager.default.removeItem(atPath: base + "/dcp/cfec-001/dcps/film.torrent")
        #expect(
            await sender.call("send", ["taskfile": path]).text
                == "not found torrent:\(base)/dcp/cfec-001/dcps/film.torrent pls re generate task and torrent.")
        let reply = await sender.call(
            "sends",
            [
                "dcppath": .string(base + "/dcp/cfec-001/dcps/film"), "taskfile": path, "btobscdn": "1:0:0",
                "policy": "fulltime",
            ])
        let torrent = base + "/dcp/cfec-001/dcps/film.torrent"
        #expect(
            reply == .success("succeed, but the torrent is generating, please wait until \(torrent) is finished."))
        try await until("ready") {
            await sender.call("uploadprogress", ["taskfile": .string(file)]).content["status"] == "ready"
        }
        let unknown = await sender.call("uploadprogress", ["taskfile": "cfec-001-none.task.json"])
        #expect(!unknown.succeeded)
        #expect(unknown.content["status"] == "unknown")
        await sender.node.stop()
    }

    @Test
    func `recv refuses task files that are no plain files below its roots, without waiting for any`() async throws {
        let clock = TestClock(minuteOfDay: 12 * 60)
        let receiver = try await TestNode.start(.receiver, server: server, clock: clock)
        let base = receiver.place.path
        let fifo = base + "/data/receiver/tmp/cfec-001-fifo.task.json"
        #expect(mkfifo(fifo, 0o600) == 0)
        let link = base + "/data/receiver/tmp/cfec-001-link.task.json"
        #expect(symlink("/etc/passwd", link) == 0)
        let outside = base + "/data/receiver/tmp/out"
        #expect(symlink("/etc", outside) == 0)
        let directory = base + "/data/receiver/tmp/cfec-001-dir.task.json"
        #expect(mkdir(directory, 0o700) == 0)
        for path in [fifo, link, directory, outside + "/passwd", base + "/../etc/passwd", "relative", "", "/"] {
            #expect(
                await receiver.call("recv", ["taskfile": .string(path)])
                    == .failure("open json file error:open \(path): no such file or directory"))
        }
        // The same, dropped into the queue: passed by.
        let queue = base + "/data/receiver/queues/"
        #expect(mkfifo(queue + "cfec-001-fifo.task.json", 0o600) == 0)
        #expect(symlink(fifo, queue + "cfec-001-link.task.json") == 0)
        try await clock.everybodyLooks(times: 6)
        #expect(receiver.place.names("data/receiver/failed").isEmpty)
        #expect(await receiver.node.trouble() == nil)
        await receiver.node.stop()
    }

    @Test
    func `recv's failures about torrents and sums`() async throws {
        let sender = try await TestNode.start(.sender, server: server)
        server.state.withLock { $0.root = sender.configuration.baseDataPath }
        for index in 0..<4 {
            try sender.place.write("dcp/cfec-001/dcps/film/\(index).mxf", randomBytes(300_000, seed: UInt64(index)))
        }
        let file = try await sender.publish("film", "1:0:1")
        let receiver = try await TestNode.start(.receiver, server: server)
        let bytes = try #require(await sender.node.taskFile(named: file))
        let good = try TaskFile.parse(bytes)
        func recv(_ change: (inout TaskFile) -> Void) async throws -> String {
            var task = good
            change(&task)
            try receiver.place.write("data/receiver/tmp/\(file)", task.encode())
            return await receiver.call(
                "recv", ["taskfile": .string("\(receiver.place.path)/data/receiver/tmp/\(file)")]
            ).text
        }
        let path = "\(receiver.place.path)/data/receiver/tmp/\(file)"
        #expect(try await recv { $0.listSizes.bt = 1 } == "totalsize != all lists sum : \(path)")
        #expect(try await recv { $0.bt.tmpURL = "" } == "need tmptorrent and found bt.tmpurl is empty.")
        let none = server.url + "/dcp/none.torrent"
        #expect(try await recv { $0.bt.url = none } == "could not download torrent from \(none)")
        #expect(try await recv { $0.bt.tmpURL = none } == "could not download tmptorrent from \(none)")
        let stale = String(repeating: "ab", count: 20)
        #expect(
            try await recv { $0.bt.tmpInfoHash = stale }
                == "taskfile btlist is not equal torrent content, check taskfile or tmp torrent: \(good.bt.tmpURL)")
        // A torrent of other files, from a sender that writes no info hashes.
        #expect(
            try await recv {
                $0.bt.tmpInfoHash = ""
                $0.bt.tmpURL = $0.bt.url
            } == "taskfile btlist is not equal torrent content, check taskfile or tmp torrent: \(good.bt.url)")
        server.state.withLock { $0.rate = 100_000 }
        #expect(try await recv { _ in } == "succeed!")
        try await until("downloading") { receiver.place.names("data/receiver/downloading") == [file] }
        let now = "\(receiver.place.path)/data/receiver/downloading/\(file)"
        #expect(try await recv { _ in } == "same taskfile in downloading:\(now)")
        await receiver.node.stop()
        await sender.node.stop()
    }

    @Test
    func `Progress answers at once with two hundred tasks on a node`() async throws {
        let receiver = try await TestNode.start(.receiver, server: server)
        let entries = (0..<12).map {
            TaskFileEntry(
                path: (try? .init("reel\($0).mxf")) ?? .empty, hash: String(repeating: "a", count: 40), size: 1 << 30)
        }
        for index in 0..<200 {
            var task = TaskFile(
                name: "film\(index)", subdirectory: try TaskSubdirectory("cfec-001"),
                shares: try #require(Shares("1:1:1")), fileList: entries)
            task.setSplit([.bt: [0, 1, 2, 3], .obs: [4, 5, 6, 7], .cdn: [8, 9, 10, 11]])
            try receiver.place.write("data/receiver/history/\(task.fileName)", task.encode())
        }
        let clock = ContinuousClock()
        var times: [Duration] = []
        for index in 0..<200 {
            let begun = clock.now
            let reply = await receiver.call("progress", ["taskfile": .string("cfec-001-film\(index).task.json")])
            times.append(clock.now - begun)
            #expect(reply.content["status"] == "history")
        }
        #expect(times.sorted()[100] < .milliseconds(50))
        await receiver.node.stop()
    }
}
