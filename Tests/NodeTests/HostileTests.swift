import BFT
import Foundation
import JSON
import Node
import TestSupport
import Testing

/// Sources that lie, task files that are half written, clocks that are set: what whole nodes make of them.
@Suite("Hostile surroundings", .serialized, .timeLimit(.minutes(2)))
struct HostileTests {
    let server: TestServer
    let sender: TestNode

    init() async throws {
        server = try TestServer()
        sender = try await TestNode.start(.sender, server: server)
        server.state.withLock { [sender] in $0.root = sender.configuration.baseDataPath }
    }

    private static let sizes = [400_000, 500_001, 600_000, 300_000]

    private func makeContent(_ seed: UInt64 = 1) throws {
        for (index, size) in Self.sizes.enumerated() {
            try sender.place.write(
                "dcp/cfec-001/dcps/film/reel\(index).mxf", randomBytes(size, seed: seed &* 10 &+ UInt64(index)))
        }
    }

    private func expectContent(_ receiver: TestNode, _ seed: UInt64 = 1) {
        for (index, size) in Self.sizes.enumerated() {
            #expect(
                receiver.place.read("dcp/film/reel\(index).mxf") == randomBytes(size, seed: seed &* 10 &+ UInt64(index))
            )
        }
    }

    @Test
    func `Content that changed at its sender after the task was made comes from where it is right still`() async throws
    {
        try makeContent()
        let file = try await sender.publish("film", "0:1:1")
        let task = try TaskFile.parse(try #require(await sender.node.taskFile(named: file)))
        // What the CDN is to bring is other bytes of the same length now.
        for entry in task.fileList where task.lists.cdn.contains(entry.path) {
            try sender.place.write("dcp/cfec-001/dcps/film/\(entry.file)", randomBytes(Int(entry.size), seed: 999))
        }
        let receiver = try await TestNode.start(.receiver, server: server)
        _ = await receiver.call("recv", ["taskfile": .string(try await receiver.take(file, from: sender))])
        try await until("downloaded", seconds: 60) { await receiver.status(file) == "downloaded" }
        expectContent(receiver)
        await receiver.node.stop()
        await sender.node.stop()
    }

    @Test
    func `Content that is wrong wherever it is asked for is never shown`() async throws {
        try makeContent()
        let file = try await sender.publish("film", "0:0:1")
        try makeContent(7)
        let receiver = try await TestNode.start(.receiver, server: server)
        _ = await receiver.call("recv", ["taskfile": .string(try await receiver.take(file, from: sender))])
        try await until("trouble is told") {
            let content = await receiver.call("progress", ["taskfile": .string(file)]).content
            return content["downerror"]?.stringValue?.isEmpty == false
        }
        #expect(await receiver.status(file) != "downloaded")
        #expect(!receiver.place.exists("dcp/film"))
        #expect(!receiver.place.exists("dcp/film.finished"))
        await receiver.node.stop()
        await sender.node.stop()
    }

    @Test
    func `A task file that is still being written into the queue is taken up when it is whole`() async throws {
        try makeContent()
        let file = try await sender.publish("film", "0:0:1")
        let bytes = try #require(await sender.node.taskFile(named: file))
        // The age of a file counts, so that the clock is that of the file system.
        let clock = TestClock()
        let receiver = try await TestNode.start(.receiver, server: server, clock: clock)
        let path = "\(receiver.place.path)/data/receiver/queues/\(file)"
        try receiver.place.write("data/receiver/queues/\(file)", Array(bytes.prefix(bytes.count / 2)))
        // Several looks at the queue later it is as it was.
        try await clock.everybodyLooks(times: 8)
        #expect(receiver.place.names("data/receiver/failed").isEmpty)
        let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
        try handle.seekToEnd()
        try handle.write(contentsOf: Data(bytes.suffix(from: bytes.count / 2)))
        try handle.close()
        try await receiver.reaches("downloaded", file)
        expectContent(receiver)
        await receiver.node.stop()
        await sender.node.stop()
    }

    @Test
    func `A clock that is set back an hour, or forward, ends no delivery and no service early`() async throws {
        try makeContent()
        let clock = TestClock(minuteOfDay: 12 * 60)
        let file = try await sender.publish("film", "1:0:1", seedTime: "2h")
        server.state.withLock { $0.rate = 300_000 }
        let receiver = try await TestNode.start(.receiver, server: server, clock: clock)
        _ = await receiver.call("recv", ["taskfile": .string(try await receiver.take(file, from: sender))])
        try await until("downloading") { await receiver.status(file) == "downloading" }
        clock.setWall(minutes: -60)
        try await clock.everybodyLooks()
        clock.setWall(minutes: 90)
        try await receiver.reaches("downloaded", file)
        expectContent(receiver)
        // It is served for its two hours by the wall; set back, for longer.
        clock.setWall(minutes: -60)
        try await clock.everybodyLooks()
        #expect(await receiver.status(file) == "downloaded")
        clock.forward(minutes: 60 + 121)
        try await until("history") { await receiver.status(file) == "history" }
        await receiver.node.stop()
        await sender.node.stop()
    }

    @Test
    func `A store that only fails holds up nothing but its own part, and is used when it is well`() async throws {
        let clock = TestClock(minuteOfDay: 12 * 60)
        let sender = try await TestNode.start(
            .sender, in: sender.place, server: server, tunables: .shipped, clock: clock
        ) { $0.dataPath += "2" }
        await self.sender.node.stop()
        try makeContent()
        server.state.withLock { $0.refused["/cfec-001"] = 500 }
        let file = try await sender.publishUnready("film", "1:1:0")
        try await until("it is served and says so") {
            let content = await sender.call("uploadprogress", ["taskfile": .string(file)]).content
            return content["btstatus"] == "seeding" && content["status"] == "uploading"
        }
        server.state.withLock { $0.refused = [:] }
        // Minutes may lie between two attempts.
        try await clock.forward(seconds: 5, until: "ready") {
            await sender.call("uploadprogress", ["taskfile": .string(file)]).content["status"] == "ready"
        }
        await sender.node.stop()
    }
}

extension TestNode {
    /// gentask and send, without waiting for what may never come.
    fileprivate func publishUnready(_ name: String, _ shares: String) async throws -> String {
        let file = "cfec-001-\(name).task.json"
        let parameters: JSONObject = [
            "dcppath": .string("\(place.path)/dcp/cfec-001/dcps/\(name)"),
            "taskfile": .string("\(configuration.dataPath)/sender/tmp/\(file)"), "basesubdir": "cfec-001",
            "btobscdn": .string(shares), "policy": "fulltime",
        ]
        _ = await call("gentask", parameters)
        try await until("made") { await call("taskfilesquery", parameters).content["status"] == "finished" }
        #expect(await call("send", ["taskfile": parameters["taskfile"] ?? ""]).succeeded)
        return file
    }
}
