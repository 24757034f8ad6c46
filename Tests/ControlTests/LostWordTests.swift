import Fleet
import FleetStore
import JSON
import TestSupport
import Testing

@testable import Control

/// What control or a node was to hear, and did not: a lost database, a killed control, a host without power.
@Suite("What was not heard")
struct LostWordTests {
    private func set(_ state: NodeState, of agent: TestAgent, _ bench: ControlBench) async throws {
        let outcome = try await bench.core.store.change(agent.id, by: bench.act, "test") {
            $0.state = state
            return nil
        }
        await bench.core.nodeChanges.take(try #require(outcome.value))
    }

    /// Writes to a table fail until it is there again.
    private func without(_ table: String, in bench: ControlBench, _ body: () async throws -> Void) async throws {
        try await bench.alter("ALTER TABLE \(table) RENAME TO \(table)_gone")
        try await body()
        try await bench.alter("ALTER TABLE \(table)_gone RENAME TO \(table)")
    }

    @Test func `a job's time comes after a write has failed`() async throws {
        let bench = try await ControlBench()
        try await bench.defineRelease()
        let (build, web) = (try await bench.agent("build"), try await bench.agent("web-1"))
        let job = try await build.startJob(at: Timestamp.text(bench.clock.now + 60))
        #expect(try await bench.job(job).state == .planned)
        try await without("targets", in: bench) {
            await bench.core.nodeEvents.report(.drained, of: [web.id])
        }
        for _ in 0..<8 {
            await bench.pass(10)
            try await build.sync()
            try await web.sync()
        }
        #expect(try await bench.job(job).state == .running)
    }

    /// Also where it had only the offer: that is not told again.
    @Test(arguments: [JobMachine.Report.receiving, .waiting(.slot)])
    func `a node that was drained at once goes on with its jobs when it is back`(
        report: JobMachine.Report
    ) async throws {
        let bench = try await ControlBench()
        try await bench.defineRelease()
        let (build, web) = (try await bench.agent("build"), try await bench.agent("web-1"))
        let job = try await build.startJob()
        try await web.sync()
        try await web.sync([(job, .accepted), (job, report)])
        try await set(.drained, of: web, bench)
        await bench.core.nodeEvents.pauseAll(of: web.id)
        #expect(try await web.sync().actions == ["pause"])
        try await set(.active, of: web, bench)
        #expect(try await web.sync().actions == ["resume"])
    }

    @Test func `a node that was away when its job was cancelled hears that, and not only its end`() async throws {
        let first = try await ControlBench()
        try await first.defineRelease()
        let (build, web) = (try await first.agent("build"), try await first.agent("web-1"))
        let job = try await build.startJob()
        try await web.sync()
        try await web.sync([(job, .accepted), (job, .receiving)])
        try await first.order(job) { machine, _ in machine.cancel() }
        // This control has never had the job.
        let second = try await ControlBench(beside: first)
        web.goes(to: second)
        let actions = try await web.sync([(job, .delivered)]).actions
        #expect(actions == ["cancel"])
    }

    @Test func `a node of another control hears that its job goes on, and its end`() async throws {
        let first = try await ControlBench()
        let second = try await ControlBench(beside: first)
        try await first.defineRelease()
        await second.core.changes.follow()
        let (build, web) = (try await first.agent("build"), try await first.agent("web-1"))
        await second.core.changes.follow()
        web.goes(to: second)
        try await web.sync()
        let job = try await build.startJob()
        await second.core.changes.follow()
        try await web.sync()
        try await web.sync([(job, .accepted), (job, .receiving)])
        await first.core.changes.follow()
        try await first.order(job) { machine, _ in machine.pause() }
        await second.core.changes.follow()
        #expect(try await web.sync().actions == ["pause"])
        try await first.order(job) { machine, now in machine.resume(at: now) }
        await second.core.changes.follow()
        #expect(try await web.sync().actions == ["resume"])
        try await first.order(job) { machine, _ in machine.cancel() }
        await second.core.changes.follow()
        #expect(try await web.sync().actions == ["cancel"])
    }

    @Test func `a node that went while control was down is away`() async throws {
        var bench = try await ControlBench()
        try await bench.defineRelease()
        let (build, web) = (try await bench.agent("build"), try await bench.agent("web-1"))
        let job = try await build.startJob()
        try await web.sync()
        try await web.sync([(job, .accepted), (job, .receiving)])
        bench = try await bench.again()
        build.goes(to: bench)
        for _ in 0..<5 {
            await bench.pass(10)
            try await build.sync()
        }
        #expect(try await bench.states(of: job) == ["web-1": "waiting(away)"])
    }

    @Test func `a drained node that comes back is drained, and waited for by no wave`() async throws {
        let bench = try await ControlBench()
        try await bench.defineRelease()
        let (build, web) = (try await bench.agent("build"), try await bench.agent("web-1"))
        try await set(.drained, of: web, bench)
        let job = try await build.startJob()
        for _ in 0..<5 {
            await bench.pass(10)
            try await build.sync()
        }
        #expect(try await web.sync().actions.isEmpty)
        #expect(try await bench.states(of: job) == ["web-1": "waiting(drained)"])
        try await set(.active, of: web, bench)
        #expect(try await web.sync().actions == ["offer", "resume"])
    }

    @Test func `a job whose sender never came back with its content ends`() async throws {
        let bench = try await ControlBench()
        try await bench.defineRelease()
        let build = try await bench.agent("build")
        _ = try await bench.agent("web-1")
        let plan = try await bench.core.agents.plan(
            SendOrder(className: "release", path: "/srv/app"), dryRun: false, by: build.caller)
        await bench.pass(8 * 86_400, by: 3_700)
        let record = try await bench.job(plan.job)
        #expect(record.state == .failed && record.reason?.contains("sender") == true, "\(record)")
    }

    @Test func `a job that is made after the clock was set back is still the later one`() async throws {
        let bench = try await ControlBench()
        let first = bench.core.ids.next()
        // Another control's clock is ahead.
        let ahead = "j" + String(repeating: "f", count: 1) + first.dropFirst(2)
        bench.core.ids.note(ahead)
        let second = bench.core.ids.next()
        #expect(first < ahead && ahead.dropLast(8) < second.dropLast(8))
        #expect(second.dropLast(8) < bench.core.ids.next().dropLast(8))
    }

    private func node(_ number: Int) -> NodeRecord {
        let key = Array("\(number)".utf8)
        return NodeRecord(
            id: NodeID(publicKey: key), name: "n\(number)", state: .active, publicKey: key,
            facts: HostFacts(name: "n\(number)", os: "linux", version: "1", policy: .everything), joined: 0)
    }

    @Test(arguments: [3600.0, -3600]) func `nobody is away since control's clock was set`(by step: Double) {
        var roster = Roster()
        let here = node(1)
        roster.put(here)
        _ = roster.hear(here.id, at: 10_000, clock: 0)
        let now = 10_001 + step
        roster.clockJumped(to: now)
        #expect(roster.findAway(at: now, after: 40) == [])
        #expect(roster[here.id]?.isAway == false)
        // Who says nothing more is away as soon as without it.
        #expect(roster.findAway(at: now + 41, after: 40) == [here.id])
    }

    @Test func `who is with another control has no commands here`() {
        var roster = Roster()
        let host = node(1)
        roster.put(host)
        _ = roster.hear(host.id, at: 100, clock: 0)
        _ = roster.tell(host.id, .end(job: "a"))
        // The other control names it for a while after it has left that.
        roster.hear([host.id], from: "other", at: 110, after: 40)
        _ = roster.tell(host.id, .end(job: "b"), awayAfter: 40)
        #expect(roster[host.id]?.outbox.commands.map(\.id) == ["a.end", "b.end"])
        roster.hear([host.id], from: "other", at: 141, after: 40)
        _ = roster.tell(host.id, .end(job: "b"), awayAfter: 40)
        #expect(roster[host.id]?.outbox.isEmpty == true)
        _ = roster.hear(host.id, at: 150, clock: 0)
        _ = roster.tell(host.id, .end(job: "c"), awayAfter: 40)
        #expect(roster[host.id]?.outbox.commands.map(\.id) == ["c.end"])
    }

    @Test func `all nodes are written in turn, however many there are`() {
        var roster = Roster()
        var written: Set<NodeID> = []
        for number in 0..<50 {
            roster.put(node(number))
        }
        for round in 1...5 {
            let now = Double(round * 10)
            for id in roster.seats.keys { _ = roster.hear(id, at: now, clock: 0) }
            written.formUnion(roster.takeUnwritten(most: 10, at: now).map(\.id))
        }
        #expect(written.count == 50)
    }
}
