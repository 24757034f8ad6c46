import Fleet
import JSON
import Testing

@testable import Control

@Suite(.serialized) struct `A rollback by the API` {
    /// A class that keeps versions, and jobs of it that are done at one target.
    private func with(
        _ count: Int, _ more: JSONObject = [:],
        _ body: (TestAPI, _ jobs: [String], _ build: TestAgent, _ web: TestAgent) async throws -> Void
    ) async throws {
        try await TestAPI.using { api in
            var keys: JSONObject = ["publish": "versions"]
            for member in more.members { keys[member.key] = member.value }
            try await api.bench.defineRelease(keys)
            let (build, web) = (try await api.bench.agent("build"), try await api.bench.agent("web-1"))
            var jobs: [String] = []
            for number in 1...count {
                let id = try await build.startJob(path: "/srv/app\(number)")
                try await end(id, at: web)
                jobs.append(id)
                api.bench.clock.pass(1)
                await api.bench.core.tick()
            }
            try await body(api, jobs, build, web)
        }
    }

    private func end(_ job: String, at web: TestAgent) async throws {
        try await web.sync()
        try await web.sync([(job, .delivered), (job, .switched), (job, .done)])
    }

    @Test func `restores the job before`() async throws {
        try await with(2) { api, jobs, _, web async throws in
            let made = try await api.post("/v1/classes/release/rollback")
            #expect(made.status == 201)
            #expect(made.json["restores"]?.stringValue == jobs[0])
            let id = try #require(made.json["id"]?.stringValue)
            let restores = try await web.sync().commands.compactMap { command -> String? in
                if case .restore(_, let version) = command.action { version } else { nil }
            }
            #expect(restores == [jobs[0]])
            try await end(id, at: web)
            #expect(try await api.get("/v1/jobs/\(id)").json["state"] == "done")
        }
    }

    @Test func `that broke off after something was stored is not made twice with the same key`() async throws {
        try await with(2) { api, _, _, _ async throws in
            let path = "/v1/classes/release/rollback"
            try await api.bench.alter(
                "CREATE TRIGGER full BEFORE INSERT ON targets BEGIN SELECT RAISE(ABORT, 'full'); END")
            #expect(try await api.post(path, key: "k-1").status >= 500)
            try await api.bench.alter("DROP TRIGGER full")
            let again = try await api.post(path, key: "k-1")
            #expect(again.status == 409 && again.code == "interrupted", "\(again)")
            #expect(try await api.post(path, key: "k-2").status == 201)
        }
    }

    @Test func `restores what was shown before, where that was restored itself`() async throws {
        try await with(2) { api, jobs, build, web async throws in
            let first = try #require(try await api.post("/v1/classes/release/rollback").json["id"]?.stringValue)
            try await end(first, at: web)
            api.bench.clock.pass(1)
            await api.bench.core.tick()
            let third = try await build.startJob(path: "/srv/app3")
            try await end(third, at: web)
            await api.bench.core.tick()
            let made = try await api.post("/v1/jobs/\(third)/rollback")
            #expect(made.status == 201 && made.json["restores"]?.stringValue == jobs[0], "\(made)")
        }
    }

    @Test(arguments: [false, true])
    func `of a job that its canary held is for the canary, and the job goes on nowhere`(byClass: Bool) async throws {
        let keys: JSONObject = ["waves": [1, "100%"], "wait": "10s", "maxfailures": 0, "retries": 0]
        try await with(1, keys) { api, jobs, build, web async throws in
            let other = try await api.bench.agent("web-2")
            let bad = try await build.startJob(path: "/srv/app2")
            var canary: TestAgent?
            for agent in [web, other] {
                try await agent.sync()
                if try await agent.sync([(bad, .delivered)]).actions.contains("switch") { canary = agent }
            }
            let node = try #require(canary)
            try await node.sync([(bad, .switched), (bad, .failed(code: "hook_exit_1", again: false))])
            #expect(try await api.bench.job(bad).state == .held)
            let made = try await api.post(byClass ? "/v1/classes/release/rollback" : "/v1/jobs/\(bad)/rollback")
            #expect(made.status == 201 && made.json["restores"]?.stringValue == jobs[0], "\(made)")
            let id = try #require(made.json["id"]?.stringValue)
            #expect(try await api.bench.states(of: id).count == 1)
            #expect(try await node.sync().actions.contains("restore"))
            #expect(try await api.bench.job(bad).state == .cancelled)
            let rest = node.id == web.id ? other : web
            #expect(try await rest.sync().actions == ["cancel"])
        }
    }

    @Test func `does not wait for a target that is away, and reaches it on return`() async throws {
        try await with(2) { api, _, build, web async throws in
            for _ in 0..<5 {
                await api.bench.pass(10)
                try await build.sync()
            }
            let id = try #require(try await api.post("/v1/classes/release/rollback").json["id"]?.stringValue)
            #expect(try await api.bench.states(of: id) == ["web-1": "waiting(away)"])
            #expect(try await web.sync().actions.first == "restore")
        }
    }

    @Test func `brings what it restored to nodes that come later, not what it took back`() async throws {
        try await with(2, ["catchup": "latest"]) { api, _, build, web async throws in
            let id = try #require(try await api.post("/v1/classes/release/rollback").json["id"]?.stringValue)
            try await end(id, at: web)
            _ = try await api.bench.agent("web-2")
            _ = try await build.sync()
            await api.bench.pass(11)
            let sent = try await build.sync().commands.compactMap { command -> SendOrder? in
                if case .send(let order) = command.action { order } else { nil }
            }
            #expect(sent.first?.path == "/srv/app1" && sent.first?.to == [#"name in ("web-2")"#], "\(sent)")
        }
    }

    @Test func `is refused for what no target has any more`() async throws {
        try await with(3, ["keep": 1]) { api, jobs, _, _ async throws in
            let gone = try await api.post("/v1/jobs/\(jobs[1])/rollback")
            #expect(gone.status == 409 && gone.code == "version_gone", "\(gone)")
            let made = try await api.post("/v1/jobs/\(jobs[2])/rollback")
            #expect(made.status == 201 && made.json["restores"]?.stringValue == jobs[1], "\(made)")
        }
    }
}
