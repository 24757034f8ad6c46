import Fleet
import FleetLink
import FleetStore
import JSON
import Testing

@testable import Control

@Suite struct `Jobs at control` {
    private func offers(_ reply: SyncReply) -> [JobOffer] {
        reply.commands.compactMap { if case .offer(let offer) = $0.action { offer } else { nil } }
    }

    private func actions(_ reply: SyncReply) -> [String] { reply.actions }

    @Test func `a job goes from its plan to its receipts`() async throws {
        let bench = try await ControlBench()
        try await bench.defineRelease(["hook": "reload"])
        let (build, web) = (try await bench.agent("build"), try await bench.agent("web-1"))
        let job = try await build.startJob()
        let offered = try await web.sync()
        let offer = try #require(offers(offered).first)
        #expect(offer.content == .sample)
        #expect(offer.name == "app")
        #expect(offer.secret?.value.utf8.count == 64)
        #expect(offer.peers == [build.address])
        #expect(offer.bytes.count <= JobOffer.most)
        #expect(offer.terms["dest"] == "release")
        #expect(try await web.sync([(job, .accepted), (job, .receiving)]).acknowledged == 2)
        #expect(try await bench.states(of: job) == ["web-1": "receiving"])
        // What follows from a report stands in its answer.
        let told = try await web.sync([(job, .delivered)])
        #expect(actions(told) == ["switch"])
        try await web.sync([(job, .switched), (job, .hookStarted)])
        let over = try await web.sync([(job, .done)], receipt: "a.b.c")
        #expect(try await bench.job(job).state == .done)
        #expect(actions(over) == ["end"])
        #expect(actions(try await build.sync()) == ["end"])
        let receipts = try await bench.core.store.receipts(of: job, after: nil, limit: 9)
        #expect(receipts.map(\.jws) == ["a.b.c"])
        #expect(receipts.first?.publicKey == web.key)
        let view = try await bench.core.agents.view(of: job, for: build.caller)
        #expect(view.state == .done)
        #expect(view.counts == ["done": 1])
        #expect(view.bytes == 5)
        // A target may look at it after its end too, and nobody else.
        await bench.core.loader.closeEnded()
        #expect(try await bench.core.agents.view(of: job, for: web.caller).state == .done)
        let stranger = try await bench.agent("db-1")
        await #expect(throws: LinkRefusal.self) { _ = try await bench.core.agents.view(of: job, for: stranger.caller) }
    }

    @Test func `an order wakes the request that waits for it`() async throws {
        let bench = try await ControlBench()
        try await bench.defineRelease()
        let (build, web) = (try await bench.agent("build"), try await bench.agent("web-1"))
        let waiting = Task { try await web.sync(waits: true) }
        while !bench.core.nodes.isWaiting(web.id) { await Task.yield() }
        _ = try await build.startJob()
        #expect(try await actions(waiting.value) == ["offer"])
    }

    @Test func `what was told is not told again, but after the agent's start`() async throws {
        let bench = try await ControlBench()
        try await bench.defineRelease()
        let (build, web) = (try await bench.agent("build"), try await bench.agent("web-1"))
        _ = try await build.startJob()
        let first = try await web.sync()
        #expect(actions(first) == ["offer"])
        #expect(actions(try await web.sync()).isEmpty)
        let again = try await web.sync(facts: true)
        #expect(again.commands.first?.id == first.commands.first?.id)
        #expect(actions(again) == ["offer", "resume"])
    }

    @Test func `a dry run says who would refuse, and makes nothing`() async throws {
        let bench = try await ControlBench()
        try await bench.defineRelease(["hook": "reload"])
        let build = try await bench.agent("build")
        _ = try await bench.agent("web-1")
        _ = try await bench.agent("web-2", policy: HostPolicy())
        _ = try await bench.agent("web-3", policy: HostPolicy(roots: ["/srv"]))
        _ = try await bench.agent("db-1")
        let plan = try await bench.core.agents.plan(
            SendOrder(className: "release", path: "/srv/app"), dryRun: true, by: build.caller)
        #expect(plan.targets == 3)
        #expect(plan.refusals == ["receive.roots": 1, "hooks": 1])
        #expect(plan.job.isEmpty)
        #expect(try await bench.core.store.jobs(before: nil, limit: 1).isEmpty)
        let narrowed = try await bench.core.agents.plan(
            SendOrder(className: "release", path: "/srv/app", to: ["name=web-1"]), dryRun: true, by: build.caller)
        #expect(narrowed.targets == 1)
    }

    @Test func `a job goes on after control was killed`() async throws {
        var bench = try await ControlBench()
        try await bench.defineRelease()
        let (build, web, other) = (
            try await bench.agent("build"), try await bench.agent("web-1"), try await bench.agent("web-2")
        )
        let job = try await build.startJob()
        try await web.sync()
        try await web.sync([(job, .accepted), (job, .delivered)])
        bench = try await bench.again()
        for agent in [build, web, other] { agent.goes(to: bench) }
        // The switch was said before, and is said again: the node has it under the same id.
        web.forgetTaken()
        #expect(actions(try await web.sync(facts: true)) == ["switch", "resume"])
        #expect(actions(try await other.sync(facts: true)) == ["offer", "resume"])
        try await web.sync([(job, .done)])
        try await other.sync([(job, .done)])
        #expect(try await bench.job(job).state == .done)
    }

    @Test func `a node that is away gets the job on return`() async throws {
        let bench = try await ControlBench()
        try await bench.defineRelease()
        let (build, web) = (try await bench.agent("build"), try await bench.agent("web-1"))
        for _ in 0..<4 {
            await bench.pass(10)
            try await build.sync()
        }
        #expect(bench.core.nodes[web.id]?.isAway == true)
        let job = try await build.startJob()
        #expect(try await bench.states(of: job) == ["web-1": "waiting(away)"])
        #expect(actions(try await web.sync()) == ["offer", "resume"])
        #expect(try await bench.states(of: job) == ["web-1": "waiting(offer)"])
    }

    @Test func `a drained node gets nothing new until it is back`() async throws {
        let bench = try await ControlBench()
        try await bench.defineRelease()
        let (build, web) = (try await bench.agent("build"), try await bench.agent("web-1"))
        func set(_ state: NodeState) async throws {
            let outcome = try await bench.core.store.change(web.id, by: bench.act, "test") {
                $0.state = state
                return nil
            }
            await bench.core.nodeChanges.take(try #require(outcome.value))
        }
        try await set(.drained)
        let job = try await build.startJob()
        #expect(try await bench.states(of: job) == ["web-1": "waiting(drained)"])
        #expect(actions(try await web.sync()).isEmpty)
        try await set(.active)
        #expect(actions(try await web.sync()) == ["offer", "resume"])
    }

    @Test func `waves switch one after the other, and stop where too much fails`() async throws {
        let bench = try await ControlBench()
        try await bench.defineRelease(["waves": [1, "100%"], "wait": "10s", "maxfailures": 0, "retries": 0])
        let build = try await bench.agent("build")
        var webs: [TestAgent] = []
        for number in 1...3 {
            webs.append(try await bench.agent("web-\(number)", labels: number == 2 ? [("canary", "")] : []))
        }
        let job = try await build.startJob()
        var told: [[String]] = []
        for web in webs {
            try await web.sync()
            told.append(actions(try await web.sync([(job, .delivered)])))
        }
        // The canary alone.
        #expect(told == [[], ["switch"], []])
        try await webs[1].sync([(job, .switched), (job, .done)])
        await bench.pass(11)
        #expect(actions(try await webs[0].sync()) == ["switch"])
        #expect(actions(try await webs[2].sync()) == ["switch"])
        try await webs[0].sync([(job, .failed(code: "hook_exit_1", again: false))])
        #expect(try await bench.job(job).state == .held)
        #expect(try await bench.core.views.view(of: bench.job(job)).reason?.contains("maxfailures") == true)
        try await bench.order(job) { machine, now in machine.retry(at: now) }
        #expect(actions(try await webs[0].sync()) == ["offer"])
        try await webs[0].sync([(job, .done)], attempt: 2)
        try await webs[2].sync([(job, .done)])
        #expect(try await bench.job(job).state == .done)
    }

    @Test func `an order to switch that a node has not heard is not told while the job is held or paused`() async throws
    {
        let bench = try await ControlBench()
        try await bench.defineRelease(["switch": "manual", "maxfailures": 0, "retries": 0])
        let build = try await bench.agent("build")
        let webs = [try await bench.agent("web-1"), try await bench.agent("web-2")]
        let job = try await build.startJob()
        for web in webs {
            try await web.sync()
            try await web.sync([(job, .delivered)])
        }
        try await bench.order(job) { machine, now in machine.promote(at: now) }
        #expect(actions(try await webs[0].sync()) == ["switch"])
        try await webs[0].sync([(job, .failed(code: "hook_exit_1", again: false))])
        #expect(try await bench.job(job).state == .held)
        #expect(actions(try await webs[1].sync()).isEmpty)
        try await bench.order(job) { machine, now in machine.promote(at: now) }
        try await bench.order(job) { machine, _ in machine.pause() }
        #expect(actions(try await webs[1].sync()) == ["pause"])
        try await bench.order(job) { machine, now in machine.resume(at: now) }
        #expect(Set(actions(try await webs[1].sync())) == ["resume", "switch"])
    }

    @Test func `a node that is drained before it heard an offer has it when it is back`() async throws {
        let bench = try await ControlBench()
        try await bench.defineRelease()
        let (build, web) = (try await bench.agent("build"), try await bench.agent("web-1"))
        try await build.startJob()
        for (state, heard) in [(NodeState.drained, []), (.active, ["offer", "resume"])] {
            let outcome = try await bench.core.store.change(web.id, by: bench.act, "test") {
                $0.state = state
                return nil
            }
            await bench.core.nodeChanges.take(try #require(outcome.value))
            #expect(actions(try await web.sync()) == heard)
        }
    }

    @Test func `a job for later is not put aside by what is sent until then`() async throws {
        let bench = try await ControlBench()
        try await bench.defineRelease()
        let (build, web) = (try await bench.agent("build"), try await bench.agent("web-1"))
        let later = try await build.startJob(at: "2h")
        bench.clock.pass(1)
        let job = try await build.startJob()
        try await web.sync()
        try await web.sync([(job, .delivered), (job, .switched), (job, .done)])
        #expect(try await bench.job(job).state == .done)
        #expect(try await bench.job(later).state == .planned)
        #expect(try await bench.states(of: later).values.allSatisfy { $0.hasPrefix("waiting") })
    }

    @Test func `a pause, a resume and a cancel reach nodes at once`() async throws {
        let bench = try await ControlBench()
        try await bench.defineRelease()
        let (build, web) = (try await bench.agent("build"), try await bench.agent("web-1"))
        let job = try await build.startJob()
        try await web.sync()
        try await web.sync([(job, .receiving)])
        try await bench.order(job) { machine, _ in machine.pause() }
        #expect(actions(try await web.sync()) == ["pause"])
        try await bench.order(job) { machine, now in machine.resume(at: now) }
        #expect(actions(try await web.sync()) == ["resume"])
        let waiting = Task { try await web.sync(waits: true) }
        while !bench.core.nodes.isWaiting(web.id) { await Task.yield() }
        try await bench.order(job) { machine, _ in machine.cancel() }
        #expect(try await actions(waiting.value) == ["cancel"])
        #expect(actions(try await build.sync()) == ["cancel"])
        #expect(try await bench.job(job).state == .cancelled)
    }

    @Test func `all switch at one moment where they switch together`() async throws {
        let bench = try await ControlBench()
        try await bench.defineRelease(["switch": "together", "maxfailures": 0])
        let (build, one, two) = (
            try await bench.agent("build"), try await bench.agent("web-1"), try await bench.agent("web-2")
        )
        let job = try await build.startJob()
        for web in [one, two] { try await web.sync() }
        #expect(actions(try await one.sync([(job, .delivered)])).isEmpty)
        try await two.sync([(job, .delivered)])
        two.forgetTaken()
        for web in [one, two] {
            guard case .switches(let moment?)? = try await web.sync().commands.first?.action else {
                Issue.record("no moment")
                return
            }
            #expect(moment >= bench.clock.now + 2)
        }
    }

    @Test func `what an earlier attempt says counts no more`() async throws {
        let bench = try await ControlBench()
        try await bench.defineRelease()
        let (build, web) = (try await bench.agent("build"), try await bench.agent("web-1"))
        let job = try await build.startJob()
        try await web.sync()
        let failure = JobMachine.Report.failed(code: "disk", again: true)
        try await web.sync([(job, failure)])
        try await web.sync([(job, failure), (job, failure)])
        let rows = try await bench.core.store.targets(of: job, after: nil, state: nil, limit: 1)
        #expect(rows.first?.target.attempt == 2)
    }

    @Test func `a job that control has forgotten ends at agents, and its receipt is kept`() async throws {
        let bench = try await ControlBench()
        let web = try await bench.agent("web-1")
        let reply = try await web.sync([("j-gone", .done)], receipt: "x.y.z")
        #expect(reply.acknowledged == 1)
        #expect(actions(reply) == ["end"])
        let kept = try await bench.core.store.receipts(of: "j-gone", after: nil, limit: 1)
        #expect(kept.first?.state == "unknown")
        let figures = JobFigures(job: "j-other", done: 1, total: 2)
        #expect(actions(try await web.sync(figures: [figures])) == ["end"])
    }

    @Test func `receipts are kept of a job's own nodes, and of attempts that there were`() async throws {
        let bench = try await ControlBench()
        try await bench.defineRelease()
        let (build, web) = (try await bench.agent("build"), try await bench.agent("web-1"))
        let stranger = try await bench.agent("db-1")
        let job = try await build.startJob()
        try await web.sync()
        try await stranger.sync([(job, .done)], receipt: "of.no.node")
        try await web.sync([(job, .receiving)], attempt: 1_000, receipt: "of.no.attempt")
        try await web.sync([(job, .done)], receipt: "a.b.c")
        #expect(try await bench.core.store.receipts(of: job, after: nil, limit: 9).map(\.jws) == ["a.b.c"])
    }

    @Test func `reports of many nodes are all kept`() async throws {
        let bench = try await ControlBench()
        try await bench.defineRelease()
        let build = try await bench.agent("build")
        var webs: [TestAgent] = []
        for number in 1...100 { webs.append(try await bench.agent("web-\(number)")) }
        let job = try await build.startJob()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for web in webs {
                group.addTask {
                    try await web.sync()
                    try await web.sync([(job, .accepted), (job, .delivered)])
                    try await web.sync([(job, .switched), (job, .done)])
                }
            }
            try await group.waitForAll()
        }
        #expect(try await bench.job(job).state == .done)
    }

    @Test func `a job for later is planned, and offered and put in place of older ones at its time`() async throws {
        let bench = try await ControlBench()
        try await bench.defineRelease(["caches": "name=edge"])
        let (build, web) = (try await bench.agent("build"), try await bench.agent("web-1"))
        var policy = HostPolicy.everything
        policy.caches = true
        let edge = try await bench.agent("edge", policy: policy)
        let first = try await build.startJob()
        bench.clock.pass(1)
        let job = try await build.startJob(at: "2h")
        #expect(try await bench.job(job).state == .planned)
        let (now, cached) = (offers(try await web.sync()), offers(try await edge.sync()))
        #expect(now.count == 1 && cached.count == 1)
        #expect(try await bench.states(of: first) == ["web-1": "waiting(offer)"])
        #expect(try await bench.core.agents.view(of: job, for: build.caller).reason?.hasPrefix("it begins at ") == true)
        // What a control reads from the database after it was killed is the same.
        let again = try await bench.again()
        for agent in [build, web, edge] { agent.goes(to: again) }
        try await web.sync([(first, .accepted)])
        await again.pass(7100, by: 100)
        // It went away with the older job under way.
        #expect(try await again.states(of: first) == ["web-1": "waiting(away)"])
        await again.pass(200, by: 100)
        #expect(try await again.job(job).state == .running)
        #expect(try await again.states(of: first) == ["web-1": "superseded"])
        let (late, kept) = (offers(try await web.sync()), offers(try await edge.sync()))
        #expect(!late.isEmpty && !kept.isEmpty)
    }

    @Test func `nodes of a site share the line that their class limits, as long as they receive`() async throws {
        let bench = try await ControlBench()
        try await bench.defineRelease(["limits": ["site": "3MiB"]])
        let build = try await bench.agent("build")
        let one = try await bench.agent("web-1", labels: [("site", "bj")])
        let two = try await bench.agent("web-2", labels: [("site", "bj")])
        let three = try await bench.agent("web-3", labels: [("site", "bj")])
        let (far, alone) = (try await bench.agent("web-4", labels: [("site", "sh")]), try await bench.agent("web-5"))
        let job = try await build.startJob()
        let line: Int64 = 3 << 20
        #expect(try await one.sync().shares == [job: line / 3])
        #expect(try await far.sync().shares == [job: line])
        #expect(try await alone.sync().shares == [job: line])
        #expect(try await build.sync().shares.isEmpty)
        // Who has all of it leaves the line to the others, and so does one that can receive nothing now.
        try await two.sync([(job, .accepted), (job, .receiving), (job, .delivered)])
        #expect(try await one.sync().shares == [job: line / 2])
        try await three.sync([(job, .accepted), (job, .waiting(.space))])
        #expect(try await one.sync([(job, .accepted), (job, .receiving)]).shares == [job: line])
        try await three.sync([(job, .receiving)])
        #expect(try await one.sync().shares == [job: line / 2])
    }

    @Test func `peers of a job are found through control, those of the site first`() async throws {
        let bench = try await ControlBench()
        try await bench.defineRelease()
        let (build, one) = (try await bench.agent("build"), try await bench.agent("web-1", labels: [("site", "bj")]))
        let two = try await bench.agent("web-2", labels: [("site", "bj")])
        let job = try await build.startJob()
        let request = AnnounceRequest(job: job, addresses: [one.address], left: 5)
        #expect(try await bench.core.agents.announce(request, by: one.caller).peers.isEmpty)
        #expect(try await bench.core.agents.announce(request, by: two.caller).peers == [one.address])
        let stranger = try await bench.agent("db-1")
        #expect(await refusal { try await bench.core.agents.announce(request, by: stranger.caller) } == "no_job")
    }

    @Test func `a target is late when its rate will not do`() async throws {
        let bench = try await ControlBench()
        try await bench.defineRelease(["deadline": "60s"])
        let (build, web) = (try await bench.agent("build"), try await bench.agent("web-1"))
        let content = SampleTorrent.content(of: 1_000_000)
        let job = try await build.startJob(content)
        try await web.sync()
        for second in 1...5 {
            bench.clock.pass(1)
            await bench.core.changes.follow()
            let figures = JobFigures(job: job, done: Int64(second) * 1000, total: 1_000_000, down: 1000)
            try await web.sync(second == 1 ? [(job, .receiving)] : [], figures: [figures])
        }
        let view = try await bench.core.views.view(of: bench.job(job))
        #expect(view.bytes == 5000)
        #expect(view.lines.first?.text.contains("late") == true)
    }
}
