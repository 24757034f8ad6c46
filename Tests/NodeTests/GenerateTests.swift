import BFT
import JSON
import Node
import TestSupport
import Testing

@Suite(.serialized, .timeLimit(.minutes(2)))
struct `Many contents at once` {
    private func fill(_ sender: TestNode, _ count: Int) throws -> [JSONObject] {
        try (0..<count).map { number in
            let path = "dcp/cfec-001/dcps/film\(number)"
            try sender.place.write("\(path)/a.mxf", randomBytes(4_000_000, seed: UInt64(number)))
            return [
                "dcppath": .string("\(sender.place.path)/\(path)"), "basesubdir": "cfec-001", "btobscdn": "1:0:0",
                "taskfile": .string("\(sender.place.path)/data/sender/tmp/cfec-001-film\(number).task.json"),
                "policy": "fulltime",
            ]
        }
    }

    /// More than are read at a time.
    @Test func `are all made, those that wait for their turn too`() async throws {
        let sender = try await TestNode.start(.sender, server: try TestServer())
        let wanted = try fill(sender, 7)
        for parameters in wanted {
            #expect(await sender.call("gentask", parameters).text.hasPrefix("please wait until"))
        }
        for (number, parameters) in wanted.enumerated() {
            try await until("made") {
                await sender.call("taskfilesquery", parameters).content["status"] == "finished"
            }
            let bytes = try #require(sender.place.read("data/sender/tmp/cfec-001-film\(number).task.json"))
            #expect(try TaskFile.parse(bytes).totalSize == 4_000_000)
        }
        await sender.node.stop()
    }

    @Test func `end with their node, those that wait for their turn too`() async throws {
        let sender = try await TestNode.start(.sender, server: try TestServer())
        for parameters in try fill(sender, 7) {
            #expect(await sender.call("gentask", parameters).text.hasPrefix("please wait until"))
        }
        await sender.node.stop()
    }
}
