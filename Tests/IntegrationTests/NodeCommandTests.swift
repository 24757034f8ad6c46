import Foundation
import TestSupport
import Testing

@Suite("Delivery nodes by their commands", .timeLimit(.minutes(3)))
struct NodeCommandTests {
    @Test
    func `autosend and autorecv deliver over all three methods; the other task commands tell the same story`()
        async throws
    {
        let network = try await NodeNetwork()
        let sender = try await network.node("sender", "sender")
        let receiver = try await network.node("receiver", "receiver")
        let cacher = try await network.node("cacher", "cacher")
        try network.makeContent("film", at: sender, files: 6, bytes: 1 << 20, seed: 1)
        let file = "cfec-001-film.task.json"

        // Step by step on the sender.
        let made = try await network.task(
            sender, "gen", "film", "1:1:1", "fulltime", "cfec-001", "--obs-url", "obs://dcp/dcps/film", "--wait")
        #expect(made.contains { $0["event"] as? String == "reply" && $0["succeeded"] as? Bool == true })
        let query = try await network.task(sender, "query", "film", "cfec-001")
        #expect(content(query)["status"] as? String == "finished")
        try await network.task(sender, "send", "film", "cfec-001", "--wait")
        #expect(content(try await network.task(sender, "uprogress", "film"))["status"] as? String == "ready")
        let listed = try await network.task(sender, "list")
        #expect(
            listed.contains { $0["taskfile"] as? String == file && $0["state"] as? String == "uploaded" }, "\(listed)")

        // The whole flow in one command on the others.
        let came = try await network.task(receiver, "autorecv", "film", "cfec-001", "true", sender.api)
        #expect(content(came)["status"] as? String == "downloaded")
        #expect(try network.isCopy("film", at: receiver, of: sender))
        let progress = content(try await network.task(receiver, "progress", "film", "cfec-001"))
        #expect(progress["totalpercent"] as? String == "100.000%")
        #expect(progress["dcppath"] as? String == receiver.base + "/film")
        try network.drop("film", of: sender, into: cacher)
        try await wait(for: "cacher serving") { cacher.names("receiver/downloading") == [file] }
        let serving = content(try await network.task(cacher, "cprogress", "film", "cfec-001"))
        #expect(serving["status"] as? String == "seeding")

        try await network.task(receiver, "cancel", "film", "cfec-001")
        let gone = try await network.run(
            "task", "progress", "film", "cfec-001", "--node", receiver.api, "--no-follow")
        #expect(gone.status == 4)
        #expect(gone.errors.contains("unknown task, not found task."))
        // What was delivered stays.
        #expect(try network.isCopy("film", at: receiver, of: sender))

        // A second one of the same content, all in one command on both sides.
        try network.makeContent("again", at: sender, files: 6, bytes: 1 << 20, seed: 1)
        try await network.task(sender, "autosend", "again", "1:0:1")
        let second = try await network.task(receiver, "autorecv", "again", "cfec-001", "false", sender.api)
        #expect(content(second)["localsamepercent"] as? String == "100.000%")
        #expect(try network.isCopy("again", at: receiver, of: sender))
        // A cacher stores nothing that could be verified: there it ends when others can fetch from it.
        let cached = try await network.task(cacher, "autorecv", "again", "cfec-001", "true", sender.api)
        #expect(content(cached)["status"] as? String == "seeding")
        for node in [sender, receiver, cacher] {
            let end = try await node.program?.stop()
            #expect(end?.status == 0)
        }
    }

    /// `content` of the last reply.
    private func content(_ events: [[String: Any]]) -> [String: Any] {
        events.last { $0["event"] as? String == "reply" }?["content"] as? [String: Any] ?? [:]
    }

    @Test
    func `The library's commands add, rebuild and check the table, beside a running node`() async throws {
        let network = try await NodeNetwork(store: false)
        let node = try await network.node("receiver", "receiver", ["machinetype": "hwecs"])
        try SampleFiles.file("\(node.base)/film/a.mxf", 300_000, seed: 1)
        try SampleFiles.file("\(node.base)/film/b.mxf", 200_000, seed: 2)
        func library(_ words: String...) async throws -> Program.Ending {
            try await Program(
                [Swoop.path, "library"] + words + ["--config", node.configuration, "--json"], on: network.host
            )
            .ending()
        }
        let added = try await library("add", node.base + "/film")
        #expect(added.status == 0, "\(added)")
        let table = node.base.replacingOccurrences(of: "/dcp", with: "/hashtable.txt")
        func lines() throws -> [String] {
            try String(contentsOfFile: table, encoding: .utf8).split(separator: "\n").map(String.init)
                .filter { !$0.hasPrefix("#") }
        }
        #expect(try lines().count == 2)
        #expect(try await library("check", "--read").status == 0)
        try SampleFiles.damage("\(node.base)/film/b.mxf", at: 5_000)
        let damaged = try await library("check", "--read")
        #expect(damaged.status == 3)
        #expect(Program.events(in: damaged.output).contains { ($0["path"] as? String)?.hasSuffix("b.mxf") == true })
        #expect(try await library("rebuild").status == 0)
        #expect(try await library("check", "--read").status == 0)
        #expect(try lines().count == 2)
        #expect(try await library("add", node.base + "/none").status != 0)
        let end = try await node.program?.stop()
        #expect(end?.status == 0)
    }

    @Test
    func `swoop demo --hybrid delivers by every method, verifies, and leaves nothing behind`() async throws {
        let place = try TemporaryDirectory()
        let content = try SampleFiles.tree(place.path + "/content")
        let parent = try place.directory("tmp")
        let ending = try await Program(
            [Swoop.path, "demo", "--hybrid", content, "--receivers", "2", "--json"], environment: ["TMPDIR": parent]
        ).ending(within: 120)
        #expect(ending.status == 0, "\(ending)")
        let receivers = Program.events(in: ending.output).filter { $0["event"] as? String == "receiver" }
        #expect(receivers.count == 2)
        for receiver in receivers {
            #expect(receiver["verified"] as? Bool == true)
            let parts = ["bt", "obs", "cdn"].map { receiver[$0] as? Int ?? 0 }
            #expect(parts.allSatisfy { $0 > 0 }, "\(parts)")
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: parent).isEmpty)
        #expect(ending.errors.contains("published with shares 1:1:1"))
    }
}
