import Address
import Fleet
import FleetLink
import FleetStore
import JSON
import TestSupport
import Testing
import Text

@testable import Control

/// What targets are told of sources, peers and times.
@Suite struct SourceTests {
    @Test func `signed URLs of a job's bucket are kept sealed, for the job's nodes alone`() async throws {
        let bench = try await ControlBench()
        try await bench.defineRelease()
        let (build, web) = (try await bench.agent("build"), try await bench.agent("web-1"))
        let other = try await bench.agent("db-1")
        let job = try await build.startJob()
        #expect(await refusal { try await bench.core.agents.grant(of: job, for: web.caller) } == "no_sources")
        let grant = SourceGrant(expires: bench.clock.now + 3600, urls: [Secret("https://s3.example/b/k?X-Amz-x=y")])
        #expect(await refusal { try await bench.core.agents.keep(grant: grant, of: job, by: web.caller) } == "no_job")
        try await bench.core.agents.keep(grant: grant, of: job, by: build.caller)
        #expect(try await bench.core.agents.grant(of: job, for: web.caller) == grant)
        #expect(await refusal { try await bench.core.agents.grant(of: job, for: other.caller) } == "no_job")
        let kept = try #require(try await bench.core.store.grant(of: job))
        #expect(kept.first == 9, "it is not sealed")
        for wrong in [bench.clock.now - 1, bench.clock.now + 100_000] {
            let grant = SourceGrant(expires: wrong, urls: [])
            #expect(
                await refusal { try await bench.core.agents.keep(grant: grant, of: job, by: build.caller) } == "expires"
            )
        }
        // Another takes its place, and in the end nothing is left.
        let next = SourceGrant(expires: bench.clock.now + 7000, urls: [])
        try await bench.core.agents.keep(grant: next, of: job, by: build.caller)
        #expect(try await bench.core.agents.grant(of: job, for: web.caller) == next)
        try await bench.core.store.tidy(at: bench.clock.now + 7001)
        #expect(try await bench.core.store.grant(of: job) == nil)
    }

    @Test func `without p2p targets hear of the sender and caches only`() async throws {
        let bench = try await ControlBench()
        try await bench.defineRelease(["p2p": false, "caches": "name=edge"])
        let build = try await bench.agent("build")
        let webs = [try await bench.agent("web-1"), try await bench.agent("web-2")]
        var policy = HostPolicy.everything
        policy.caches = true
        let edge = try await bench.agent("edge", policy: policy)
        let job = try await build.startJob()
        func announce(_ agent: TestAgent, _ number: UInt32) async throws -> Set<PeerAddress> {
            let request = AnnounceRequest(
                job: job, addresses: [PeerAddress(ipv4: 0x0a00_0000 + number, port: 6881)], left: 5)
            return Set(try await bench.core.agents.announce(request, by: agent.caller).peers)
        }
        for (number, agent) in ([build, edge] + webs).enumerated() { _ = try await announce(agent, UInt32(number)) }
        let givers = Set([0, 1].map { PeerAddress(ipv4: 0x0a00_0000 + $0, port: 6881) })
        #expect(try await announce(webs[0], 2) == givers)
        #expect(try await announce(build, 0).count == 3)
        #expect(try await announce(edge, 1).count == 3)
    }

    @Test func `the time of arrival counts the windows to come, in the node's local time`() async throws {
        let bench = try await ControlBench()
        // It is 08:00 in UTC.
        try await bench.defineRelease(["windows": [["from": "22:00", "to": "06:00"]]])
        let (build, web) = (try await bench.agent("build"), try await bench.agent("web-1"))
        let start = bench.clock.now
        let job = try await build.startJob(SampleTorrent.content(of: 1000))
        try await web.sync(
            [(job, .waiting(.window))], figures: [JobFigures(job: job, done: 0, total: 1000, down: 100)])
        func expected() async throws -> Double? {
            let target = try #require(await bench.core.jobs.lead(job)?.snapshot?.machine?.target(web.id))
            let figure = bench.core.figures.of(job, at: web.id)
            return bench.core.views.arrival(of: target, try await bench.job(job), figure, at: start).expected
        }
        #expect(try await expected() == start + 14 * 3600 + 10)
        bench.core.nodes.note(HostMoment(utcOffset: 8 * 3600), of: web.id)
        #expect(try await expected() == start + 6 * 3600 + 10)
    }

    @Test func `a target that took its offer is shown as offered, and is not offered it again`() async throws {
        let bench = try await ControlBench()
        try await bench.defineRelease()
        let (build, web) = (try await bench.agent("build"), try await bench.agent("web-1"))
        let job = try await build.startJob()
        try await web.sync()
        let reply = try await web.sync([(job, .accepted)])
        #expect(reply.commands.isEmpty)
        #expect(try await bench.states(of: job) == ["web-1": "offered"])
        try await web.sync([(job, .receiving)])
        #expect(try await bench.states(of: job) == ["web-1": "receiving"])
    }
}
