import Delivery
import Foundation
import Testing

@testable import Node

/// Whole deliveries: a sender, a receiver and whatever is between them, in one process.
@Suite("Deliveries", .serialized, .timeLimit(.minutes(3)))
struct DeliveryTests {
    let server: TestServer
    let sender: TestNode

    init() async throws {
        server = try TestServer()
        sender = try await TestNode.start(.sender, server: server)
        server.state.withLock { [sender] in $0.root = sender.configuration.baseDataPath }
    }

    private static let files: [(String, [UInt8])] = [
        ("ASSETMAP.xml", content(1_466, seed: 1)), ("audio/track.mxf", content(900_001, seed: 2)),
        ("video.mxf", content(3_000_000, seed: 3)), ("VOLINDEX", content(155, seed: 4)), ("empty.txt", []),
        ("pkl.xml", content(700_000, seed: 5)),
    ]

    private func makeContent(_ name: String = "film") throws {
        for (file, bytes) in Self.files { try sender.place.write("dcp/cfec-001/dcps/\(name)/\(file)", bytes) }
    }

    private func expectContent(_ place: TemporaryDirectory, at path: String) {
        for (file, bytes) in Self.files { #expect(place.read("\(path)/\(file)") == bytes, "\(file)") }
    }

    @Test(
        "Content arrives whole and verified by any mix of methods",
        arguments: ["1:0:0", "0:1:0", "0:0:1", "1:1:1", "2:1:0", "0:1:1"])
    func delivery(shares: String) async throws {
        try makeContent()
        let file = try await sender.publish("film", shares)
        let receiver = try await TestNode.start(.receiver, server: server)
        let path = try await receiver.take(file, from: sender)
        let reply = await receiver.call("recv", ["taskfile": .string(path)])
        #expect(reply == .success(ReplyText.succeed))
        do {
            try await until("downloaded") { await receiver.status(file) == "downloaded" }
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
        await receiver.node.stop()
        await sender.node.stop()
    }
}
