import Fleet
import FleetStore
import JSON
import NIOCore
import Testing

@testable import Control

@Suite struct `The stream of a job` {
    private struct Message {
        let id: Int64
        let size: Int
        let targets: [JSONValue]
        let states: [JSONValue]
        let figures: [JSONValue]
        let state: String

        var nodes: [String] {
            targets.compactMap { $0["node"]?.stringValue } + states.compactMap { $0.arrayValue?.first?.stringValue }
        }
    }

    private func read(_ buffers: [ByteBuffer]) throws -> [Message] {
        try buffers.map { buffer in
            let text = String(buffer: buffer)
            let lines = text.split(separator: "\n")
            let first = try #require(lines.first)
            let data = try JSONValue.parse(Array(try #require(lines.last).dropFirst("data: ".count).utf8))
            return Message(
                id: try #require(Int64(first.dropFirst("id: ".count))), size: text.utf8.count,
                targets: data["targets"]?.arrayValue ?? [], states: data["states"]?.arrayValue ?? [],
                figures: data["figures"]?.arrayValue ?? [],
                state: data["job"]?["state"]?.stringValue ?? "")
        }
    }

    private func started(_ targets: Int) async throws -> (ControlBench, [TestAgent], job: String) {
        let bench = try await ControlBench()
        try await bench.defineRelease()
        let build = try await bench.agent("build")
        var webs: [TestAgent] = []
        for number in 1...targets { webs.append(try await bench.agent("web-\(number)")) }
        return (bench, webs, try await build.startJob())
    }

    @Test func `shows each target once, however many changed at once, and goes on where a client left off`()
        async throws
    {
        let (bench, webs, job) = try await started(900)
        let look = JobStream(core: bench.core, job: job, most: 16 << 10)
        var shown = JobStream.Shown(after: 0)
        var messages: [Message] = []
        while let next = try read(await look.next(&shown) ?? []).first, messages.count < 50 { messages.append(next) }
        #expect(messages.count > 1 && messages.count <= 4, "a second and a half")
        #expect(messages.dropLast().allSatisfy { $0.targets.count >= 4 && $0.states.count > 100 })
        #expect(messages.allSatisfy { $0.size <= 16 << 10 })
        let nodes = messages.flatMap(\.nodes)
        #expect(nodes.count == 900 && Set(nodes) == Set(webs.map(\.id.description)))
        // Another stream that begins after any of them misses nothing.
        for (place, message) in messages.enumerated() {
            var again = JobStream.Shown(after: message.id)
            var rest: Set<String> = []
            while let next = try read(await look.next(&again) ?? []).first, !next.nodes.isEmpty {
                rest.formUnion(next.nodes)
            }
            #expect(rest.isSuperset(of: messages[(place + 1)...].flatMap(\.nodes)))
        }
        try await webs[0].sync([(job, .receiving)])
        #expect(try read(await look.next(&shown) ?? []).flatMap(\.nodes) == [webs[0].id.description])
        #expect(await look.next(&shown)?.isEmpty == true)
    }

    @Test func `shows the figures of a thousand nodes in four messages`() async throws {
        let (bench, _, job) = try await started(1)
        let look = JobStream(core: bench.core, job: job, most: 16 << 10)
        var shown = JobStream.Shown(after: 0)
        _ = await look.next(&shown)
        for number in 0..<1000 {
            let figures = JobFigures(job: job, done: 68_157_440 + Int64(number), total: 1 << 30, down: 1_048_576.27)
            bench.core.figures.put([figures], of: NodeID(publicKey: Array("key \(number)".utf8)), at: 0)
        }
        var told = 0
        for _ in 0..<4 {
            let messages = try read(await look.next(&shown) ?? [])
            #expect(messages.allSatisfy { $0.size <= 16 << 10 })
            told += messages.reduce(0) { $0 + $1.figures.count }
        }
        #expect(told == 1000)
    }

    @Test func `is silent while other jobs have news, and ends with its job`() async throws {
        let (bench, webs, job) = try await started(2)
        let look = JobStream(core: bench.core, job: job, most: 16 << 10)
        var shown = JobStream.Shown(after: 0)
        #expect(await look.next(&shown)?.count == 1)
        bench.core.figures.put([JobFigures(job: "other", done: 1, total: 5)], of: webs[0].id, at: 0)
        #expect(await look.next(&shown)?.isEmpty == true)
        try await webs[0].sync(figures: [JobFigures(job: job, done: 3, total: 5)])
        let figures = try read(await look.next(&shown) ?? [])
        #expect(figures.first?.figures == [[.string(webs[0].id.description), 3, 0, 0]])
        #expect(await look.next(&shown)?.isEmpty == true)
        for web in webs { try await web.sync([(job, .delivered), (job, .done)]) }
        bench.core.figures.put([JobFigures(job: job, done: 5, total: 5)], of: webs[0].id, at: 0)
        #expect(try read(await look.next(&shown) ?? []).map(\.state) == ["done"])
        #expect(await look.next(&shown) == nil)
    }

    @Test func `gives all nodes their turn when their figures do not fit into one message`() {
        let nodes = (0..<10).map { NodeID(publicKey: [$0]) }
        var changes = FigureChanges()
        var cursor = FigureCursor()
        var told: [NodeID: Int] = [:]
        for _ in 0..<10 {
            // All report between two messages, and three fit.
            for node in nodes { changes.note(node) }
            var room = 3
            cursor.take(from: changes) { node in
                guard room > 0 else { return false }
                room -= 1
                told[node, default: 0] += 1
                return true
            }
            #expect(cursor.isBehind(changes))
        }
        #expect(nodes.allSatisfy { told[$0] == 3 })
        cursor.take(from: changes) { _ in true }
        #expect(!cursor.isBehind(changes))
        // The job's figures were forgotten, and begin again.
        var other = FigureChanges()
        other.note(nodes[5])
        var last: [NodeID] = []
        cursor.take(from: other) { node in
            last.append(node)
            return true
        }
        #expect(last == [nodes[5]])
    }

    @Test func `gives its place back even if nothing of it was ever read`() {
        let followers = Followers()
        var place = followers.enter(most: 1)
        #expect(place != nil && followers.enter(most: 1) == nil)
        place = nil
        #expect(followers.open == 0)
        #expect(followers.enter(most: 1) != nil)
    }

    @Test func `tells webhooks of an end once, and of nothing that goes on`() {
        func change(_ state: String) -> ChangeRecord {
            ChangeRecord(id: 7, at: 0, kind: "job", subject: "j-1", doc: ["state": .string(state)])
        }
        #expect(WebhookEvent(change("running"), before: "held") == nil)
        #expect(WebhookEvent(change("held"), before: "running")?.name == "job.held")
        #expect(WebhookEvent(change("held"), before: "held") == nil)
        #expect(WebhookEvent(change("done"), before: nil)?.name == "job.done")
    }
}
