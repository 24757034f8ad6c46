import BFT
import Foundation
import JSON
import Node
import TestSupport
import Testing

/// No task takes a node down for good. A crash is what it leaves: the record that says what ran, and the mark.
@Suite("Crashes in a row", .serialized, .timeLimit(.minutes(2)))
struct NodeCrashTests {
    let server: TestServer
    let sender: TestNode
    let file: String

    init() async throws {
        server = try TestServer()
        sender = try await TestNode.start(.sender, server: server)
        server.state.withLock { [sender] in $0.root = sender.configuration.baseDataPath }
        try sender.place.write("dcp/cfec-001/dcps/film/a.mxf", randomBytes(900_000, seed: 1))
        file = try await sender.publish("film", "0:0:1")
    }

    private func runs(_ place: TemporaryDirectory) -> [UInt8]? {
        place.read("data/.running").flatMap { bytes in
            String(decoding: bytes, as: UTF8.self).contains(" 1 0 receiver/\(file)\n") ? bytes : nil
        }
    }

    /// Starts a node on what the one before left, and ends it as a crash would.
    private func crash(_ place: TemporaryDirectory, marked: Bool) async throws {
        let node = try await TestNode.start(.receiver, in: place, server: server)
        try await until("it says that the task runs") { runs(place) != nil }
        let record = try #require(runs(place))
        await node.node.stop()
        try place.write("data/.running", record)
        if marked { try place.write("data/.crashed", []) }
    }

    @Test
    func `A task that was running at three of them goes to failed, and the node runs on`() async throws {
        // Nothing comes: the task is never a step further.
        server.state.withLock { $0.refused["/dcp/cfec-001/dcps/film/"] = 503 }
        let place = try TemporaryDirectory()
        let bytes = try #require(await sender.node.taskFile(named: file))
        try place.write("data/receiver/queues/\(file)", bytes)
        for _ in 0..<3 {
            try await crash(place, marked: true)
            #expect(place.exists("data/receiver/downloading/\(file)"))
        }
        let receiver = try await TestNode.start(.receiver, in: place, server: server)
        #expect(place.exists("data/receiver/failed/\(file)"))
        #expect(!place.exists("data/.crashed"))
        let reason = place.read("data/receiver/failed/\(file).bterr").map { String(decoding: $0, as: UTF8.self) }
        #expect(reason?.contains("broke down") == true)
        // Sent again it is a task like any other.
        server.state.withLock { $0.refused = [:] }
        _ = await receiver.call("recv", ["taskfile": .string(try await receiver.take(file, from: sender))])
        try await receiver.reaches("downloaded", file)
        await receiver.node.stop()
        #expect(!place.exists("data/.running"))
        await sender.node.stop()
    }

    @Test
    func `Kills and clean stops in between are nothing to go by`() async throws {
        server.state.withLock { $0.refused["/dcp/cfec-001/dcps/film/"] = 503 }
        let place = try TemporaryDirectory()
        try place.write("data/receiver/queues/\(file)", try #require(await sender.node.taskFile(named: file)))
        for _ in 0..<2 { try await crash(place, marked: true) }
        for _ in 0..<2 { try await crash(place, marked: false) }
        let stopped = try await TestNode.start(.receiver, in: place, server: server)
        await stopped.node.stop()
        for _ in 0..<2 { try await crash(place, marked: true) }
        #expect(place.exists("data/receiver/downloading/\(file)"))
        server.state.withLock { $0.refused = [:] }
        let receiver = try await TestNode.start(.receiver, in: place, server: server)
        try await receiver.reaches("downloaded", file)
        await receiver.node.stop()
        await sender.node.stop()
    }

    @Test
    func `Crashes before a task ran for a minute count no more`() async throws {
        server.state.withLock { $0.refused["/dcp/cfec-001/dcps/film/"] = 503 }
        let place = try TemporaryDirectory()
        try place.write("data/receiver/queues/\(file)", try #require(await sender.node.taskFile(named: file)))
        for _ in 0..<2 { try await crash(place, marked: true) }
        let clock = TestClock(minuteOfDay: 12 * 60)
        let steady = try await TestNode.start(.receiver, in: place, server: server, tunables: .shipped, clock: clock)
        try await until("it says that the task runs") { runs(place) != nil }
        // Suspected twice, it runs by itself for ten seconds first; and a minute proves it.
        clock.forward(seconds: 61)
        // Crashes, kills, whether it runs, and how far it is.
        try await until("it is trusted") {
            place.read("data/.running").map {
                String(decoding: $0, as: UTF8.self).contains("\n0 0 1 0 receiver/\(file)\n")
            }
                == true
        }
        let record = try #require(place.read("data/.running"))
        await steady.node.stop()
        try place.write("data/.running", record)
        try place.write("data/.crashed", [])
        // The third crash in all, the first since.
        let receiver = try await TestNode.start(.receiver, in: place, server: server)
        #expect(place.exists("data/receiver/downloading/\(file)"))
        await receiver.node.stop()
        await sender.node.stop()
    }

    @Test
    func `A file that the store refuses is named where the sending failed`() async throws {
        try sender.place.write("dcp/cfec-001/dcps/pair/good.mxf", randomBytes(1000, seed: 2))
        try sender.place.write("dcp/cfec-001/dcps/pair/odd name.mxf", randomBytes(1000, seed: 3))
        server.state.withLock { $0.refused["/cfec-001/dcps/pair/odd name.mxf"] = 403 }
        let base = sender.place.path
        let parameters: JSONObject = [
            "dcppath": .string(base + "/dcp/cfec-001/dcps/pair"),
            "taskfile": .string(base + "/data/sender/tmp/pair.task.json"), "basesubdir": "cfec-001",
            "btobscdn": "0:1:0", "policy": "fulltime",
        ]
        _ = await sender.call("gentask", parameters)
        try await until("made") { await sender.call("taskfilesquery", parameters).content["status"] == "finished" }
        #expect(await sender.call("send", ["taskfile": parameters["taskfile"] ?? ""]).succeeded)
        try await until("failed") { sender.place.exists("data/sender/failed/pair.task.json") }
        let reason = sender.place.read("data/sender/failed/pair.task.json.obserr")
        #expect(reason.map { String(decoding: $0, as: UTF8.self) }?.contains("odd name.mxf") == true)
        let progress = await sender.call("uploadprogress", ["taskfile": "pair.task.json"]).content
        #expect(progress["desc"]?.stringValue?.contains("odd name.mxf") == true)
        await sender.node.stop()
    }

    @Test
    func `recv says neither in its reply nor in details what stands in a URL's query`() async throws {
        let clock = TestClock(minuteOfDay: 12 * 60)
        let receiver = try await TestNode.start(.receiver, server: server, tunables: .shipped, clock: clock)
        var task = try TaskFile.parse(try #require(await sender.node.taskFile(named: file)))
        task.bt.url = server.url + "/none.torrent?X-Signature=SECRETSIGNATURE"
        try receiver.place.write("data/receiver/tmp/q.task.json", task.encode())
        let reply = await receiver.call(
            "recv", ["taskfile": .string(receiver.place.path + "/data/receiver/tmp/q.task.json")])
        #expect(reply == .failure("could not download torrent from \(server.url)/none.torrent"))
        try receiver.place.write("data/receiver/queues/r.task.json", task.encode())
        try await clock.forward(seconds: 1, until: "refused") {
            receiver.place.exists("data/receiver/failed/r.task.json.bterr")
        }
        let details = receiver.place.read("data/receiver/failed/r.task.json.bterr") ?? []
        #expect(!String(decoding: details, as: UTF8.self).contains("SECRETSIGNATURE"))
        await receiver.node.stop()
        await sender.node.stop()
    }
}
