import Fleet
import FleetStore
import JSON
import Testing

@testable import Control

@Suite("The progress of jobs over several controls")
struct FigureExchangeTests {
    private struct Pair {
        let one: ControlBench
        let two: ControlBench
        let build: TestAgent
        /// With the first control, and with the second.
        let near: TestAgent
        let far: TestAgent
        let job: String

        func pass(_ seconds: Int) async {
            for _ in 0..<seconds {
                one.clock.pass(1)
                await one.core.tick()
                await two.core.tick()
            }
        }

        func figures(_ done: Int64) -> [JobFigures] { [JobFigures(job: job, done: done, total: 1_000_000, down: 1000)] }

        func view(at bench: ControlBench) async throws -> JobView {
            try await bench.core.views.view(of: try await bench.job(job))
        }
    }

    private func pair() async throws -> Pair {
        let one = try await ControlBench()
        try await one.defineRelease()
        let two = try await ControlBench(beside: one)
        let (build, near, far) = (
            try await one.agent("build"), try await one.agent("web-1"), try await one.agent("web-2")
        )
        await two.core.changes.follow()
        far.goes(to: two)
        try await far.sync()
        let job = try await build.startJob(SampleTorrent.content(of: 1_000_000))
        await two.core.changes.follow()
        let pair = Pair(one: one, two: two, build: build, near: near, far: far, job: job)
        await pair.pass(6)
        try await near.sync()
        try await far.sync()
        try await near.sync([(job, .accepted), (job, .receiving)])
        try await far.sync([(job, .accepted), (job, .receiving)])
        return pair
    }

    @Test func `each control shows what the nodes of the others have`() async throws {
        let pair = try await pair()
        try await pair.near.sync(figures: pair.figures(400_000))
        try await pair.far.sync(figures: pair.figures(300_000))
        await pair.pass(12)
        #expect(try await pair.view(at: pair.one).bytes == 700_000)
        #expect(try await pair.view(at: pair.two).bytes == 700_000)
        // It changes to the other control, whose word is the newest then.
        pair.far.goes(to: pair.one)
        try await pair.far.sync(figures: pair.figures(900_000))
        await pair.pass(12)
        #expect(try await pair.view(at: pair.one).bytes == 1_300_000)
        #expect(try await pair.view(at: pair.two).bytes == 1_300_000)
    }

    @Test func `a job that is watched at one control is reported by the nodes of all`() async throws {
        let pair = try await pair()
        #expect(try await pair.far.sync().watched.isEmpty)
        pair.one.core.views.watch(pair.job)
        await pair.pass(2)
        #expect(try await pair.far.sync().watched == [pair.job])
        #expect(try await pair.near.sync().watched == [pair.job])
        // Progress comes soon then.
        try await pair.far.sync(figures: pair.figures(500_000))
        await pair.pass(4)
        #expect(try await pair.view(at: pair.one).bytes == 500_000)
        // Nobody looks any more.
        await pair.pass(60)
        #expect(try await pair.far.sync().watched.isEmpty)
        #expect(try await pair.near.sync().watched.isEmpty)
    }

    @Test func `nothing is written while nothing is new`() async throws {
        let pair = try await pair()
        try await pair.near.sync(figures: pair.figures(400_000))
        await pair.pass(12)
        let before = try await pair.one.core.store.sharedFigures(besides: "", since: [:])
        await pair.pass(60)
        #expect(try await pair.one.core.store.sharedFigures(besides: "", since: [:]) == before)
        #expect(before.count == 1)
    }

    @Test func `what no control says is passed over`() async throws {
        let pair = try await pair()
        let node = pair.far.id.description
        let docs: [JSONValue] = [
            .null, "x", [1, ["node": "x"]],
            [["node": .string(node), "rate": 1, "moving": 1, "age": 0, "figures": [:]]],
            [["node": .string(node), "figures": JobFigures(job: "other", done: 1, total: 1).json]],
        ]
        for (number, doc) in docs.enumerated() {
            let word = SharedFigures(
                job: pair.job, control: "c\(number)", isWatched: false, doc: doc, at: pair.one.clock.now)
            try await pair.one.core.store.share([word])
        }
        await pair.pass(12)
        #expect(try await pair.view(at: pair.one).bytes == 0)
    }
}
