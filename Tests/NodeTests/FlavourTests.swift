import BFT
import Foundation
import JSON
import Jobs
import Node
import Policy
import TestSupport
import Testing

/// Deliveries of every kind of content, torrent, store and machine that the configuration knows.
@Suite("Kinds of deliveries", .serialized, .timeLimit(.minutes(2)))
struct FlavourTests {
    let server = try? TestServer()

    private func started(
        _ role: NodeRole, _ change: (inout NodeConfiguration) -> Void = { _ in }
    ) async throws -> (server: TestServer, node: TestNode) {
        let server = try #require(server)
        let node = try await TestNode.start(role, server: server, change)
        if role == .sender { server.state.withLock { $0.root = node.configuration.baseDataPath } }
        return (server, node)
    }

    private func deliver(_ file: String, from sender: TestNode, to receiver: TestNode) async throws {
        let path = try await receiver.take(file, from: sender)
        let reply = await receiver.call("recv", ["taskfile": .string(path)])
        #expect(reply.succeeded, "\(reply.text)")
        do {
            try await until("downloaded") { ["downloaded", "history"].contains(await receiver.status(file)) }
        } catch {
            Issue.record("\(await receiver.call("progress", ["taskfile": .string(file)]).content.members)")
            throw error
        }
    }

    @Test(arguments: ["1:0:0", "0:1:0", "0:0:1"])
    func `A single file is a task too, by each method`(shares: String) async throws {
        let (_, sender) = try await started(.sender)
        let bytes = randomBytes(1_300_001, seed: 3)
        try sender.place.write("dcp/cfec-001/dcps/trailer.mxf", bytes)
        let file = try await sender.publish("trailer.mxf", shares)
        let task = try TaskFile.parse(try #require(await sender.node.taskFile(named: file)))
        #expect(task.type == .file)
        let (_, receiver) = try await started(.receiver)
        try await deliver(file, from: sender, to: receiver)
        #expect(receiver.place.read("dcp/trailer.mxf") == bytes)
        #expect(receiver.place.exists("dcp/trailer.mxf.finished"))
        await receiver.node.stop()
        await sender.node.stop()
    }

    private static let files = [("a.mxf", 400_000), ("sub/b.mxf", 500_001), ("c.xml", 900)]

    private func makeFilm(_ node: TestNode, subdirectory: String = "cfec-001", seed: UInt64 = 1) throws {
        for (index, (name, size)) in Self.files.enumerated() {
            let bytes = randomBytes(size, seed: seed * 10 + UInt64(index))
            try node.place.write("dcp/\(subdirectory)/dcps/film/\(name)", bytes)
        }
    }

    private func expectFilm(_ place: TemporaryDirectory, _ path: String, seed: UInt64 = 1) {
        for (index, (name, size)) in Self.files.enumerated() {
            #expect(place.read("\(path)/\(name)") == randomBytes(size, seed: seed * 10 + UInt64(index)), "\(name)")
        }
        #expect(place.exists("\(path).finished"))
    }

    @Test(arguments: ["1:0:0", "1:1:1"])
    func `Hybrid torrents and plan B`(shares: String) async throws {
        let (_, sender) = try await started(.sender) { $0.torrentFormat = .hybrid }
        try makeFilm(sender)
        let file = try await sender.publish("film", shares)
        let (_, receiver) = try await started(.receiver) { $0.receiverStorePlan = .b }
        try await deliver(file, from: sender, to: receiver)
        expectFilm(receiver.place, "dcp/cfec-001/dcps/film")
        await receiver.node.stop()
        await sender.node.stop()
    }

    @Test
    func `With a seed time of 0 a task ends as soon as it is published, and can still be asked for`() async throws {
        let (_, sender) = try await started(.sender)
        try makeFilm(sender)
        let file = try await sender.publish("film", "1:0:1")
        let (_, receiver) = try await started(.receiver)
        var task = try TaskFile.parse(try #require(await sender.node.taskFile(named: file)))
        task.bt.seedTime = SeedTime("0")
        try receiver.place.write("data/receiver/tmp/\(file)", task.encode())
        let path = "\(receiver.place.path)/data/receiver/tmp/\(file)"
        #expect(await receiver.call("recv", ["taskfile": .string(path)]).succeeded)
        try await until("history") { await receiver.status(file) == "history" }
        expectFilm(receiver.place, "dcp/film")
        let progress = await receiver.call("progress", ["taskfile": .string(file)]).content
        #expect(progress["totalpercent"] == "100.000%")
        #expect(progress["btstatus"] == "noseeding")
        #expect(receiver.place.names("data/transfer/cfec-001").isEmpty)
        await receiver.node.stop()
        await sender.node.stop()
    }

    @Test
    func `One NAME of two centres: fetched side by side, published one after the other`() async throws {
        let (_, sender) = try await started(.sender)
        try makeFilm(sender)
        try makeFilm(sender, subdirectory: "cfec-002")
        let first = try await sender.publish("film", "1:0:1")
        let second = try await sender.publish("film", "1:0:1", subdirectory: "cfec-002")
        let (_, receiver) = try await started(.receiver) { $0.avoidsRepeat = false }
        for file in [first, second] {
            let path = try await receiver.take(file, from: sender)
            #expect(await receiver.call("recv", ["taskfile": .string(path)]).succeeded)
        }
        for file in [first, second] {
            try await receiver.reaches("downloaded", file)
        }
        expectFilm(receiver.place, "dcp/film")
        await receiver.node.stop()
        await sender.node.stop()
    }

    @Test
    func `A send whose source is the bucket fetches first what is not here`() async throws {
        let (server, sender) = try await started(.sender)
        try makeFilm(sender)
        let bytes = randomBytes(500_001, seed: 11)
        server.state.withLock { state in
            for (index, (name, size)) in Self.files.enumerated() {
                state.objects["cfec-001/dcps/film/\(name)"] = randomBytes(size, seed: 10 + UInt64(index))
            }
        }
        let parameters: JSONObject = [
            "dcppath": .string(sender.place.path + "/dcp/cfec-001/dcps/film"),
            "taskfile": .string(sender.place.path + "/data/sender/tmp/cfec-001-film.task.json"),
            "basesubdir": "cfec-001", "btobscdn": "1:1:0", "policy": "fulltime", "datasource": "obs",
        ]
        #expect(await sender.call("gentask", parameters).succeeded)
        try await until("made") { await sender.call("taskfilesquery", parameters).content["status"] == "finished" }
        // A file of it is not here.
        try FileManager.default.removeItem(atPath: sender.place.path + "/dcp/cfec-001/dcps/film/sub/b.mxf")
        let sent = await sender.call("send", ["taskfile": parameters["taskfile"] ?? ""])
        #expect(sent.succeeded, "\(sent.text)")
        try await until("ready") {
            await sender.call("uploadprogress", ["taskfile": "cfec-001-film.task.json"]).content["status"] == "ready"
        }
        #expect(sender.place.read("dcp/cfec-001/dcps/film/sub/b.mxf") == bytes)
        await sender.node.stop()
    }

    @Test
    func `On mounted buckets nothing is uploaded, and content appears with its marker`() async throws {
        let (server, sender) = try await started(.sender) { $0.machineType = .hwecs }
        try makeFilm(sender)
        // The bucket that is mounted here is the store's.
        server.state.withLock { state in
            for (index, (name, size)) in Self.files.enumerated() {
                state.objects["cfec-001/dcps/film/\(name)"] = randomBytes(size, seed: 10 + UInt64(index))
            }
        }
        let file = try await sender.publish("film", "1:1:1")
        let (_, receiver) = try await started(.receiver) { $0.machineType = .hwecs }
        try await deliver(file, from: sender, to: receiver)
        expectFilm(receiver.place, "dcp/film")
        await receiver.node.stop()
        await sender.node.stop()
    }

    @Test
    func `Where DATA lies on another file system, content gathers below BASE`() async throws {
        let (_, sender) = try await started(.sender)
        try makeFilm(sender)
        let file = try await sender.publish("film", "1:1:1")
        let other = "/dev/shm/swoop-node-\(getpid())"
        try FileManager.default.createDirectory(atPath: other, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: other) }
        let (server, receiver) = try await started(.receiver) {
            $0.dataPath = other
            $0.taskRoots.append(other)
        }
        try #require(
            !PathFiles.areOnOneDevice(other, receiver.place.path), "/dev/shm and /tmp are one file system here")
        server.state.withLock { $0.rate = 400_000 }
        let path = "\(other)/receiver/tmp/\(file)"
        try Data(try #require(await sender.node.taskFile(named: file))).write(to: URL(fileURLWithPath: path))
        #expect(await receiver.call("recv", ["taskfile": .string(path)]).succeeded)
        try await until("gathering") { receiver.place.exists("dcp/.swoop") }
        server.state.withLock { $0.rate = nil }
        try await receiver.reaches("downloaded", file)
        expectFilm(receiver.place, "dcp/film")
        await receiver.node.stop()
        await sender.node.stop()
    }

    @Test
    func `With rebalance idle, what has finished its share takes over files of what is slower, where it costs nothing`()
        async throws
    {
        let (server, sender) = try await started(.sender)
        for index in 0..<12 {
            try sender.place.write("dcp/cfec-001/dcps/film/reel\(index).mxf", randomBytes(400_000, seed: UInt64(index)))
        }
        let file = try await sender.publish("film", "0:1:1")
        var task = try TaskFile.parse(try #require(await sender.node.taskFile(named: file)))
        task.rebalance = .idle
        task.payable = [.obs]
        let (_, receiver) = try await started(.receiver) { $0.rateLimits.cdn = 300_000 }
        try receiver.place.write("data/receiver/tmp/\(file)", task.encode())
        let sent = server.sent("store")
        let path = "\(receiver.place.path)/data/receiver/tmp/\(file)"
        #expect(await receiver.call("recv", ["taskfile": .string(path)]).succeeded)
        try await receiver.reaches("downloaded", file)
        #expect(server.sent("store") - sent > 6 * 400_000 + 300_000, "the store brought more than its share")
        for index in 0..<12 {
            #expect(receiver.place.read("dcp/film/reel\(index).mxf") == randomBytes(400_000, seed: UInt64(index)))
        }
        await receiver.node.stop()
        await sender.node.stop()
    }
}
