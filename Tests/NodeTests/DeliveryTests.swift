import BFT
import Foundation
import Glibc
import JSON
import Node
import Policy
import TestSupport
import Testing

/// Whole deliveries: a sender, a receiver and whatever is between them, in one process.
@Suite("Deliveries", .serialized, .timeLimit(.minutes(3)))
struct DeliveryTests {
    let server: TestServer
    let sender: TestNode
    /// The sender's, and of receivers that wait for a long time.
    let clock = TestClock(minuteOfDay: 12 * 60)

    init() async throws {
        server = try TestServer()
        sender = try await TestNode.start(.sender, server: server, tunables: .shipped, clock: clock)
        server.state.withLock { [sender] in $0.root = sender.configuration.baseDataPath }
    }

    private static let files: [(String, [UInt8])] = [
        ("ASSETMAP.xml", randomBytes(1_466, seed: 1)), ("audio/track.mxf", randomBytes(900_001, seed: 2)),
        ("video.mxf", randomBytes(3_000_000, seed: 3)), ("VOLINDEX", randomBytes(155, seed: 4)), ("empty.txt", []),
        ("pkl.xml", randomBytes(700_000, seed: 5)),
    ]

    private func makeContent(_ name: String = "film") throws {
        for (file, bytes) in Self.files { try sender.place.write("dcp/cfec-001/dcps/\(name)/\(file)", bytes) }
    }

    private func expectContent(_ place: TemporaryDirectory, at path: String) {
        for (file, bytes) in Self.files { #expect(place.read("\(path)/\(file)") == bytes, "\(file)") }
    }

    @Test(arguments: ["1:0:0", "0:1:0", "0:0:1", "1:1:1", "2:1:0", "0:1:1"])
    func `Content arrives whole and verified by any mix of methods`(shares: String) async throws {
        try makeContent()
        let file = try await sender.publish("film", shares)
        let receiver = try await TestNode.start(.receiver, server: server)
        let path = try await receiver.take(file, from: sender)
        let reply = await receiver.call("recv", ["taskfile": .string(path)])
        #expect(reply == .success(ReplyText.succeed))
        do {
            try await receiver.reaches("downloaded", file)
        } catch {
            Issue.record("\(await receiver.call("progress", ["taskfile": .string(file)]).content.members)")
            throw error
        }
        expectContent(receiver.place, at: "dcp/film")
        #expect(receiver.place.exists("dcp/film.finished"))
        #expect(!receiver.place.exists("data/transfer/cfec-001/film"))
        let progress = await receiver.call("progress", ["taskfile": .string(file)]).content
        #expect(progress["totalpercent"] == "100.000%")
        #expect(progress["dcppath"] == .string(receiver.place.path + "/dcp/film"))
        let samples: [NodeMetrics.Sample] = await receiver.node.metrics()
        let counted = samples.filter { $0.name.hasPrefix("swoop_node_received_") }
        #expect(counted.count == 3)
        #expect(counted.reduce(0) { $0 + $1.value } == Double(Self.files.reduce(0) { $0 + $1.1.count }))
        await receiver.node.stop()
        await sender.node.stop()
    }

    @Test
    func `A second delivery of the same content moves no byte of it`() async throws {
        try makeContent()
        let file = try await sender.publish("film", "0:1:1")
        let receiver = try await TestNode.start(.receiver, server: server)
        _ = await receiver.call("recv", ["taskfile": .string(try await receiver.take(file, from: sender))])
        try await receiver.reaches("downloaded", file)
        let before = (server.sent("dcp"), server.sent("store"))
        let again = await receiver.call("recv", ["taskfile": .string(try await receiver.take(file, from: sender))])
        #expect(again == .success(ReplyText.downloadedAndAllLocal))
        try await receiver.reaches("downloaded", file)
        expectContent(receiver.place, at: "dcp/film")
        #expect((server.sent("dcp"), server.sent("store")) == before)
        let progress = await receiver.call("progress", ["taskfile": .string(file)]).content
        #expect(progress["localsamepercent"] == "100.000%")
        #expect(progress["totalpercent"] == "100.000%")

        // Another package that differs in one file: that file is all that moves.
        try makeContent("film2")
        try sender.place.write("dcp/cfec-001/dcps/film2/pkl.xml", randomBytes(650_000, seed: 77))
        let other = try await sender.publish("film2", "0:0:1")
        let sent = server.sent("dcp")
        let reply = await receiver.call("recv", ["taskfile": .string(try await receiver.take(other, from: sender))])
        #expect(reply == .success(ReplyText.succeed))
        try await receiver.reaches("downloaded", other)
        #expect(receiver.place.read("dcp/film2/pkl.xml") == randomBytes(650_000, seed: 77))
        #expect(receiver.place.read("dcp/film2/video.mxf") == randomBytes(3_000_000, seed: 3))
        // Pieces at its ends are fetched whole.
        #expect(server.sent("dcp") - sent < 650_000 + 4 * 262_144)
        await receiver.node.stop()
        await sender.node.stop()
    }

    @Test
    func `A delivery goes on after its node was stopped in the middle, and is never seen half`() async throws {
        try makeContent()
        let file = try await sender.publish("film", "0:1:1")
        server.state.withLock { $0.rate = 2_000_000 }
        let place = try TemporaryDirectory()
        var receiver = try await TestNode.start(.receiver, in: place, server: server)
        _ = await receiver.call("recv", ["taskfile": .string(try await receiver.take(file, from: sender))])
        for _ in 0..<4 {
            let sent = server.sent("dcp") + server.sent("store")
            try await until("more is fetched") { server.sent("dcp") + server.sent("store") > sent }
            await receiver.node.stop()
            #expect(place.exists("dcp/film") == place.exists("dcp/film.finished"))
            receiver = try await TestNode.start(.receiver, in: place, server: server)
        }
        server.state.withLock { $0.rate = nil }
        try await receiver.reaches("downloaded", file)
        expectContent(place, at: "dcp/film")
        await receiver.node.stop()
        // Once more: what is published is known and not fetched again.
        let sent = server.sent("dcp")
        receiver = try await TestNode.start(.receiver, in: place, server: server)
        #expect(await receiver.status(file) == "downloaded")
        #expect(server.sent("dcp") == sent)
        await receiver.node.stop()
        await sender.node.stop()
    }

    @Test
    func `A task file dropped into the queue is taken up; one that is refused ends in failed with the text of recv`()
        async throws
    {
        try makeContent()
        let file = try await sender.publish("film", "1:0:0")
        let receiver = try await TestNode.start(.receiver, server: server)
        let bytes = try #require(await sender.node.taskFile(named: file))
        try receiver.place.write("data/receiver/queues/\(file)", bytes)
        try receiver.place.write("data/receiver/queues/cfec-001-bad.task.json", Array("{}".utf8))
        let path = receiver.place.path + "/data/receiver/queues/cfec-001-bad.task.json"
        var old = timespec(tv_sec: time(nil) - 100, tv_nsec: 0)
        var times = [old, old]
        utimensat(AT_FDCWD, path, &times, 0)
        old.tv_sec = 0
        try await receiver.reaches("downloaded", file)
        expectContent(receiver.place, at: "dcp/film")
        try await until("refused") { await receiver.status("cfec-001-bad.task.json") == "downloaderror" }
        let details = receiver.place.read("data/receiver/failed/cfec-001-bad.task.json.bterr") ?? []
        #expect(String(decoding: details, as: UTF8.self) == RecvFailureText.invalidFormat(path) + "\n")
        await receiver.node.stop()
        await sender.node.stop()
    }

    @Test
    func
        `A dropped task file whose torrent's server does not answer just now waits for it; cancelled meanwhile, it goes`()
        async throws
    {
        try makeContent()
        let file = try await sender.publish("film", "1:0:0")
        let receiver = try await TestNode.start(.receiver, server: server, tunables: .shipped, clock: clock)
        var task = try TaskFile.parse(try #require(await sender.node.taskFile(named: file)))
        let torrent = try #require(URL(string: task.bt.url)).path
        server.state.withLock { $0.refused[torrent] = 503 }
        let bytes = task.encode()
        try receiver.place.write("data/receiver/queues/\(file)", bytes)
        try await until("asked for") { server.state.withLock { ($0.refusals[torrent] ?? 0) > 0 } }
        server.state.withLock { $0.refused[torrent] = nil }
        try await clock.forward(seconds: 0.5, until: "downloaded") { await receiver.status(file) == "downloaded" }
        expectContent(receiver.place, at: "dcp/film")

        // One that is taken away while it waits is not refused, and not begun.
        server.state.withLock { ($0.refused[torrent], $0.refusals) = (503, [:]) }
        task.name = "other"
        try receiver.place.write("data/receiver/queues/other.task.json", task.encode())
        try await until("asked for") { server.state.withLock { ($0.refusals[torrent] ?? 0) > 0 } }
        async let cancelled = receiver.call("cancel", ["taskfile": "other.task.json"])
        try await clock.forward(seconds: 0.5, until: "let go of") {
            await !receiver.node.isWaiting("other.task.json", .receiver)
        }
        #expect(await cancelled == .success(ReplyText.succeed))
        #expect(receiver.place.names("data/receiver/failed").isEmpty)
        #expect(receiver.place.names("data/receiver/queues").isEmpty)
        await receiver.node.stop()
        await sender.node.stop()
    }

    @Test
    func `What a dead source was to bring comes from another, and progress says why`() async throws {
        try makeContent()
        let file = try await sender.publish("film", "0:1:1")
        server.state.withLock {
            $0.refused["/cfec-001/"] = 403
            $0.rate = 1_500_000
        }
        let receiver = try await TestNode.start(.receiver, server: server)
        _ = await receiver.call("recv", ["taskfile": .string(try await receiver.take(file, from: sender))])
        try await until("the reason is shown") {
            let error = await receiver.call("progress", ["taskfile": .string(file)]).content["downerror"]
            return error?.stringValue?.contains("obs has no source left: the server answers 403") == true
        }
        server.state.withLock { $0.rate = nil }
        try await receiver.reaches("downloaded", file)
        expectContent(receiver.place, at: "dcp/film")
        await receiver.node.stop()
        await sender.node.stop()
    }

    @Test
    func `A cacher serves its share until its time is over, then leaves nothing`() async throws {
        try makeContent()
        let file = try await sender.publish("film", "1:0:1", seedTime: "72")
        let cacher = try await TestNode.start(.cacher, server: server, clock: clock)
        let path = try await cacher.take(file, from: sender)
        #expect(await cacher.call("recv", ["taskfile": .string(path)]) == .success(ReplyText.succeed))
        #expect(await cacher.call("progress", ["taskfile": .string(file)]).text == ProgressFailureText.useCProgress)
        func progress() async -> JSONObject {
            await cacher.node.progress(APIRequest(method: "cprogress", parameters: ["taskfile": .string(file)])).content
        }
        try await until("serving") { await progress()["status"] == "seeding" }
        let directory = cacher.place.path + "/data/transfer/bt/cfec-001/film-tmp"
        #expect(await progress()["desc"] == .string("btseeding dir:" + directory))
        try await until("the share is there") { cacher.place.exists("data/transfer/bt/cfec-001/film-tmp") }
        try await until("the share is here") { await cacher.node.job(named: file)?.record.completed != nil }
        // Asked for again after two days, it serves for three more.
        clock.forward(minutes: 48 * 60)
        let again = try await cacher.take(file, from: sender)
        let reply = await cacher.call("recv", ["taskfile": .string(again), "reactive": "true"])
        #expect(reply == .success(ReplyText.reactivatedCacher(taskFileName: file)))
        try await until("it counts from now") {
            await cacher.node.job(named: file)?.record.completed == clock.now.wall
        }
        clock.forward(minutes: 48 * 60)
        try await clock.everybodyLooks()
        #expect(await progress()["status"] == "seeding")
        clock.forward(minutes: 24 * 60 + 1)
        try await until("over") { cacher.place.names("data/receiver/downloaded") == [file] }
        #expect(cacher.place.names("data/transfer/bt/cfec-001").isEmpty)
        #expect(cacher.place.names("data/receiver/downloading").isEmpty)
        await cacher.node.stop()
        await sender.node.stop()
    }

    @Test
    func `A cacher that is asked for again while it fetches goes on fetching after a restart`() async throws {
        try makeContent()
        let file = try await sender.publish("film", "1:0:1")
        let place = try TemporaryDirectory()
        // So slow that it is never done before the limit is gone.
        var cacher = try await TestNode.start(.cacher, in: place, server: server, clock: clock) {
            $0.rateLimits.bt = 50_000
        }
        _ = await cacher.call("recv", ["taskfile": .string(try await cacher.take(file, from: sender))])
        try await until("fetching") { await cacher.node.job(named: file)?.record.began != nil }
        let again = try await cacher.take(file, from: sender)
        let reply = await cacher.call("recv", ["taskfile": .string(again), "reactive": "true"])
        #expect(reply == .success(ReplyText.reactivatedCacher(taskFileName: file)))
        try await clock.everybodyLooks()
        #expect(await cacher.node.job(named: file)?.record.completed == nil)
        await cacher.node.stop()
        cacher = try await TestNode.start(.cacher, in: place, server: server)
        try await until("the share is here") { await cacher.node.job(named: file)?.record.completed != nil }
        let task = try TaskFile.parse(try #require(await sender.node.taskFile(named: file)))
        #expect(!task.lists.bt.isEmpty)
        for entry in task.fileList where task.lists.bt.contains(entry.path) {
            let bytes = Self.files.first { $0.0 == entry.file }?.1
            #expect(place.read("data/transfer/bt/cfec-001/film-tmp/\(entry.file)") == bytes, "\(entry.file)")
        }
        await cacher.node.stop()
        await sender.node.stop()
    }

    @Test
    func `Tasks whose service time is over go to history, and their state can still be asked for`() async throws {
        try makeContent()
        let file = try await sender.publish("film", "1:0:0", seedTime: "72")
        let receiver = try await TestNode.start(.receiver, server: server, clock: clock)
        _ = await receiver.call("recv", ["taskfile": .string(try await receiver.take(file, from: sender))])
        try await receiver.reaches("downloaded", file)
        clock.forward(minutes: 71 * 60)
        try await clock.everybodyLooks()
        #expect(await receiver.status(file) == "downloaded")
        clock.forward(minutes: 61)
        try await until("history") { await receiver.status(file) == "history" }
        try await until("finished") {
            await sender.call("uploadprogress", ["taskfile": .string(file)]).content["status"] == "finished"
        }
        expectContent(receiver.place, at: "dcp/film")
        #expect(receiver.place.names("data/transfer/cfec-001").isEmpty)
        let events = server.state.withLock { $0.callbacks }
        for event in ["ready", "downloaded", "finished"] {
            #expect(events.contains { $0.contains("\"event\":\"\(event)\"") }, "\(event)")
        }
        await receiver.node.stop()
        await sender.node.stop()
    }

    @Test
    func `Outside its window a method moves nothing; it goes on in the next one`() async throws {
        try makeContent()
        let node = try await TestNode.start(.sender, in: sender.place, server: server, clock: clock) {
            $0.windows.obs = QuietWindow("00:00-08:00") ?? .always
            $0.windows.cdn = QuietWindow("22:00-23:00") ?? .always
            $0.dataPath = $0.dataPath + "2"
            $0.taskRoots = [$0.taskRoots[0]]
        }
        await sender.node.stop()
        let file = try await {
            let task = "\(node.place.path)/data2/sender/tmp/cfec-001-film.task.json"
            let path = "\(node.place.path)/dcp/cfec-001/dcps/film"
            let parameters: JSONObject = [
                "dcppath": .string(path), "taskfile": .string(task), "basesubdir": "cfec-001", "btobscdn": "0:0:1",
                "policy": "priortime",
            ]
            _ = await node.call("gentask", parameters)
            try await until("made") { await node.call("taskfilesquery", parameters).content["status"] == "finished" }
            _ = await node.call("send", ["taskfile": .string(task)])
            try await until("ready") {
                await node.call("uploadprogress", ["taskfile": "cfec-001-film.task.json"]).content["status"] == "ready"
            }
            return "cfec-001-film.task.json"
        }()
        let probed = server.sent("dcp")
        let receiver = try await TestNode.start(.receiver, server: server, clock: clock)
        _ = await receiver.call("recv", ["taskfile": .string(try await receiver.take(file, from: node))])
        try await until("downloading") { await receiver.status(file) == "downloading" }
        try await clock.everybodyLooks()
        #expect(server.sent("dcp") == probed)
        let schedules = await receiver.node.showschedules()
        #expect(schedules.contains("cfec-001-film bt:obs:cdn = 0:0:1 priortime cdn: 0 22:00-23:00"))
        #expect(schedules.contains(" 22:00:00\n") && schedules.contains("start: "))
        server.state.withLock { $0.rate = 1_000_000 }
        clock.forward(minutes: 10 * 60 + 5)
        try await until("fetching") { server.sent("dcp") > probed }
        clock.forward(minutes: 60)
        try await until("paused") { await receiver.node.showschedules().contains("cdn: 0 22:00-23:00") }
        try await until("what was under way has ended") { !server.isSending }
        try await clock.everybodyLooks()
        let fetched = server.sent("dcp")
        try await clock.everybodyLooks()
        #expect(server.sent("dcp") == fetched)
        #expect(await receiver.status(file) == "downloading")
        #expect(await receiver.call("progress", ["taskfile": .string(file)]).content["downerror"] == "")
        server.state.withLock { $0.rate = nil }
        clock.forward(minutes: 23 * 60 + 10)
        try await receiver.reaches("downloaded", file)
        expectContent(receiver.place, at: "dcp/film")
        await receiver.node.stop()
        await node.node.stop()
    }

    @Test
    func `Cancelling takes away the task and what had come, and nothing else`() async throws {
        try makeContent()
        let file = try await sender.publish("film", "0:0:1")
        server.state.withLock { $0.rate = 200_000 }
        let receiver = try await TestNode.start(.receiver, server: server)
        _ = await receiver.call("recv", ["taskfile": .string(try await receiver.take(file, from: sender))])
        try await until("downloading") { receiver.place.exists("data/transfer/cfec-001") }
        #expect(await receiver.call("cancel", ["taskfile": .string(file)]) == .success(ReplyText.succeed))
        #expect(receiver.place.names("data/transfer/cfec-001").isEmpty)
        #expect(await receiver.call("progress", ["taskfile": .string(file)]).text == ProgressFailureText.unknownTask)
        let none = await receiver.call("cancel", ["taskfile": .string(file)])
        #expect(none == .success("no need to cancel, not found task: \(file)"))
        #expect(await sender.call("cancel", ["taskfile": .string(file)]) == .success(ReplyText.succeed))
        #expect(sender.place.exists("dcp/cfec-001/dcps/film/video.mxf"))
        await receiver.node.stop()
        await sender.node.stop()
    }

    @Test
    func `A CDN that does not have the content makes the task fail after three probes`() async throws {
        try makeContent()
        server.state.withLock { $0.refused["/dcp/cfec-001/dcps/film/"] = 404 }
        let file = "cfec-001-film.task.json"
        let task = "\(sender.place.path)/data/sender/tmp/\(file)"
        let parameters: JSONObject = [
            "dcppath": .string(sender.place.path + "/dcp/cfec-001/dcps/film"), "taskfile": .string(task),
            "basesubdir": "cfec-001", "btobscdn": "1:0:1",
        ]
        _ = await sender.call("gentask", parameters)
        try await until("made") { await sender.call("taskfilesquery", parameters).content["status"] == "finished" }
        _ = await sender.call("send", ["taskfile": .string(task)])
        func probes() -> Int { server.state.withLock { $0.refusals.values.reduce(0, +) } }
        // Five seconds after the first, ten after the second; not before.
        for (count, seconds) in [(1, 5.0), (2, 10.0)] {
            try await until("probe \(count)") { probes() == count }
            try await clock.everybodyLooks()
            #expect(probes() == count)
            #expect(sender.place.names("data/sender/failed").isEmpty)
            clock.forward(seconds: seconds)
        }
        try await until("failed") { sender.place.names("data/sender/failed").count == 2 }
        #expect(sender.place.names("data/sender/failed") == [file, file + ".cdnerr"])
        let progress = await sender.call("uploadprogress", ["taskfile": .string(file)]).content
        #expect(progress["status"] == "error")
        await sender.node.stop()
    }
}
