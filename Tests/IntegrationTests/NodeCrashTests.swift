import Foundation
import TestSupport
import Testing
import Text

@Suite("kill -9 of delivery nodes", .timeLimit(.minutes(8)))
struct NodeCrashTests {
    static let kills = 50
    static let films = ["film1", "film2", "film3"]

    @Test
    func `killed at 50 random instants, no node shows content that is not whole, and every task comes to its end`()
        async throws
    {
        let network = try await NodeNetwork()
        let limits = ["btlimit": "2M", "obslimit": "2M", "cdnlimit": "2M"]
        let sender = try await network.node("sender", "sender")
        let cacher = try await network.node("cacher", "cacher", limits)
        let receiver = try await network.node("receiver", "receiver", limits)
        for (seed, film) in Self.films.enumerated() {
            try network.makeContent(film, at: sender, files: 12, bytes: 3 << 20, seed: UInt64(seed + 1))
        }
        for film in Self.films.dropLast() {
            try await network.task(sender, "autosend", film, "1:1:1", "--obs-url", "obs://dcp/dcps/\(film)")
        }
        // The last one is uploaded while nodes are killed.
        try await network.task(sender, "gen", "film3", "1:1:1", "--obs-url", "obs://dcp/dcps/film3", "--wait")
        let third = "cfec-001-film3.task.json"
        try FileManager.default.moveItem(
            atPath: "\(sender.data)/sender/tmp/\(third)", toPath: "\(sender.data)/sender/queues/\(third)")
        var left = Self.films
        func dropWhatIsPublished() throws {
            for film in left where sender.names("sender/uploaded").contains("cfec-001-\(film).task.json") {
                for node in [cacher, receiver] { try network.drop(film, of: sender, into: node) }
                left.removeAll { $0 == film }
            }
        }

        var random = SeededGenerator(seed: 50)
        for _ in 0..<Self.kills {
            try dropWhatIsPublished()
            // The randomness is the point: from before a node's first line to well into its transfers.
            try await Task.sleep(for: .milliseconds(random.below(600)))
            let node = [sender, cacher, receiver, receiver][random.below(4)]
            try await node.kill()
            for film in Self.films { try check(film, network, receiver, sender) }
            #expect(!FileManager.default.fileExists(atPath: cacher.base))
            try node.start()
        }
        try await wait(30, for: "film3 published") {
            try dropWhatIsPublished()
            return left.isEmpty
        }
        for node in [sender, cacher, receiver] { try await node.waitUntilUp() }
        let files = Self.films.map { "cfec-001-\($0).task.json" }
        try await wait(90, for: "every delivery; \(receiver.names("receiver/failed"))") {
            Set(receiver.names("receiver/downloaded")).isSuperset(of: files)
        }
        for film in Self.films {
            #expect(SampleFiles.exists("\(receiver.base)/\(film).finished"))
            #expect(try network.isCopy(film, at: receiver, of: sender), "\(film)")
        }
        // The cacher serves still, and nobody has given up.
        #expect(Set(cacher.names("receiver/downloading")) == Set(files))
        for node in [sender, cacher, receiver] {
            for side in ["sender", "receiver"] {
                let reasons = node.names("\(side)/failed").map { name in
                    (try? String(contentsOfFile: "\(node.data)/\(side)/failed/\(name).bterr", encoding: .utf8)) ?? name
                }
                #expect(reasons.isEmpty, "\(node.name)")
            }
            let end = try await node.program?.stop()
            #expect(end?.status == 0)
        }
    }

    /// Content that can be seen is whole, and a marker never comes before it.
    private func check(
        _ film: String, _ network: NodeNetwork, _ receiver: NodeNetwork.Node, _ sender: NodeNetwork.Node
    ) throws {
        let isThere = SampleFiles.exists("\(receiver.base)/\(film)")
        if SampleFiles.exists("\(receiver.base)/\(film).finished") {
            #expect(isThere, "\(film): marker without content")
        }
        if isThere { #expect(try network.isCopy(film, at: receiver, of: sender), "\(film)") }
    }
}
