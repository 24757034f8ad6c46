import Fleet
import FleetLink
import FleetStore
import Hashing
import Testing

@testable import Control

/// What was decided a moment ago, and is otherwise meanwhile.
@Suite("News that comes late")
struct LateNewsTests {
    private func record(_ state: NodeState, revision: Int64) -> NodeRecord {
        let facts = HostFacts(name: "web-1")
        var record = NodeRecord(
            id: NodeID(publicKey: [1]), name: "web-1", state: state, publicKey: [1], facts: facts, joined: 0)
        record.revision = revision
        return record
    }

    @Test func `an earlier change of a node that is heard later changes nothing`() {
        var roster = Roster()
        roster.put(record(.active, revision: 1))
        let drained = record(.drained, revision: 3)
        let before = roster.take(drained)
        #expect(before?.state == .active)
        let late = record(.active, revision: 2)
        let stale = roster.take(late)
        #expect(stale == nil)
        #expect(roster[late.id]?.record.state == .drained)
        let isTaken = roster.put(late)
        #expect(!isTaken)
        #expect(roster[late.id]?.record.state == .drained)
    }

    @Test func `a host that was approved at another control is not forgotten for being overdue`() async throws {
        let first = try await ControlBench()
        let agent = TestAgent("web-1", of: first, policy: .everything)
        try await agent.join(try await first.token(approve: true))
        let second = try await ControlBench(beside: first)
        first.clock.pass(90_000)
        let outcome = try await second.core.store.change(agent.id, by: second.act, "node.activate") { node in
            node.state = .active
            node.pendingUntil = nil
            return nil
        }
        await second.core.nodeChanges.take(try #require(outcome.value))
        #expect(first.core.nodes.state(of: agent.id) == .pending, "it has not heard of that yet")
        await first.core.presence.forgetOverdue(first.clock.now)
        #expect(try await first.core.store.node(agent.id)?.state == .active)
        #expect(first.core.nodes.state(of: agent.id) != nil)
    }

    @Test func `a host that nobody approved in time is forgotten`() async throws {
        let bench = try await ControlBench()
        let agent = TestAgent("web-1", of: bench, policy: .everything)
        try await agent.join(try await bench.token(approve: true))
        bench.clock.pass(90_000)
        await bench.core.presence.forgetOverdue(bench.clock.now)
        #expect(try await bench.core.store.node(agent.id) == nil)
        #expect(bench.core.nodes.state(of: agent.id) == nil)
    }

    @Test func `a command that is told again while it is found to be void stays`() {
        var outbox = Outbox()
        let order = PendingCommand.switches(job: "j", attempt: 1, at: nil)
        #expect(outbox.add(order) == true)
        let judged = outbox.repetitions
        // The job goes on in the meantime.
        #expect(outbox.add(order) == false)
        outbox.drop([order], judgedAt: judged)
        #expect(outbox.commands == [order])
        outbox.drop([order], judgedAt: outbox.repetitions)
        #expect(outbox.commands.isEmpty)
    }
}
