import Fleet
import FleetLink
import FleetStore
import Testing

@testable import Control

@Suite struct `Control and its agents` {
    @Test func `a host joins once with a token, and again when the reply was lost`() async throws {
        let bench = try await ControlBench()
        let token = try await bench.token(uses: 1)
        let one = TestAgent("web-1", of: bench)
        let first = try await one.join(token)
        #expect(first.state == .active)
        #expect(first.node == one.id)
        #expect(first.certificate == "CERTIFICATE \(one.id)")
        #expect(try await one.join(token).certificate == first.certificate)
        #expect(await refusal { try await TestAgent("web-2", of: bench).join(token) } == "token_used")
        let lines = try await bench.core.store.audit(before: nil, limit: 10).map(\.action)
        #expect(lines.contains("token.refused"))
    }

    @Test func `a clock that is more than 48 hours off joins nowhere, and an hour off works`() async throws {
        let bench = try await ControlBench()
        let token = try await bench.token()
        let agent = TestAgent("web-1", of: bench)
        #expect(await refusal { try await agent.join(token, time: bench.clock.now - 49 * 3600) } == "clock")
        try await agent.join(token, time: bench.clock.now - 3600)
        try await agent.sync(facts: true, clock: -3600)
        let seat = try #require(bench.core.nodes[agent.id])
        #expect(seat.clock == -3600)
    }

    @Test func `a node that waits for approval is told so, and may not send`() async throws {
        let bench = try await ControlBench()
        let agent = TestAgent("build", of: bench)
        try await agent.join(try await bench.token(approve: true))
        #expect(try await agent.sync(facts: true).state == .pending)
        try await bench.defineRelease()
        let order = SendOrder(className: "release", path: "/srv/app")
        #expect(await refusal { try await bench.core.agents.plan(order, dryRun: true, by: agent.caller) } == "pending")
        // Nobody says yes within a day.
        await bench.pass(86_400 + 3600, by: 3600)
        #expect(await refusal { try await agent.sync() } == "revoked")
    }

    @Test func `a revoked key is answered no more at once`() async throws {
        let bench = try await ControlBench()
        let agent = try await bench.agent("web-1")
        // A request that waits ends, too.
        let waiting = Task { await refusal { try await agent.sync(waits: true) } }
        while !bench.core.nodes.isWaiting(agent.id) { await Task.yield() }
        let outcome = try await bench.core.store.change(agent.id, by: bench.act, "node.revoke") {
            $0.state = .revoked
            return nil
        }
        await bench.core.nodeChanges.take(try #require(outcome.value))
        #expect(await waiting.value == "revoked")
        #expect(await refusal { try await agent.sync() } == "revoked")
        #expect(await refusal { try await bench.core.agents.renew(agent.caller, publicKey: agent.key) } == "revoked")
    }

    @Test func `another key with the same name is not let in`() async throws {
        let bench = try await ControlBench()
        let agent = try await bench.agent("web-1")
        let thief = LinkCaller(node: agent.id, publicKey: [1, 2, 3], address: agent.address)
        #expect(await refusal { try await bench.core.agents.admits(thief) } == "revoked")
        let stranger = TestAgent("web-9", of: bench)
        #expect(await refusal { try await bench.core.agents.admits(stranger.caller) } == "revoked")
    }

    @Test func `a request that comes once more is replayed, one that was not answered is repeated`() async throws {
        let bench = try await ControlBench()
        let agent = try await bench.agent("web-1")
        let request = agent.request()
        let first = try await agent.send(request)
        #expect(try await agent.send(request).nonce == first.nonce)
        try await agent.sync()
        #expect(await refusal { try await agent.send(request) } == "replayed")
        #expect(try await bench.core.store.audit(before: nil, limit: 1).first?.action == "sync.replayed")
    }

    @Test func `two hosts with one key are found, and the first goes on`() async throws {
        let bench = try await ControlBench()
        let agent = try await bench.agent("web-1")
        let copy = agent.clone()
        try await agent.sync()
        #expect(await refusal { try await copy.sync() } == "cloned")
        #expect(bench.core.nodes[agent.id]?.record.state == .cloned)
        #expect(try await agent.sync().state == .cloned)
        #expect(try await bench.core.store.audit(before: nil, limit: 1).first?.action == "node.cloned")
        // An admin says that one of them has joined anew.
        let outcome = try await bench.core.store.change(agent.id, by: bench.act, "node.activate") {
            $0.state = .active
            return nil
        }
        await bench.core.nodeChanges.take(try #require(outcome.value))
        #expect(try await agent.sync().state == .active)
    }

    @Test func `numbers go on after control was started anew`() async throws {
        var bench = try await ControlBench()
        let agent = try await bench.agent("web-1")
        for _ in 0..<3 { try await agent.sync() }
        let (number, key) = (agent.request(), agent.key)
        bench = try await bench.again()
        let reply = try await bench.core.agents.sync(
            number, of: LinkCaller(node: agent.id, publicKey: key, address: agent.address))
        #expect(!reply.nonce.isEmpty)
        #expect(bench.core.nodes[agent.id]?.record.state == .active)
    }

    @Test func `a node is away after three intervals without a word, and back with the next`() async throws {
        let bench = try await ControlBench()
        let agent = try await bench.agent("web-1")
        await bench.pass(25)
        #expect(bench.core.nodes[agent.id]?.isAway == false)
        await bench.pass(10)
        #expect(bench.core.nodes[agent.id]?.isAway == true)
        #expect(bench.core.nodes.present == 0)
        try await agent.sync()
        #expect(bench.core.nodes[agent.id]?.isAway == false)
    }

    @Test func `a request waits until the interval is over`() async throws {
        let bench = try await ControlBench()
        let agent = try await bench.agent("web-1")
        let waiting = Task { try await agent.sync(waits: true) }
        while !bench.core.nodes.isWaiting(agent.id) { await Task.yield() }
        await bench.pass(9)
        #expect(bench.core.nodes.isWaiting(agent.id))
        await bench.pass(2)
        #expect(try await waiting.value.commands.isEmpty)
        #expect(bench.core.nodes[agent.id]?.isAway == false)
    }

    @Test func `a later request of a node ends the wait of an earlier one`() async throws {
        let bench = try await ControlBench()
        let agent = try await bench.agent("web-1")
        let request = agent.request(waits: true)
        let first = Task { try await agent.send(request) }
        while !bench.core.nodes.isWaiting(agent.id) { await Task.yield() }
        let second = Task { try await agent.send(request) }
        #expect(try await first.value.commands.isEmpty)
        await bench.pass(11)
        _ = try await second.value
    }

    @Test func `a heartbeat costs no transaction`() async throws {
        let bench = try await ControlBench()
        let agent = try await bench.agent("web-1")
        let before = try await bench.core.store.lastChange()
        for _ in 0..<20 { try await agent.sync() }
        #expect(try await bench.core.store.lastChange() == before)
    }

    @Test func `an ephemeral node is forgotten when it is away`() async throws {
        let bench = try await ControlBench()
        let token = try #require(EnrolmentToken(random: RandomBytes.make(40), pin: bench.core.authority.pin))
        _ = try await bench.core.store.add(
            TokenRecord(
                grant: EnrolmentGrant(
                    id: token.id, secretDigest: token.secretDigest, expires: bench.clock.now + 3600, isEphemeral: true),
                who: "admin", made: bench.clock.now), by: bench.act)
        let agent = TestAgent("runner", of: bench)
        try await agent.join(token)
        try await agent.sync(facts: true)
        await bench.pass(40)
        #expect(bench.core.nodes[agent.id] == nil)
        #expect(try await bench.core.store.node(agent.id) == nil)
    }
}
