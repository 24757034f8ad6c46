import Address
import Fleet
import FleetLink
import Identity
import TestSupport
import Testing
import Text
import Threads

@Suite struct SyncTests {
    @Test func `Commands reach an agent at once, and are not given again once they are taken`() async throws {
        try await withControl { control, door in
            let client = try await joined(control, at: [door.control])
            let agent = TestAgent()
            try await whileSyncing(client, agent) {
                try await wait(for: "first sync") { await control.syncs.last?.waits == true }
                let begin = Clocks.steadySeconds
                await control.give(FleetCommand(id: "c-1", job: "j-1", action: .pause))
                try await wait(for: "command") { agent.all.commands.count == 1 }
                #expect(Clocks.steadySeconds - begin < 5)
                try await wait(for: "its id") { await control.syncs.last?.taken == ["c-1"] }
                #expect(await control.syncs.first?.facts?.name == "web-1")
                #expect(agent.all.news.last?.site == "bj")
                #expect(agent.all.problems.isEmpty)
                #expect(abs(agent.all.news.last?.clock.seconds ?? 99) < 1)
            }
        }
    }

    @Test func `An event goes out while a request waits, without a new handshake`() async throws {
        try await withControl { control, door in
            let client = try await joined(control, at: [door.control])
            let agent = TestAgent()
            try await whileSyncing(client, agent) {
                try await wait(for: "a request that waits") { await control.syncs.last?.waits == true }
                let begin = Clocks.steadySeconds
                for number in 1...20 {
                    try await client.report(.receiving, job: "j-\(number)", attempt: 1)
                }
                try await wait(for: "events") { await control.events.count == 20 }
                #expect(Clocks.steadySeconds - begin < 10)
                try await wait(for: "acknowledgement") { client.events.count == 0 }
                #expect(await control.events.map(\.number) == Array(1...20))
                // And the next requests go on waiting.
                try await wait(for: "a request that waits") {
                    let last = await control.syncs.last
                    return last?.waits == true && last?.events.isEmpty == true
                }
                #expect(agent.all.problems.isEmpty)
            }
        }
    }

    /// As where the first event is of a job that this control cannot read yet.
    @Test func `What happens while a request waits whose events control does not take is sent all the same`()
        async throws
    {
        try await withControl { control, door in
            await control.set(interval: 300)
            await control.set(takesEvents: false)
            let client = try await joined(control, at: [door.control])
            func isWaiting(after count: Int) async -> Bool {
                let (syncs, isWaiting) = (await control.syncs, await control.hasWaiting)
                return syncs.count > count && syncs.last?.events.count == 1 && isWaiting
            }
            try await whileSyncing(client, TestAgent()) {
                try await client.report(.receiving, job: "j-1", attempt: 1)
                try await wait(for: "a request that waits") { await isWaiting(after: 0) }
                let before = await control.syncs.count
                // From the answer the agent knows. The request with the event may be under way still, beside one that waits.
                try await wait(for: "another request that waits") {
                    if await isWaiting(after: before) { return true }
                    await control.endWaiting()
                    return false
                }
                try await client.report(.receiving, job: "j-2", attempt: 1)
                try await wait(for: "the second event") { await control.syncs.last?.events.count == 2 }
                await control.set(takesEvents: true)
                try await client.report(.receiving, job: "j-3", attempt: 1)
                try await wait(for: "acknowledgement") { client.events.count == 0 }
                #expect(await control.events.map(\.number) == [1, 2, 3])
            }
        }
    }

    @Test func `A request that was given up with its round does not fail the next one`() async throws {
        try await withControl { control, door in
            let client = try await joined(control, at: [door.control])
            let agent = TestAgent()
            try await whileSyncing(client, agent) {
                try await wait(for: "a request that waits") { await control.syncs.last?.waits == true }
                await control.refuseEvents(LinkRefusal(503, "no_database", "no database", retryAfter: 1))
                try await client.report(.receiving, job: "j-1", attempt: 1)
                try await wait(for: "the event") { await control.events.count == 1 && client.events.count == 0 }
                #expect(agent.all.problems.map(\.code) == ["no_database"])
                // Control may have missed something: it hears the facts once more.
                try await wait(for: "the facts") { await control.syncs.filter { $0.facts != nil }.count > 1 }
            }
        }
    }

    @Test func `While somebody watches, figures come between the answers`() async throws {
        try await withControl { control, door in
            await control.set(watched: ["j-1"])
            let client = try await joined(control, at: [door.control])
            let agent = TestAgent()
            try await whileSyncing(client, agent) {
                try await wait(for: "figures") { await control.syncs.count > 10 }
                #expect(await control.syncs.allSatisfy { $0.figures.first?.job == "j-1" })
                #expect(agent.all.problems.isEmpty)
            }
        }
    }

    @Test func `A certificate that has run out is renewed, and nothing else is answered with it`() async throws {
        try await withControl { control, door in
            let key = HostKey()
            let now = Clocks.wallSeconds
            let node = NodeID(publicKey: key.publicKey)
            let old = try control.authority.node(
                node.description, key: #require(PublicKey(der: key.publicKey)), now: now - 50 * 86_400)
            let record = LinkRecord(
                node: node, name: "web-1", key: key, certificate: old, authority: control.authority.trusted,
                joined: [door.control])
            let client = try LinkClient(
                record, memory: .none, events: try await EventQueue.open(.none), logger: quiet)
            let problem = await #expect(throws: LinkProblem.self) { try await client.view(of: "j-1") }
            #expect(problem?.code == "expired")
            let agent = TestAgent()
            try await whileSyncing(client, agent) {
                try await wait(for: "a sync with the new certificate") { await !control.syncs.isEmpty }
            }
            #expect(await control.renewals == 1)
            #expect(await client.certificate.ends > now)
        }
    }

    @Test func `A revoked key is answered nothing but that`() async throws {
        try await withControl { control, door in
            let client = try await joined(control, at: [door.control])
            await control.revoke(await client.node)
            let agent = TestAgent()
            try await whileSyncing(client, agent) {
                try await wait(for: "refusal") { agent.all.problems.first?.code == "revoked" }
            }
            let renewal = await #expect(throws: LinkProblem.self) { try await client.renew() }
            #expect(renewal?.code == "revoked" || renewal == .cancelled)
            #expect(await control.syncs.isEmpty)
        }
    }

    @Test func `An agent of another fleet does not get in`() async throws {
        try await withControl { control, door in
            try await withControl { other, _ in
                let key = HostKey()
                let node = NodeID(publicKey: key.publicKey)
                let stranger = try other.authority.node(
                    node.description, key: #require(PublicKey(der: key.publicKey)), now: Clocks.wallSeconds)
                // It trusts the control, which does not trust it.
                let record = LinkRecord(
                    node: node, name: "web-1", key: key, certificate: stranger, authority: control.authority.trusted,
                    joined: [door.control])
                let client = try LinkClient(
                    record, memory: .none, events: try await EventQueue.open(.none), logger: quiet)
                await #expect(throws: LinkProblem.self) { try await client.view(of: "j-1") }
                await #expect(throws: LinkProblem.self) { try await client.renew() }
                #expect(await control.renewals == 0)
                await client.transport.shutdown()
            }
        }
    }

    @Test func `When a control goes away its agents go to another, and say their facts there`() async throws {
        let control = try TestControl()
        let other = try TestControl(authority: control.authority)
        let (first, second) = (try await LinkDoor.start(control), try await LinkDoor.start(other))
        let client = try await joined(control, at: [first.control, second.control])
        let agent = TestAgent()
        try await whileSyncing(client, agent) {
            try await wait(for: "a request that waits") {
                let syncs = (await control.syncs, await other.syncs)
                return syncs.0.last?.waits == true || syncs.1.last?.waits == true
            }
            let isFirst = await client.current == first.control
            let (gone, left) = isFirst ? (first, other) : (second, control)
            await (isFirst ? control : other).endWaiting()
            await gone.stop()
            try await wait(for: "the other control") { await !left.syncs.isEmpty }
            #expect(await left.syncs.first?.facts?.name == "web-1")
            #expect(await client.current != gone.control)
        }
        await control.endWaiting()
        await other.endWaiting()
        await first.stop()
        await second.stop()
    }

    @Test func `A restart sends the number of the request that had no answer again`() async throws {
        try await withControl { control, door in
            try await withDirectory { directory in
                let memory = LinkMemory.directory("\(directory)/link")
                _ = try await LinkJoin.join(
                    try await control.token(), at: [door.control], facts: HostFacts(name: "web-1"), keeping: memory)
                for _ in 0..<3 {
                    let client = try #require(try await LinkClient.open(memory, logger: quiet))
                    let before = await control.syncs.count
                    try await whileSyncing(client, TestAgent()) {
                        try await wait(for: "a request that waits") {
                            let syncs = await control.syncs
                            return syncs.count > before && syncs.last?.waits == true
                        }
                        try await client.report(.done, job: "j-1", attempt: 1)
                        try await wait(for: "acknowledgement") { client.events.count == 0 }
                    }
                }
                // Numbers of events go on too.
                #expect(await control.events.map(\.number) == [1, 2, 3])
                let numbers = await control.syncs.map(\.number)
                #expect(numbers == numbers.sorted())
            }
        }
    }

    @Test func `A copy of a host is found out, whichever request it was copied at`() async throws {
        try await withControl { control, door in
            await control.set(interval: 0.1)
            try await withDirectory { directory in
                let (own, copy) = ("\(directory)/own", "\(directory)/copy")
                _ = try await LinkJoin.join(
                    try await control.token(), at: [door.control], facts: HostFacts(name: "web-1"),
                    keeping: .directory(own))
                let client = try #require(try await LinkClient.open(.directory(own), logger: quiet))
                try await whileSyncing(client, TestAgent()) {
                    try await wait(for: "syncs") { await control.syncs.count > 2 }
                    _ = try await Command.ending(["cp", "-a", own, copy])
                    let copied = await control.syncs.count
                    try await wait(for: "more of them") { await control.syncs.count > copied + 1 }
                    let other = try #require(try await LinkClient.open(.directory(copy), logger: quiet))
                    let agent = TestAgent()
                    try await whileSyncing(other, agent) {
                        try await wait(for: "the verdict") { agent.all.problems.contains { $0.code == "cloned" } }
                    }
                }
            }
        }
    }
}
