import Fleet
import FleetLink
import FleetStore
import JSON
import Testing

@testable import Control

@Suite struct `Who may send, and the keys for it` {
    @Test func `only senders of a class send`() async throws {
        let bench = try await ControlBench()
        try await bench.defineRelease()
        let other = try await bench.agent("other")
        let build = try await bench.agent("build")
        func plan(_ agent: TestAgent, _ order: SendOrder) async -> String? {
            await refusal { try await bench.core.agents.plan(order, dryRun: false, by: agent.caller) }
        }
        #expect(await plan(other, SendOrder(className: "release", path: "/srv/app")) == "sender")
        #expect(await plan(build, SendOrder(className: "no", path: "/srv/app")) == "no_class")
        #expect(await plan(build, SendOrder(className: "release", path: "/srv/app")) == "no_targets")
        _ = try await bench.agent("web-1")
        #expect(await plan(build, SendOrder(className: "release", path: "/srv/app", to: ["name ="])) == "selection")
        #expect(await plan(build, SendOrder(className: "release", path: "/srv/app", deadline: "soon")) == "time")
        #expect(await plan(build, SendOrder(className: "release", path: "/", name: "a/b")) == "name")
        #expect(await plan(build, SendOrder(className: "release", path: "/srv/app")) == nil)
    }

    @Test func `a key starts the one job that it is for`() async throws {
        let bench = try await ControlBench()
        try await bench.defineRelease(["keytime": "10m"])
        let (build, web) = (try await bench.agent("build"), try await bench.agent("web-1"))
        let plan = try await bench.core.agents.plan(
            SendOrder(className: "release", path: "/srv/app"), dryRun: false, by: build.caller)
        let core = bench.core
        #expect(
            await refusal { try await core.agents.key(for: plan.job, KeyRequest(content: .sample), by: web.caller) }
                == "no_job")
        let key = try await core.agents.key(for: plan.job, KeyRequest(content: .sample), by: build.caller)
        #expect(key.targets == [web.id])
        #expect(
            await refusal { try await core.agents.start(plan.job, build.start(key), by: build.caller) } == "no_metainfo"
        )
        #expect(
            await refusal { try await core.agents.keep(metainfo: [1], of: plan.job, by: build.caller) } == "metainfo")
        try await core.agents.keep(metainfo: SampleTorrent.bytes, of: plan.job, by: build.caller)
        let other = JobContent(infoHashes: [String(repeating: "0", count: 40)], files: 1, bytes: 5)
        let larger = JobContent(infoHashes: JobContent.sample.infoHashes, files: 1, bytes: 6)
        #expect(
            await refusal { try await core.agents.start(plan.job, build.start(key, other), by: build.caller) }
                == "key_content"
        )
        #expect(
            await refusal { try await core.agents.start(plan.job, build.start(key, larger), by: build.caller) }
                == "key_content")
        #expect(
            await refusal { try await core.agents.start(plan.job, build.start(key, version: 2), by: build.caller) }
                == "key_class")
        #expect(
            await refusal {
                try await core.agents.start(plan.job, build.start(key, targets: [build.id]), by: build.caller)
            }
                == "key_targets")
        #expect(
            await refusal { try await core.agents.start(plan.job, build.start(key), by: web.caller) } == "key_sender")
        let reply = try await core.agents.start(plan.job, build.start(key), by: build.caller)
        #expect(reply.secret?.value.utf8.count == 64)
        #expect(
            await refusal { try await core.agents.start(plan.job, build.start(key), by: build.caller) } == "key_used")
        #expect(
            await refusal { try await core.agents.key(for: plan.job, KeyRequest(content: .sample), by: build.caller) }
                == "key_used")
        #expect(try await core.agents.metainfo(of: plan.job, for: web.caller) == SampleTorrent.bytes)
        // A sender that had no answer sends its request once more.
        let second = try await core.agents.plan(
            SendOrder(className: "release", path: "/srv/app"), dryRun: false, by: build.caller)
        let next = try await core.agents.key(for: second.job, KeyRequest(content: .sample), by: build.caller)
        try await core.agents.keep(metainfo: SampleTorrent.bytes, of: second.job, by: build.caller)
        let request = StartRequest(
            key: next.key, content: .sample, classVersion: 1, targets: next.targets, addresses: [], request: "r")
        let first = try await core.agents.start(second.job, request, by: build.caller)
        #expect(try await core.agents.start(second.job, request, by: build.caller) == first)
        let lines = try await core.store.audit(before: nil, limit: 100, action: "key.refused")
        #expect(lines.count == 7)
        #expect(lines.first?.subject == plan.job)
    }

    @Test func `a key runs out`() async throws {
        let bench = try await ControlBench()
        try await bench.defineRelease(["keytime": "10m"])
        let build = try await bench.agent("build")
        _ = try await bench.agent("web-1")
        let plan = try await bench.core.agents.plan(
            SendOrder(className: "release", path: "/srv/app"), dryRun: false, by: build.caller)
        try await bench.core.agents.keep(metainfo: SampleTorrent.bytes, of: plan.job, by: build.caller)
        let key = try await bench.core.agents.key(for: plan.job, KeyRequest(content: .sample), by: build.caller)
        bench.clock.pass(601)
        await bench.core.changes.follow()
        #expect(
            await refusal { try await bench.core.agents.start(plan.job, build.start(key), by: build.caller) }
                == "key_expired")
    }
}
