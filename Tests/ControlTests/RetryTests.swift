import Fleet
import FleetLink
import FleetStore
import JSON
import Testing

@testable import Control

@Suite struct `A job that has ended` {
    private func actions(_ reply: SyncReply) -> [String] {
        reply.commands.map { command in
            switch command.action {
            case .offer: "offer \(command.attempt)"
            case .resume: "resume"
            case .end: "end"
            default: "\(command.action)"
            }
        }
    }

    @Test func `begins again when an operator retries it, at its sender too`() async throws {
        try await TestAPI.using { api in
            let bench = api.bench
            try await bench.defineRelease(["expires": "10m"])
            let (build, web) = (try await bench.agent("build"), try await bench.agent("web-1"))
            let job = try await build.startJob()
            try await web.sync()
            let failed = try await web.sync([(job, .failed(code: "hook_exit_1", again: false))])
            #expect(try await bench.job(job).state == .failed)
            #expect(actions(failed) == ["end"])
            #expect(actions(try await build.sync()) == ["end"])
            for agent in [build, web] { try await agent.sync() }
            // Longer than the job's time, and long after memory has let go of it.
            await bench.pass(1200, by: 600)
            for agent in [build, web] { try await agent.sync() }
            #expect(bench.core.jobs.lead(job) == nil)

            #expect(try await api.post("/v1/jobs/\(job)/retry").status == 200)
            await bench.core.tick()
            let record = try await bench.job(job)
            #expect(record.state == .running && record.ended == nil)
            #expect(record.expires == bench.clock.now + 600)
            #expect(actions(try await build.sync()) == ["resume"])
            #expect(actions(try await web.sync()) == ["offer 2"])
            await bench.pass(5)
            #expect(try await bench.states(of: job) == ["web-1": "waiting(offer)"])
            #expect(actions(try await web.sync([(job, .done)], attempt: 2)) == ["end"])
            #expect(actions(try await build.sync()) == ["end"])
            #expect(try await bench.job(job).state == .done)
            #expect(try await api.post("/v1/jobs/\(job)/retry").status == 409)
        }
    }

    @Test func `ends once more where the node that failed was removed since`() async throws {
        try await TestAPI.using { api in
            let bench = api.bench
            try await bench.defineRelease()
            let (build, web) = (try await bench.agent("build"), try await bench.agent("web-1"))
            let job = try await build.startJob()
            try await web.sync()
            try await web.sync([(job, .failed(code: "x", again: false))])
            #expect(try await bench.job(job).state == .failed)
            let outcome = try await bench.core.store.change(web.id, by: bench.act, "node.revoke") {
                $0.state = .revoked
                return nil
            }
            await bench.core.nodeChanges.take(try #require(outcome.value))
            #expect(try await api.post("/v1/jobs/\(job)/retry").status == 200)
            #expect(try await bench.job(job).state == .failed)
            #expect(try await bench.states(of: job) == ["web-1": "failed(removed)"])
        }
    }

    @Test func `begins again at the other controls of its database`() async throws {
        let bench = try await ControlBench()
        let other = try await ControlBench(beside: bench)
        try await bench.defineRelease()
        let (build, web) = (try await bench.agent("build"), try await bench.agent("web-1"))
        let job = try await build.startJob()
        try await web.sync()
        try await web.sync([(job, .failed(code: "x", again: false))])
        await other.core.tick()
        build.goes(to: other)
        try await build.sync(facts: true)
        let record = try await bench.job(job)
        let settings = try await bench.core.classes.version(of: record).settings
        let (lead, now) = (bench.core.loader.lead(job, settings), bench.clock.now)
        _ = try await lead.refresh()
        _ = try await lead.move(by: bench.act, "job.retry") { machine, _ in .go(machine.retry(at: now)) }
        bench.clock.pass(1)
        await other.core.tick()
        #expect(actions(try await build.sync()).contains("resume"))
    }
}
