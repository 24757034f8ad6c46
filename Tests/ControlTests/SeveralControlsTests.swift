import Fleet
import FleetLink
import FleetStore
import Testing

@testable import Control

@Suite struct `Controls of one database` {
    @Test func `a node that joined at one is known to the other, and its revocation too`() async throws {
        let one = try await ControlBench()
        let two = try await ControlBench(beside: one)
        let agent = try await one.agent("web-1")
        agent.goes(to: two)
        try await agent.sync(facts: true)
        let outcome = try await one.core.store.change(agent.id, by: one.act, "node.revoke") {
            $0.state = .revoked
            return nil
        }
        await one.core.nodeChanges.take(try #require(outcome.value))
        one.clock.pass(1)
        await two.core.tick()
        #expect(await refusal { try await agent.sync() } == "revoked")
    }

    @Test func `a job that one started goes on at the other`() async throws {
        let one = try await ControlBench()
        let two = try await ControlBench(beside: one)
        try await one.defineRelease(["waves": [1, "100%"], "wait": "10s"])
        let build = try await one.agent("build")
        var webs: [TestAgent] = []
        for number in 1...4 { webs.append(try await one.agent("web-\(number)")) }
        // Half of the nodes are with the other control.
        for web in webs.suffix(2) {
            web.goes(to: two)
            try await web.sync(facts: true)
        }
        let job = try await build.startJob()
        await two.core.changes.follow()
        for web in webs {
            #expect(try await web.sync().commands.count == 1)
            try await web.sync([(job, .delivered)])
            await one.core.changes.follow()
            await two.core.changes.follow()
        }
        let machine = try #require(await two.core.jobs.lead(job)?.snapshot?.machine)
        let first = try #require(machine.targets.first { $0.wave == 0 }?.node)
        let switching = try #require(webs.first { $0.id == first })
        try await switching.sync([(job, .switched), (job, .done)])
        // The first control is gone: the other opens the next wave.
        for web in webs {
            web.goes(to: two)
            web.forgetTaken()
        }
        for _ in 0..<15 {
            two.clock.pass(1)
            await two.core.tick()
        }
        for web in webs where web.id != first { try await web.sync([(job, .switched), (job, .done)]) }
        #expect(try await two.job(job).state == .done)
    }

    @Test func `a job that one started reaches nodes that only the other hears of`() async throws {
        let one = try await ControlBench()
        let two = try await ControlBench(beside: one)
        try await one.defineRelease()
        let build = try await one.agent("build")
        await two.core.changes.follow()
        let web = try await two.agent("web-1")
        await one.core.changes.follow()
        #expect(one.core.nodes[web.id]?.isAway == true)
        let job = try await build.startJob()
        #expect(try await one.states(of: job) == ["web-1": "waiting(away)"])
        await two.core.changes.follow()
        #expect(try await web.sync().commands.map(\.job) == [job])
        try await web.sync([(job, .delivered), (job, .switched), (job, .done)])
        #expect(try await one.job(job).state == .done)
    }

    @Test func `a node that is with one is away for none, and when it is gone one of them says so`() async throws {
        let one = try await ControlBench()
        let two = try await ControlBench(beside: one)
        let web = try await one.agent("web-1")
        await two.core.changes.follow()
        func isAway(_ bench: ControlBench) -> Bool? { bench.core.nodes[web.id]?.isAway }
        func pass(_ seconds: Int, syncing: ControlBench?) async throws {
            for second in 0..<seconds {
                one.clock.pass(1)
                if let syncing, second % 8 == 0 {
                    web.goes(to: syncing)
                    try await web.sync()
                }
                await one.core.tick()
                await two.core.tick()
            }
        }
        func notes() async throws -> Int {
            try await one.core.store.changes(after: 0, limit: 1000).count {
                $0.doc["action"]?.stringValue == "node.away"
            }
        }
        try await pass(10, syncing: one)
        #expect(isAway(one) == false && isAway(two) == false)
        // It goes to the other: no longer heard of here, it is not away.
        try await pass(120, syncing: two)
        #expect(isAway(one) == false && isAway(two) == false)
        #expect(try await notes() == 0)
        try await pass(45, syncing: nil)
        #expect(isAway(one) == true && isAway(two) == true)
        #expect(try await notes() == 1)
    }

    @Test func `the nodes of a control that is gone are away for those that live`() async throws {
        let one = try await ControlBench()
        let two = try await ControlBench(beside: one)
        let web = try await one.agent("web-1")
        await one.core.tick()
        await two.core.changes.follow()
        await two.core.tick()
        #expect(two.core.nodes[web.id]?.isAway == false)
        for _ in 0..<60 {
            two.clock.pass(1)
            await two.core.tick()
        }
        #expect(two.core.nodes[web.id]?.isAway == true)
        #expect(
            try await two.core.store.changes(after: 0, limit: 1000).count {
                $0.doc["action"]?.stringValue == "node.away"
            } == 1)
    }

    @Test func `that a job is late is said by another control where one was killed before it said so`() async throws {
        let bench = try await ControlBench()
        try await bench.defineRelease(["deadline": "60s"])
        let (build, web) = (try await bench.agent("build"), try await bench.agent("web-1"))
        let job = try await build.startJob(SampleTorrent.content(of: 1_000_000))
        try await web.sync()
        func notes() async throws -> Int {
            try await bench.core.store.changes(after: 0, limit: 1000).count {
                $0.doc["action"]?.stringValue == "job.late"
            }
        }
        var done: Int64 = 0
        func pass(_ seconds: Int) async throws {
            for _ in 0..<seconds {
                bench.clock.pass(1)
                done += 1000
                let figures = JobFigures(job: job, done: done, total: 1_000_000, down: 1000)
                try await web.sync(done == 1000 ? [(job, .receiving)] : [], figures: [figures])
                await bench.core.tick()
            }
        }
        #expect(
            try await bench.core.store.lease(
                "late \(job) 0.0", for: "c-killed", until: bench.clock.now + 60, at: bench.clock.now))
        try await pass(45)
        #expect(try await notes() == 0)
        try await pass(90)
        #expect(try await notes() == 1)
        // Nobody says it a second time.
        let other = try await ControlBench(beside: bench)
        for _ in 0..<90 {
            bench.clock.pass(1)
            await bench.core.tick()
            await other.core.tick()
        }
        #expect(try await notes() == 1)
    }

    @Test func `a node says of a job, before this control has heard of it, that it goes on`() async throws {
        let one = try await ControlBench()
        let two = try await ControlBench(beside: one)
        try await one.defineRelease()
        let (build, web) = (try await one.agent("build"), try await one.agent("web-1"))
        await two.core.changes.follow()
        let job = try await build.startJob()
        try await web.sync()
        web.goes(to: two)
        let reply = try await web.sync([(job, .receiving), (job, .delivered)])
        #expect(!reply.commands.contains { $0.action == .end })
        #expect(try await one.states(of: job) == ["web-1": "delivered"])
    }

    @Test func `both move one job at the same time, and nothing is lost`() async throws {
        let one = try await ControlBench()
        let two = try await ControlBench(beside: one)
        try await one.defineRelease()
        let build = try await one.agent("build")
        var webs: [TestAgent] = []
        for number in 1...40 {
            let web = try await one.agent("web-\(number)")
            if number % 2 == 0 { web.goes(to: two) }
            webs.append(web)
        }
        await two.core.changes.follow()
        let job = try await build.startJob()
        await two.core.changes.follow()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for web in webs {
                group.addTask { try await web.sync(facts: true, [(job, .delivered), (job, .switched), (job, .done)]) }
            }
            try await group.waitForAll()
        }
        #expect(try await one.job(job).state == .done)
        let rows = try await one.core.store.targets(of: job, after: nil, state: "done", limit: 100)
        #expect(rows.count == 40)
    }
}

@Suite struct `Newer and older jobs` {
    @Test func `a node that has a newer job gets no older one`() async throws {
        let bench = try await ControlBench()
        try await bench.defineRelease()
        let (build, web) = (try await bench.agent("build"), try await bench.agent("web-1"))
        for _ in 0..<4 {
            await bench.pass(10)
            try await build.sync()
        }
        let old = try await build.startJob()
        bench.clock.pass(1)
        await bench.core.tick()
        let new = try await build.startJob()
        #expect(try await bench.states(of: old) == ["web-1": "superseded"])
        #expect(try await bench.job(old).state == .done)
        let offers = try await web.sync().commands.filter { if case .offer = $0.action { true } else { false } }
        #expect(offers.map(\.job) == [new])
    }

    @Test func `what an older job still brings to a node ends when the newer one has switched there`() async throws {
        let bench = try await ControlBench()
        try await bench.defineRelease()
        let (build, web) = (try await bench.agent("build"), try await bench.agent("web-1"))
        let old = try await build.startJob()
        try await web.sync()
        try await web.sync([(old, .receiving)])
        bench.clock.pass(1)
        await bench.core.tick()
        let new = try await build.startJob()
        #expect(try await bench.states(of: old) == ["web-1": "receiving"])
        try await web.sync()
        try await web.sync([(new, .delivered), (new, .switched), (new, .done)])
        #expect(try await bench.states(of: old) == ["web-1": "superseded"])
    }

    @Test func `a node that comes later gets what the last job brought, where the class says so`() async throws {
        let bench = try await ControlBench()
        try await bench.defineRelease(["catchup": "latest"])
        let (build, web) = (try await bench.agent("build"), try await bench.agent("web-1"))
        let job = try await build.startJob()
        try await web.sync()
        try await web.sync([(job, .delivered), (job, .switched), (job, .done)])
        await bench.pass(12)
        #expect(try await bench.core.store.jobs(before: nil, limit: 9).count == 1)
        _ = try await bench.agent("web-2")
        _ = try await build.sync()
        await bench.pass(11)
        let sent = try await build.sync().commands.compactMap { command -> SendOrder? in
            if case .send(let order) = command.action { order } else { nil }
        }
        let order = try #require(sent.first)
        #expect(order.to == [#"name in ("web-2")"#])
        let plan = try await bench.core.agents.plan(order, dryRun: false, by: build.caller)
        #expect(plan.targets == 1)
        // It is the same content, or nothing.
        let other = JobContent(infoHashes: [String(repeating: "0", count: 40)], files: 1, bytes: 5)
        #expect(
            await refusal {
                try await bench.core.agents.key(for: plan.job, KeyRequest(content: other), by: build.caller)
            }
                == "key_content")
        _ = try await bench.core.agents.key(for: plan.job, KeyRequest(content: .sample), by: build.caller)
        await bench.pass(30)
        #expect(try await bench.core.store.jobs(before: nil, limit: 9).count == 2)
    }

    @Test func `what was sent to some nodes only is not brought to others`() async throws {
        let bench = try await ControlBench()
        try await bench.defineRelease(["catchup": "latest"])
        let (build, web) = (try await bench.agent("build"), try await bench.agent("web-1"))
        let job = try await build.startJob(to: ["name=web-1"])
        try await web.sync()
        try await web.sync([(job, .delivered), (job, .switched), (job, .done)])
        _ = try await bench.agent("web-2")
        await bench.pass(12)
        #expect(try await bench.core.store.jobs(before: nil, limit: 9).count == 1)
    }

    @Test func `a node where a job has failed gets its content by no other job of itself`() async throws {
        let bench = try await ControlBench()
        try await bench.defineRelease(["catchup": "latest", "maxfailures": 1, "retries": 0])
        let build = try await bench.agent("build")
        let (one, two) = (try await bench.agent("web-1"), try await bench.agent("web-2"))
        let job = try await build.startJob()
        for web in [one, two] { try await web.sync() }
        try await one.sync([(job, .failed(code: "hook_exit_1", again: false))])
        try await two.sync([(job, .delivered), (job, .switched), (job, .done)])
        #expect(try await bench.job(job).state == .partly)
        await bench.pass(12)
        #expect(try await bench.core.store.jobs(before: nil, limit: 9).count == 1)
    }
}
