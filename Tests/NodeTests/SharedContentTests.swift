import BFT
import Foundation
import JSON
import Jobs
import Node
import TestSupport
import Testing

/// Two tasks of one SUBDIR/NAME share a staging directory: the second is refused while the first has it.
@Suite("Two tasks of one content", .serialized, .timeLimit(.minutes(2)))
struct SharedContentTests {
    let server: TestServer
    let sender: TestNode
    let file: String

    init() async throws {
        server = try TestServer()
        sender = try await TestNode.start(.sender, server: server)
        server.state.withLock { [sender] in $0.root = sender.configuration.baseDataPath }
        try sender.place.write("dcp/cfec-001/dcps/film/a.mxf", randomBytes(1_000_000, seed: 1))
        try sender.place.write("dcp/cfec-001/dcps/film/b.mxf", randomBytes(1_000_000, seed: 2))
        file = try await sender.publish("film", "0:0:1")
    }

    private func stop(_ nodes: TestNode...) async {
        for node in nodes { await node.node.stop() }
        await sender.node.stop()
    }

    @Test
    func `recv refuses the second under another file name, and cancelling that one does the first no harm`()
        async throws
    {
        server.state.withLock { $0.rate = 100_000 }
        let receiver = try await TestNode.start(.receiver, server: server)
        let bytes = try #require(await sender.node.taskFile(named: file))
        let base = receiver.place.path + "/data/receiver"
        _ = await receiver.call("recv", ["taskfile": .string(try await receiver.take(file, from: sender))])
        try await until("the first downloads") { receiver.place.names("data/receiver/downloading") == [file] }
        try receiver.place.write("data/receiver/tmp/again.task.json", bytes)
        let again: JSONObject = ["taskfile": .string(base + "/tmp/again.task.json"), "reactive": "true"]
        #expect(
            await receiver.call("recv", again)
                == .failure("same taskfile in downloading:\(base)/downloading/\(file)"))
        // What was refused is still where it was; dropped into the queue it is refused too, and fails.
        #expect(receiver.place.exists("data/receiver/tmp/again.task.json"))
        try receiver.place.write("data/receiver/queues/dropped.task.json", bytes)
        try await until("the dropped one failed") {
            receiver.place.names("data/receiver/failed") == ["dropped.task.json", "dropped.task.json.bterr"]
        }
        let reason = receiver.place.read("data/receiver/failed/dropped.task.json.bterr").map {
            String(decoding: $0, as: UTF8.self)
        }
        #expect(reason == "same taskfile in downloading:\(base)/downloading/\(file)\n")
        #expect(await receiver.call("cancel", ["taskfile": "dropped.task.json"]).succeeded)
        #expect(receiver.place.exists("data/transfer/cfec-001/.film.work/full.torrent"))
        server.state.withLock { $0.rate = nil }
        try await receiver.reaches("downloaded", file)
        #expect(receiver.place.read("dcp/film/a.mxf") == randomBytes(1_000_000, seed: 1))
        // Delivered before: the other name is the same content again, and takes its place.
        #expect(await receiver.call("recv", again).text == ReplyText.downloadedAndAllLocal)
        try await receiver.reaches("downloaded", "again.task.json")
        #expect(receiver.place.names("data/receiver/downloaded") == ["again.task.json"])
        #expect(receiver.place.read("dcp/film/b.mxf") == randomBytes(1_000_000, seed: 2))
        await stop(receiver)
    }

    @Test
    func `Of two that an earlier version left side by side, the second fails at the start, and says why`() async throws
    {
        server.state.withLock { $0.rate = 300_000 }
        let place = try TemporaryDirectory()
        let bytes = try #require(await sender.node.taskFile(named: file))
        for name in ["one.task.json", "two.task.json"] { try place.write("data/receiver/downloading/\(name)", bytes) }
        let receiver = try await TestNode.start(.receiver, in: place, server: server)
        try await until("one failed") {
            receiver.place.names("data/receiver/failed").count == 2
                && receiver.place.names("data/receiver/downloading").count == 1
        }
        let failed = try #require(place.names("data/receiver/failed").first)
        let left = try #require(place.names("data/receiver/downloading").first)
        #expect(
            place.read("data/receiver/failed/\(failed).bterr").map { String(decoding: $0, as: UTF8.self) }
                == "same taskfile in downloading:\(place.path)/data/receiver/downloading/\(left)\n")
        server.state.withLock { $0.rate = nil }
        try await receiver.reaches("downloaded", left)
        await stop(receiver)
    }

    @Test
    func `send and sends refuse the second while the first is uploaded, in their own words`() async throws {
        let place = try TemporaryDirectory()
        let slow = try await TestNode.start(.sender, in: place, server: server) {
            $0.baseSubdirectory = try? TaskSubdirectory("cfec-001")
        }
        let base = place.path
        try place.write("dcp/cfec-001/dcps/film/a.mxf", randomBytes(2_000_000, seed: 3))
        server.state.withLock { $0.refused["/cfec-001"] = 503 }
        let parameters: JSONObject = [
            "dcppath": .string(base + "/dcp/cfec-001/dcps/film"),
            "taskfile": .string(base + "/data/sender/tmp/one.task.json"),
            "basesubdir": "cfec-001", "btobscdn": "0:1:0", "policy": "fulltime",
        ]
        _ = await slow.call("gentask", parameters)
        try await until("made") { await slow.call("taskfilesquery", parameters).content["status"] == "finished" }
        let made = try #require(place.read("data/sender/tmp/one.task.json"))
        #expect(await slow.call("send", ["taskfile": parameters["taskfile"] ?? ""]).succeeded)
        try await until("uploading") { place.names("data/sender/uploading") == ["one.task.json"] }
        let path = base + "/data/sender/uploading/one.task.json"
        try place.write("data/sender/tmp/two.task.json", made)
        #expect(
            await slow.call("send", ["taskfile": .string(base + "/data/sender/tmp/two.task.json")])
                == .failure("same taskfile in uploading:\(path)"))
        var other = parameters
        other["taskfile"] = .string(base + "/data/sender/tmp/three.task.json")
        #expect(await slow.call("sends", other) == .failure("same task in uploading:\(path)"))
        try place.write("data/sender/queues/four.task.json", made)
        try await until("the dropped one failed") { place.exists("data/sender/failed/four.task.json") }
        #expect(place.names("data/sender/uploading") == ["one.task.json"])
        await stop(slow)
    }

    @Test
    func `A node that is stopped while a cancel waits for another task's copy ends both`() async throws {
        server.state.withLock { $0.rate = 100_000 }
        let receiver = try await TestNode.start(.receiver, server: server)
        _ = await receiver.call("recv", ["taskfile": .string(try await receiver.take(file, from: sender))])
        try await until("the task downloads") { await receiver.node.receivers[file] != nil }
        let runner = try #require(await receiver.node.receivers[file]).runner
        var other = try TaskFile.parse(try #require(await sender.node.taskFile(named: file)))
        other.name = "other"
        try receiver.place.write("data/receiver/failed/other.task.json", other.encode())
        let (turns, places) = (await receiver.node.publications, await receiver.node.context.places)
        let final = try #require(places.job(other).publication).final
        let holding = AsyncStream<Void>.makeStream()
        // As a copy does, it ends when its task is stopped.
        let copying = Task {
            await turns.run(final) {
                holding.continuation.finish()
                try? await until("the task's stop", seconds: 600) { await runner.isStopped }
            }
        }
        for await _ in holding.stream {}
        let cancelling = Task { await receiver.call("cancel", ["taskfile": "other.task.json"]) }
        try await until("the cancel waits") { !receiver.place.exists("data/receiver/failed/other.task.json") }
        await receiver.node.stop()
        #expect(await cancelling.value.succeeded)
        await copying.value
        await sender.node.stop()
    }
}
