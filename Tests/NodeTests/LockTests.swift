import BFT
import Node
import TestSupport
import Testing

@Suite(.serialized, .timeLimit(.minutes(1)))
struct `A directory of data` {
    @Test func `is one node's at a time; a second one says so, and touches nothing`() async throws {
        let server = try TestServer()
        let place = try TemporaryDirectory()
        let first = try await TestNode.start(.receiver, in: place, server: server)
        let record = place.read("data/.running")
        let problem = await #expect(throws: NodeDirectoryError.self) {
            _ = try await TestNode.start(.receiver, in: place, server: server)
        }
        #expect(problem?.isTaken == true)
        #expect(problem?.description == "another node works on \(place.path)/data")
        #expect(problem?.advice.contains("datapath") == true)
        #expect(place.read("data/.running") == record)
        await first.node.stop()
        let next = try await TestNode.start(.receiver, in: place, server: server)
        await next.node.stop()
    }

    @Test func `is free again after a stop, also one in the middle of the start`() async throws {
        let server = try TestServer()
        let place = try TemporaryDirectory()
        for _ in 0..<10 {
            let stopped = try await TestNode.start(.receiver, in: place, server: server, isStopped: true)
            let next = try await TestNode.start(.receiver, in: place, server: server)
            await next.node.stop()
            withExtendedLifetime(stopped) {}
        }
    }
}
