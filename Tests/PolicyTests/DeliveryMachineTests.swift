import Policy
import Testing
import Text

@Suite struct DeliveryMachineTests {
    static let megabyte = 1_000_000.0

    /// Three files for each method, 10 MB each.
    func plan(
        files: Int = 9, usable: Set<DeliveryMethod> = [.bt, .obs, .cdn], rebalance: Rebalance = .none,
        payable: Set<DeliveryMethod> = []
    ) -> DeliveryPlan {
        let homes = (0..<files).map { Optional(DeliveryMethod.allCases[$0 * 3 / files]) }
        return DeliveryPlan(
            sizes: Array(repeating: 10_000_000, count: files), homes: homes,
            torrentFiles: Set(homes.indices.filter { homes[$0] == .bt }), usable: usable, rebalance: rebalance,
            payable: payable)
    }

    func simulation(_ plan: DeliveryPlan, bt: Double = 1, obs: Double = 1, cdn: Double = 1)
        -> DeliverySimulation
    {
        DeliverySimulation(
            plan: plan, rates: PerMethod(bt: bt * Self.megabyte, obs: obs * Self.megabyte, cdn: cdn * Self.megabyte))
    }

    func sources(_ simulation: DeliverySimulation) -> [DeliveryMethod?] {
        (0..<9).map { simulation.cameFrom[$0] }
    }

    let shares: [DeliveryMethod?] = [.bt, .bt, .bt, .obs, .obs, .obs, .cdn, .cdn, .cdn]

    @Test func `all methods run at once and keep to their shares`() throws {
        var run = simulation(plan(), bt: 10)
        run.start()
        #expect(run.active == PerMethod(repeating: true))
        #expect(run.isSeeding)
        run.run(seconds: 3600)
        #expect(run.machine.phase == .finished)
        #expect(sources(run) == shares)
        #expect(run.count(.publish) == 1)
        #expect(try #require(run.time(of: .publish)).uptime - 1000 < 31)
        #expect(!run.isSeeding)
        #expect(run.actions.last?.action == .finish)
    }

    @Test func `one that is to give nothing is never told to seed, and is over when it is published`() {
        var given = plan()
        (given.gives, given.seedTime) = (false, 3600)
        var run = simulation(given)
        run.start()
        run.run(seconds: 3600)
        #expect(run.machine.phase == .finished && run.count(.publish) == 1)
        #expect(!run.actions.contains { $0.action == .setSeeding(true) })
    }

    @Test func `nothing is published before the last file is right`() {
        var machine = DeliveryMachine(plan: plan(), clock: china)
        let now = Moment(uptime: 0, wall: Instant(seconds: 0))
        var actions = machine.start(at: now)
        for file in 0..<9 { actions += machine.fileComplete(file, at: now) }
        for file in 0..<8 { actions += machine.verified(file, isRight: true, at: now) }
        #expect(!actions.contains(.publish))
        #expect(machine.verified(8, isRight: true, at: now).contains(.publish))
        #expect(machine.verified(8, isRight: true, at: now).isEmpty)
    }

    @Test func `a wrong file is fetched from another source`() {
        var run = simulation(plan())
        run.wrong = [.obs: [4: 100]]
        run.start()
        run.run(seconds: 3600)
        #expect(run.machine.phase == .finished)
        #expect(run.cameFrom[4] == .cdn)
        #expect(run.count(.discard(file: 4)) == 1)
        #expect(run.count(.verify(file: 4)) == 2)
    }

    @Test func `a wrong file of the only source is fetched again from it`() {
        var run = simulation(plan(usable: [.obs]))
        run.machine = DeliveryMachine(
            plan: DeliveryPlan(sizes: [10, 10], homes: [.obs, .obs], torrentFiles: [], usable: [.obs]), clock: china)
        run.wrong = [.obs: [1: 1]]
        run.start()
        run.run(seconds: 3600)
        #expect(run.machine.phase == .finished)
    }

    @Test func `a file that is wrong everywhere fails the delivery`() {
        var run = simulation(plan())
        run.wrong = [.obs: [4: 100], .cdn: [4: 100]]
        run.start()
        run.run(seconds: 3600)
        #expect(run.machine.phase == .failed(.wrongContent(file: 4)))
        #expect(run.count(.publish) == 0)
        #expect(run.active == PerMethod(repeating: false))
        #expect(!run.isSeeding)
        #expect(run.isOver)
    }

    @Test func `local files are copied checked and not fetched`() {
        var plan = plan()
        plan.localFiles = [0, 4, 8]
        var run = simulation(plan)
        run.start()
        #expect(run.count(.copy(files: [0, 4, 8])) == 1)
        run.run(seconds: 3600)
        #expect(run.machine.phase == .finished)
        #expect([0, 4, 8].allSatisfy { run.cameFrom[$0] == nil && run.count(.verify(file: $0)) == 1 })
    }

    @Test func `what is all here is published without a transfer`() {
        var plan = plan()
        plan.localFiles = Set(0..<9)
        var run = simulation(plan)
        run.start()
        #expect(run.machine.phase == .finished)
        #expect(run.received == PerMethod(repeating: 0))
    }

    @Test func `a local file that cannot be copied or is wrong is fetched by the method of its share`() {
        var plan = plan()
        plan.localFiles = [4]
        var machine = DeliveryMachine(plan: plan, clock: china)
        let now = Moment(uptime: 0, wall: Instant(seconds: 0))
        _ = machine.start(at: now)
        #expect(machine.owner(of: 4) == nil)
        var other = machine
        #expect(machine.copyFailed(4, at: now) == [.setMethod(.obs, files: [3, 4, 5], isActive: true)])
        _ = other.fileComplete(4, at: now)
        let actions = other.verified(4, isRight: false, at: now)
        #expect(actions.first == .discard(file: 4))
        #expect(other.owner(of: 4) != nil)
    }

    @Test func `after a restart only what is not verified is fetched`() {
        var run = simulation(plan())
        run.machine = DeliveryMachine(plan: plan(), clock: china, verified: [0, 1, 2, 3, 6, 7, 8])
        run.start()
        #expect(run.assigned == PerMethod(bt: [], obs: [4, 5], cdn: []))
        run.run(seconds: 100)
        #expect(run.machine.phase == .finished)
        #expect(Set(run.cameFrom.keys) == [4, 5])
    }

    @Test func `seeding ends when its time is over`() throws {
        var plan = plan()
        plan.seedTime = 7200
        var run = simulation(plan)
        run.start()
        run.run(seconds: 100)
        let published = try #require(run.time(of: .publish))
        #expect(run.machine.phase == .seeding(until: published.wall + 7200))
        #expect(run.isSeeding)
        run.run(seconds: 100_000)
        #expect(run.machine.phase == .finished)
        let finished = try #require(run.time(of: .finish))
        #expect(abs(finished.wall - published.wall - 7200) < 1)
    }

    @Test func `seeding goes on after a restart until the same time`() {
        var plan = plan()
        plan.seedTime = 7200
        var run = simulation(plan)
        run.machine = DeliveryMachine(plan: plan, clock: china, seedingUntil: Instant(seconds: 500))
        run.start()
        #expect(run.isSeeding)
        #expect(run.active == PerMethod(repeating: false))
        run.run(seconds: 499)
        #expect(!run.isOver)
        run.run(seconds: 5)
        #expect(run.machine.phase == .finished)
    }

    @Test func `seeding keeps to the window where it is told`() throws {
        var plan = plan()
        plan.seedTime = 48 * 3600
        plan.seedsInWindow = true
        plan.windows.bt = try QuietWindow.parse("22:00-06:00")
        var run = simulation(plan)
        run.now.wall = try #require(china.instant(of: "2021-05-28 12:00:00"))
        run.start()
        #expect(!run.isSeeding)
        run.run(seconds: 11 * 3600)
        #expect(run.isSeeding)
        run.run(seconds: 8 * 3600)
        #expect(!run.isSeeding)
    }

    @Test func `a cacher fetches the share keeps nothing and seeds`() {
        var plan = plan(usable: [.bt])
        plan.homes = plan.homes.map { $0 == .bt ? .bt : nil }
        plan.keepsContent = false
        plan.seedTime = 3600
        var run = simulation(plan)
        run.start()
        run.run(seconds: 60)
        #expect(Set(run.cameFrom.keys) == [0, 1, 2])
        #expect(run.count(.publish) == 0)
        guard case .seeding(let until) = run.machine.phase else {
            Issue.record("it does not seed")
            return
        }
        let extended = run.machine.extendSeeding(at: run.now)
        #expect(extended.contains(.seed(until: run.now.wall + 3600)))
        #expect(run.now.wall + 3600 > until)
    }

    @Test func `content that cannot be published fails`() {
        var run = simulation(plan())
        run.publishes = false
        run.start()
        run.run(seconds: 100)
        #expect(run.machine.phase == .failed(.cannotPublish("the disk is full")))
    }

    @Test func `a file that no method may fetch fails at once`() {
        var machine = DeliveryMachine(plan: plan(usable: [.bt]), clock: china)
        let actions = machine.start(at: Moment(uptime: 0, wall: Instant(seconds: 0)))
        #expect(actions == [.fail(.noMethod(file: 3))])
    }

    @Test func `a quiet hour delivery of two days is carried out window by window`() throws {
        // 190 GB: obs at night, cdn by day, bt in the evening; none is done on the first day.
        var plan = DeliveryPlan(
            sizes: Array(repeating: 9_500_000_000, count: 20),
            homes: (0..<20).map { $0 < 10 ? .bt : $0 < 15 ? .obs : .cdn }, torrentFiles: Set(0..<10),
            usable: [.bt, .obs, .cdn])
        plan.windows = PerMethod(
            bt: try QuietWindow.parse("18:00-24:00"), obs: try QuietWindow.parse("00:00-08:00"),
            cdn: try QuietWindow.parse("08:00-18:00"))
        plan.seedTime = 3600
        let berlin = try ZoneClock("Europe/Berlin")
        let start = try #require(berlin.instant(of: "2024-03-29 12:00:00"))
        var run = DeliverySimulation(
            plan: plan, rates: PerMethod(bt: 2_400_000, obs: 1_000_000, cdn: 1_000_000), start: start, clock: berlin)
        run.start()
        run.run(seconds: 40 * 3600)
        #expect(run.machine.phase == .fetching)
        #expect(run.count(.publish) == 0)
        run.run(seconds: 48 * 3600)
        #expect(run.machine.phase == .finished)
        // Each file came by its own method, and each method ran only inside its windows: the night that is an hour
        // shorter included.
        #expect((0..<20).allSatisfy { run.cameFrom[$0] == plan.homes[$0] })
        for (now, action) in run.actions {
            guard case .setMethod(let method, _, true) = action else { continue }
            #expect(plan.windows[method].isOpen(at: now.wall, clock: berlin))
        }
        let stops = run.actions.compactMap { now, action -> String? in
            guard case .setMethod(.cdn, let files, false) = action, !files.isEmpty else { return nil }
            return berlin.text(now.wall)
        }
        #expect(stops.contains { $0.hasSuffix("18:00:00") })
        #expect(!run.actions.contains { if case .fail = $0.action { true } else { false } })
        #expect(!run.actions.contains { if case .probe = $0.action { true } else { false } })
    }

    @Test func `whatever happens nothing is published early and the machine goes on`() {
        var generator = SeededGenerator(seed: 9)
        for _ in 0..<60 {
            let rebalance = Bool.random(using: &generator) ? Rebalance.idle : .none
            var plan = plan(rebalance: rebalance, payable: Bool.random(using: &generator) ? [.obs, .cdn] : [])
            plan.seedTime = Int.random(in: 0...1, using: &generator) * 600
            var run = simulation(
                plan, bt: .random(in: 0.1...5, using: &generator), obs: .random(in: 0.1...5, using: &generator))
            run.wrong = [.obs: [Int.random(in: 0..<9, using: &generator): 1], .bt: [0: 1]]
            run.start()
            for _ in 0..<12 {
                let method = DeliveryMethod.allCases.randomElement(using: &generator) ?? .bt
                run.troubles[method] =
                    [
                        nil, .status(404), .noPeerHasPiece, .connectionRefused(host: "x"), .other("slow"),
                    ].randomElement(using: &generator) ?? nil
                run.run(seconds: .random(in: 1...40, using: &generator))
                if run.count(.publish) > 0 { #expect(run.machine.verifiedFiles == Set(0..<9)) }
            }
            run.troubles = PerMethod(repeating: nil)
            run.run(seconds: 10_000)
            #expect(run.machine.phase == .finished)
            #expect(run.count(.publish) == 1)
        }
    }

    @Test func `that a file is here costs no more with many files`() {
        let count = 20_000
        let homes = (0..<count).map { Optional(DeliveryMethod.allCases[$0 * 3 / count]) }
        let plan = DeliveryPlan(
            sizes: Array(repeating: 1000, count: count), homes: homes, torrentFiles: Set(0..<count / 3),
            usable: [.bt, .obs, .cdn], rebalance: .idle)
        var machine = DeliveryMachine(plan: plan, clock: china)
        let now = Moment(uptime: 0, wall: Instant(seconds: 0))
        var told = machine.start(at: now).count
        for file in 0..<count {
            told += machine.fileComplete(file, at: now).count
            told += machine.verified(file, isRight: true, at: now).count
        }
        // One action for each file, and a handful for the whole.
        #expect((count...count + 20).contains(told))
        #expect(machine.phase == .publishing)
    }
}
