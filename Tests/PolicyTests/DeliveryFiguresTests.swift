import Policy
import Testing

/// What is told of a delivery of three files, one of each method's share.
@Suite("The figures of a delivery")
struct DeliveryFiguresTests {
    private let sizes: [Int64] = [600, 300, 100]
    private var total: Int64 { sizes.reduce(0, +) }
    private var lists: PerMethod<Int64> { PerMethod(bt: sizes[0], obs: sizes[1], cdn: sizes[2]) }

    private func machine() -> DeliveryMachine {
        let plan = DeliveryPlan(
            sizes: sizes, homes: [.bt, .obs, .cdn], torrentFiles: [0, 1, 2], usable: Set(DeliveryMethod.allCases))
        var machine = DeliveryMachine(plan: plan, clock: SystemWallClock())
        _ = machine.start(at: Moment(uptime: 0, wall: Instant(seconds: 0)))
        return machine
    }

    private func sum(_ values: PerMethod<Int64>) -> Int64 { values.all.reduce(0, +) }

    @Test func `before the transfers begin all is still to come, and of content that is here nothing`() {
        var figures = DeliveryFigures()
        figures.begin(sizes: lists, isComplete: false)
        #expect(figures.pending == lists && sum(figures.received) == 0)
        figures = DeliveryFigures()
        figures.begin(sizes: lists, isComplete: true)
        #expect(figures.received == lists && sum(figures.pending) == 0)
    }

    @Test func `received and pending make up the whole at every look`() {
        var random = SystemRandomNumberGenerator()
        let machine = machine()
        for _ in 0..<2_000 {
            var figures = DeliveryFigures()
            let some = { (_: DeliveryMethod) in Int64.random(in: 0...700, using: &random) }
            figures.transfersEnded(PerMethod(each: some), most: total)
            let running = PerMethod(each: some)
            figures.look(running, rates: PerMethod(repeating: 1), machine: machine, most: total)
            #expect(sum(figures.received) + sum(figures.pending) == total)
            #expect(sum(figures.received) == min(total, sum(figures.total(running))))
            #expect((figures.received.all + figures.pending.all).allSatisfy { $0 >= 0 })
        }
    }

    @Test func `bytes of transfers that ended count beside those that run, until records know of them`() {
        var figures = DeliveryFigures()
        figures.transfersEnded(PerMethod(bt: 10, obs: 20, cdn: 30), most: total)
        #expect(figures.total(PerMethod(bt: 1, obs: 2, cdn: 3)) == PerMethod(bt: 11, obs: 22, cdn: 33))
        figures.transfersBegan()
        #expect(figures.total(PerMethod(bt: 1, obs: 2, cdn: 3)) == PerMethod(bt: 1, obs: 2, cdn: 3))
    }

    @Test func `at the end what nobody counted came by the methods that had the files`() {
        var figures = DeliveryFigures()
        figures.look(
            PerMethod(bt: 100, obs: 300, cdn: 0), rates: PerMethod(repeating: 5), machine: machine(), most: total)
        figures.complete(most: total, sizes: lists)
        #expect(figures.received == lists)
        #expect(sum(figures.pending) == 0 && figures.rates == PerMethod(repeating: 0))
    }

    @Test func `at the end what came since the last look is of the method that brought it`() {
        var figures = DeliveryFigures()
        figures.look(
            PerMethod(bt: 100, obs: 0, cdn: 0), rates: PerMethod(repeating: 5), machine: machine(), most: total)
        figures.transfersEnded(PerMethod(bt: total, obs: 0, cdn: 0), most: total)
        figures.complete(most: total, sizes: lists)
        #expect(figures.received == PerMethod(bt: total, obs: 0, cdn: 0))
    }

    @Test func `counters are told each byte once, also after a restart`() {
        var figures = DeliveryFigures()
        figures.look(
            PerMethod(bt: 100, obs: 50, cdn: 0), rates: PerMethod(repeating: 0), machine: machine(), most: total)
        let news = [figures.uncounted(), figures.uncounted()]
        #expect(news == [PerMethod(bt: 100, obs: 50, cdn: 0), PerMethod(repeating: 0)])
        var later = DeliveryFigures()
        later.restore("100 50 0\n", total: total)
        let again = later.uncounted()
        #expect(again == PerMethod(repeating: 0))
    }

    @Test func `a record is written when much has come, and at the end, and is read as it was written`() throws {
        let most: Int64 = 1 << 40
        var figures = DeliveryFigures()
        figures.restore("1000 0 0\n", total: most)
        let texts = [figures.record(total: most, isLast: false), figures.record(total: most, isLast: true)]
        #expect(texts == [nil, nil], "nothing new")
        figures.begin(sizes: PerMethod(bt: most / 50, obs: 7, cdn: 0), isComplete: true)
        let written = figures.record(total: most, isLast: false)
        let text = try #require(written)
        #expect(text == "\(most / 50) 7 0\n")
        var later = DeliveryFigures()
        later.restore(text, total: most)
        #expect(later.received == figures.received)
    }

    @Test(arguments: ["", "1 2", "1 2 3 4", "-1 2 3", "a b c", "9223372036854775807 9223372036854775807 1"])
    func `a record that is none says nothing`(text: String) {
        var figures = DeliveryFigures()
        figures.restore(text, total: 1_000)
        #expect(figures == DeliveryFigures())
    }

    @Test func `after trouble with the disk transfers begin anew, each time after twice as long`() {
        var retry = DiskRetry(Backoff(first: 5, most: 15))
        for (at, wait) in [(100.0, 5.0), (200, 10), (300, 15), (400, 15)] {
            retry.failed("no space", at: at)
            #expect(retry.problem == "no space")
            let due = [at + wait - 0.1, at + wait, at + wait + 1].map { retry.isDue(at: $0) }
            #expect(due == [false, true, false], "told once, after \(wait) s")
            #expect(retry.problem.isEmpty)
        }
        retry.failed("no space", at: 500)
        retry.begun()
        let isDue = retry.isDue(at: 1_000)
        #expect(!isDue)
    }
}
