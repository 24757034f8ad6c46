import Fleet
import Testing
import Text

@Suite struct JobMachineTests {
    private func nodes(_ count: Int) -> [NodeID] { (0..<count).map { NodeID(publicKey: Array("key \($0)".utf8)) } }

    private func machine(_ waves: [[NodeID]], _ change: (inout JobCourse) -> Void = { _ in }) -> JobMachine {
        var course = JobCourse()
        course.wait = 60
        change(&course)
        return JobMachine(id: "j-1", waves: waves, course: course, at: 1000)
    }

    /// A node that does all at once, as far as it may.
    private func run(_ job: inout JobMachine, _ node: NodeID, at now: Double) {
        _ = job.report(.receiving, of: node, at: now)
        let orders = job.report(.delivered, of: node, at: now)
        if orders.contains(where: { if case .switches(node, _) = $0 { true } else { false } }) {
            finish(&job, node, at: now)
        }
    }

    private func finish(_ job: inout JobMachine, _ node: NodeID, at now: Double) {
        _ = job.report(.switched, of: node, at: now)
        _ = job.report(.done, of: node, at: now)
    }

    @Test func `a job of one wave is done when all targets are`() {
        let targets = nodes(3)
        var job = machine([targets])
        #expect(job.orders(of: targets[0]) == [.offer(targets[0], attempt: 1)])
        for node in targets {
            #expect(job.state == .running)
            run(&job, node, at: 1001)
        }
        #expect(job.state == .done)
        #expect(job.targets.allSatisfy { $0.state == .done })
        #expect(job.tick(2000).isEmpty)
    }

    @Test func `bytes go to all at once, and waves gate the switch`() {
        let targets = nodes(4)
        var job = machine([[targets[0]], [targets[1]], [targets[2], targets[3]]])
        for node in targets { #expect(job.orders(of: node) == [.offer(node, attempt: 1)]) }
        for node in targets.reversed() { run(&job, node, at: 1010) }
        #expect(job.target(targets[0])?.state == .done)
        #expect(job.target(targets[1])?.state == .delivered)
        #expect(job.nextWave == 1070)
        #expect(job.tick(1069).isEmpty)
        #expect(job.tick(1070) == [.switches(targets[1], at: nil)])
        finish(&job, targets[1], at: 1075)
        #expect(job.nextWave == 1135)
        #expect(Set(job.tick(1135).map { "\($0)" }).count == 2)
        finish(&job, targets[2], at: 1140)
        finish(&job, targets[3], at: 1140)
        #expect(job.state == .done)
    }

    @Test(arguments: [false, true])
    func `a wave in which too many have failed before it opens switches nobody, until an operator says so`(
        gatesTransfer: Bool
    ) {
        // One of all twelve may fail, and none of the five in the second wave.
        let targets = nodes(12)
        let second = Array(targets[1...5])
        var job = machine([[targets[0]], second, Array(targets[6...])]) {
            ($0.maxFailures, $0.retries, $0.wavesGateTransfer) = (.percent(10), 0, gatesTransfer)
        }
        _ = job.report(.refused(key: "receive.roots"), of: second[0], at: 1001)
        #expect(job.state == .running)
        run(&job, targets[0], at: 1002)
        if !gatesTransfer { for node in second.dropFirst() { run(&job, node, at: 1003) } }
        #expect(job.tick(1070).isEmpty)
        #expect(job.state == .held && job.reason?.contains("wave 2") == true)
        let orders = job.promote(at: 1080)
        // The third wave has its offers besides.
        #expect(
            Array(orders[..<4])
                == second.dropFirst().map { gatesTransfer ? .offer($0, attempt: 1) : .switches($0, at: nil) })
    }

    @Test func `waves may gate the bytes too`() {
        let targets = nodes(2)
        var job = machine([[targets[0]], [targets[1]]]) { $0.wavesGateTransfer = true }
        #expect(job.orders(of: targets[1]).isEmpty)
        #expect(job.targets.map { job.shown($0) } == [.waiting(.offer), .waiting(.wave)])
        run(&job, targets[0], at: 1001)
        #expect(job.tick(1061) == [.offer(targets[1], attempt: 1)])
        #expect(job.targets.map { job.shown($0) } == [.done, .waiting(.offer)])
    }

    @Test func `waves gate the bytes of what switches by order or together, too`() {
        let targets = nodes(2)
        var job = machine([[targets[0]], [targets[1]]]) { ($0.wavesGateTransfer, $0.switches) = (true, .manual) }
        #expect(job.orders(of: targets[0]) == [.offer(targets[0], attempt: 1)])
        #expect(job.orders(of: targets[1]).isEmpty)
        run(&job, targets[0], at: 1001)
        #expect(job.tick(1060).isEmpty)
        #expect(job.tick(1061) == [.offer(targets[1], attempt: 1)])
        run(&job, targets[1], at: 1070)
        #expect(job.target(targets[1])?.state == .delivered)
        #expect(Set(job.promote(at: 1080)) == Set(targets.map { .switches($0, at: nil) }))

        var slow = machine([[targets[0]], [targets[1]]]) {
            ($0.wavesGateTransfer, $0.switches, $0.approve) = (true, .manual, true)
        }
        run(&slow, targets[0], at: 1001)
        #expect(slow.tick(5000).isEmpty)
        #expect(slow.promote(at: 5001) == [.offer(targets[1], attempt: 1)])

        var together = machine([targets]) { ($0.wavesGateTransfer, $0.switches) = (true, .together) }
        for node in targets { #expect(together.orders(of: node) == [.offer(node, attempt: 1)]) }
        for node in targets { run(&together, node, at: 1001) }
        #expect(together.moment != nil)
    }

    @Test func `with approve, each next wave needs an order`() {
        let targets = nodes(2)
        var job = machine([[targets[0]], [targets[1]]]) { $0.approve = true }
        for node in targets { run(&job, node, at: 1001) }
        #expect(job.nextWave == nil)
        #expect(job.tick(9000).isEmpty)
        #expect(job.promote(at: 9001).contains(.switches(targets[1], at: nil)))
    }

    @Test func `too many failures hold the job, and nothing further switches until a person says so`() {
        let targets = nodes(20)
        var job = machine([Array(targets[0..<10]), Array(targets[10...])])
        for node in targets[2...] { _ = job.report(.delivered, of: node, at: 1001) }
        _ = job.report(.failed(code: "hook_exit_1", again: false), of: targets[0], at: 1002)
        #expect(job.state == .running)
        _ = job.report(.failed(code: "hook_exit_1", again: false), of: targets[1], at: 1003)
        #expect(job.state == .held)
        #expect(job.reason?.contains("2 of 10") == true)
        #expect(job.orders(of: targets[5]).isEmpty)
        #expect(job.promote(at: 1004).contains(.switches(targets[5], at: nil)))
        #expect(job.state == .running)
        for node in targets[2..<10] { finish(&job, node, at: 1005) }
        #expect(job.tick(1065).contains(.switches(targets[12], at: nil)))
        for node in targets[10...] { finish(&job, node, at: 1070) }
        #expect(job.state == .partly)
    }

    @Test func `a held job goes on when those that failed are tried again`() {
        let targets = nodes(2)
        var job = machine([targets]) { $0.maxFailures = .count(0) }
        _ = job.report(.failed(code: "x", again: false), of: targets[0], at: 1001)
        #expect(job.state == .held)
        #expect(job.retry(at: 1002) == [.offer(targets[0], attempt: 2)])
        for node in targets { run(&job, node, at: 1003) }
        #expect(job.state == .done)
    }

    @Test func `a job that ended with failures begins again when they are tried again, with its whole time`() {
        let targets = nodes(2)
        var job = machine([targets]) {
            $0.maxFailures = .percent(50)
            $0.expires = 1000
        }
        run(&job, targets[0], at: 1001)
        _ = job.report(.failed(code: "hook_exit_1", again: false), of: targets[1], at: 1002)
        #expect(job.state == .partly)
        #expect(job.retry(at: 5000) == [.offer(targets[1], attempt: 2)])
        #expect(job.state == .running && job.expires == 6000 && job.due == 6000)
        // A control that reads it from the database goes on in the same way.
        job = JobMachine(
            id: "j-1", course: job.course, header: JobMachine.Header(job.header.json) ?? job.header,
            targets: job.targets)
        #expect(job.tick(5001).isEmpty)
        #expect(job.orders(of: targets[1]) == [.offer(targets[1], attempt: 2)])
        run(&job, targets[1], at: 5002)
        #expect(job.state == .done)
        #expect(job.retry(at: 5003).isEmpty && job.state == .done)
    }

    @Test func `a job for later is planned until then, and has its whole time from then on`() {
        let targets = nodes(2)
        var course = JobCourse()
        course.expires = 1000
        var job = JobMachine(id: "j-1", waves: [targets], course: course, at: 1000, begins: 5000)
        #expect(job.state == .planned && job.due == 5000 && job.expires == 6000)
        #expect(job.orders(of: targets[0]).isEmpty && job.tick(4999).isEmpty)
        #expect(job.report(.back, of: targets[0], at: 2000).isEmpty)
        // As it is read from the database.
        job = JobMachine(
            id: "j-1", course: course, header: JobMachine.Header(job.header.json) ?? job.header, targets: job.targets)
        #expect(job.state == .planned && job.begins == 5000)
        _ = job.pause()
        #expect(job.state == .paused)
        #expect(!job.resume(at: 3000).contains(.offer(targets[0], attempt: 1)) && job.state == .planned)
        #expect(Set(job.tick(5000)) == Set(targets.map { .offer($0, attempt: 1) }))
        #expect(job.state == .running && job.due == 6000)
        for node in targets { run(&job, node, at: 5001) }
        #expect(job.state == .done)
    }

    @Test
    func `a planned job that is paused beyond its time begins when it is resumed, and one that is promoted at once`() {
        let targets = nodes(1)
        var job = JobMachine(id: "j-1", waves: [targets], course: JobCourse(), at: 1000, begins: 5000)
        _ = job.pause()
        #expect(job.tick(5000).isEmpty && job.state == .paused)
        #expect(job.resume(at: 5001).contains(.offer(targets[0], attempt: 1)) && job.state == .running)
        job = JobMachine(id: "j-1", waves: [targets], course: JobCourse(), at: 1000, begins: 5000)
        #expect(job.promote(at: 2000) == [.offer(targets[0], attempt: 1)] && job.state == .running)
        #expect(job.expires == 2000 + job.course.expires)
        job = JobMachine(id: "j-1", waves: [targets], course: JobCourse(), at: 1000, begins: 5000)
        _ = job.cancel()
        #expect(job.state == .cancelled && job.tick(5000).isEmpty)
    }

    @Test func `a failed job whose nodes are all away begins again too`() {
        let targets = nodes(1)
        var job = machine([targets])
        _ = job.report(.failed(code: "x", again: false), of: targets[0], at: 1001)
        _ = job.report(.away, of: targets[0], at: 1002)
        #expect(job.state == .failed)
        #expect(job.retry(at: 1003).isEmpty)
        #expect(job.state == .running && job.target(targets[0])?.state == .waiting(.away))
        #expect(job.report(.back, of: targets[0], at: 1004) == [.offer(targets[0], attempt: 2)])
    }

    @Test func `a target that may succeed is tried again by itself, so many times`() {
        let targets = nodes(1)
        var job = machine([targets]) { $0.retries = 2 }
        var now = 1001.0
        for (attempt, pause) in [(2, 30.0), (3, 60)] {
            #expect(job.report(.failed(code: "timeout", again: true), of: targets[0], at: now).isEmpty)
            #expect(job.orders(of: targets[0]).isEmpty)
            #expect(job.due == now + pause)
            #expect(job.tick(now + pause - 1).isEmpty)
            now += pause
            #expect(job.tick(now) == [.offer(targets[0], attempt: attempt)])
        }
        _ = job.report(.failed(code: "timeout", again: true), of: targets[0], at: now)
        #expect(job.state == .failed)
    }

    @Test func `a job that failed goes on when its targets are tried again`() {
        let targets = nodes(2)
        var job = machine([targets]) { $0.maxFailures = .count(0) }
        run(&job, targets[0], at: 1001)
        _ = job.report(.failed(code: "hook_exit_1", again: false), of: targets[1], at: 1001)
        #expect(job.state == .failed)
        #expect(job.retry(at: 1002) == [.offer(targets[1], attempt: 2)])
        #expect(job.state == .running)
        run(&job, targets[1], at: 1003)
        #expect(job.state == .done)
        let before = job
        #expect(job.retry(at: 1004).isEmpty && job == before)
    }

    @Test func `all switch together in one moment, when all but those that may fail have it`() {
        let targets = nodes(10)
        var job = machine([targets]) { $0.switches = .together }
        for node in targets[..<8] { #expect(job.report(.delivered, of: node, at: 1001).isEmpty) }
        let orders = job.report(.delivered, of: targets[8], at: 1002)
        #expect(orders.filter { if case .switches(_, at: 1004.5) = $0 { true } else { false } }.count >= 9)
        // Who is late switches on arrival.
        #expect(job.report(.delivered, of: targets[9], at: 2000) == [.switches(targets[9], at: 1004.5)])
    }

    @Test func `manual targets switch by an order only`() {
        let targets = nodes(2)
        var job = machine([targets]) { $0.switches = .manual }
        for node in targets { #expect(job.report(.delivered, of: node, at: 1001).isEmpty) }
        #expect(Set(job.promote(at: 1002)) == [.switches(targets[0], at: nil), .switches(targets[1], at: nil)])
    }

    @Test func `who is away holds up no wave, gets the job on return, and is given up at the end`() {
        let targets = nodes(3)
        var job = machine([[targets[0], targets[1]], [targets[2]]])
        _ = job.report(.away, of: targets[1], at: 1001)
        run(&job, targets[0], at: 1002)
        run(&job, targets[2], at: 1002)
        #expect(job.tick(1062) == [.switches(targets[2], at: nil)])
        #expect(job.report(.back, of: targets[1], at: 5000) == [.offer(targets[1], attempt: 1)])
        _ = job.report(.away, of: targets[1], at: 5001)
        finish(&job, targets[2], at: 5002)
        _ = job.tick(1000 + 7 * 86_400)
        #expect(job.target(targets[1])?.state == .expired)
        #expect(job.state == .failed)
    }

    @Test func `who goes away or is drained before its switch holds up no wave`() {
        let targets = nodes(4)
        var job = machine([Array(targets[..<3]), [targets[3]]])
        _ = job.report(.delivered, of: targets[3], at: 1001)
        run(&job, targets[0], at: 1001)
        _ = job.report(.delivered, of: targets[1], at: 1002)
        _ = job.report(.away, of: targets[1], at: 1002)
        #expect(job.nextWave == nil)
        _ = job.report(.drained, of: targets[2], at: 1003)
        #expect(job.tick(1063).contains(.switches(targets[3], at: nil)))
        #expect(job.report(.back, of: targets[1], at: 1064) == [.switches(targets[1], at: nil)])
    }

    @Test func `who goes away after its switch holds up later waves: the switch may be why`() {
        let targets = nodes(2)
        var job = machine([[targets[0]], [targets[1]]])
        _ = job.report(.delivered, of: targets[0], at: 1001)
        _ = job.report(.switched, of: targets[0], at: 1002)
        _ = job.report(.away, of: targets[0], at: 1003)
        #expect(job.tick(9000).isEmpty && job.nextWave == nil)
    }

    @Test func `a pause stops, a cancel ends, and what is done stays done`() {
        let targets = nodes(3)
        var job = machine([targets])
        run(&job, targets[0], at: 1001)
        #expect(job.pause() == [.pause(targets[1]), .pause(targets[2])])
        #expect(job.orders(of: targets[1]).isEmpty)
        #expect(job.resume(at: 1002).contains(.resume(targets[1])))
        #expect(Set(job.cancel()) == [.cancel(targets[1]), .cancel(targets[2])])
        #expect(job.state == .cancelled && job.target(targets[0])?.state == .done)
        // A node that was away hears of it on return.
        #expect(job.orders(of: targets[2]) == [.cancel(targets[2])])
        #expect(job.retry(at: 1003).isEmpty)
    }

    @Test(arguments: 0..<200)
    func `whatever nodes report, targets are counted right and no one switches before its wave`(seed: Int) {
        var random = SeededGenerator(seed: UInt64(seed))
        let targets = nodes(30)
        var job = machine([Array(targets[0..<2]), Array(targets[2..<10]), Array(targets[10...])]) {
            $0.switches = [.each, .together, .manual][random.below(3)]
            $0.approve = random.below(3) == 0
            $0.maxFailures = .percent(50)
        }
        var now = 1000.0
        for _ in 0..<600 {
            now += Double(random.below(20))
            let node = targets[random.below(30)]
            let reports: [JobMachine.Report] = [
                .away, .back, .drained, .accepted, .waiting(.slot), .receiving, .delivered, .delivered, .switched,
                .done,
                .failed(code: "x", again: true), .failed(code: "y", again: false), .refused(key: "root"), .hookUnknown,
            ]
            var orders: [JobMachine.Order]
            switch random.below(20) {
            case 0: orders = job.pause()
            case 1: orders = job.resume(at: now)
            case 2: orders = job.promote(at: now)
            case 3: orders = job.retry(at: now)
            case 4, 5: orders = job.tick(now)
            default:
                var report = reports[random.below(reports.count)]
                // No node switches that was not told.
                if report == .switched || report == .done, job.target(node)?.maySwitch != true { report = .receiving }
                orders = job.report(report, of: node, at: now)
            }
            for case .switches(let node, _) in orders {
                guard let target = job.target(node) else { continue }
                #expect(target.maySwitch)
                if job.course.switches == .each { #expect(target.wave <= job.wave) }
            }
            let failures = job.targets.filter(\.state.isFailure).count
            let open = job.targets.filter { !$0.state.hasEnded }.count
            #expect(job.figures == JobMachine.Figures(open: open, failures: failures))
            if job.state == .done { #expect(failures == 0 && open == 0) }
            if open == 0 { #expect(job.state.hasEnded) }
        }
    }

    @Test func `a job of ten thousand targets is followed without looking at all of them each time`() {
        let targets = nodes(10_000)
        let plan = WavePlan(
            targets.enumerated().map { .init(node: $1, site: "s\($0 % 40)", isCanary: $0 < 3) },
            sizes: [.count(1), .percent(5), .percent(100)], job: "j-1")
        #expect(plan.waves.map(\.count) == [1, 499, 9500])
        var job = machine(plan.waves.map { $0.map { targets[$0] } })
        let clock = ContinuousClock()
        let time = clock.measure {
            for node in targets { _ = job.report(.receiving, of: node, at: 1001) }
            for node in targets { run(&job, node, at: 1002) }
            for step in 0..<2 {
                for case .switches(let node, _) in job.tick(1100 + Double(step) * 100) {
                    finish(&job, node, at: 1101 + Double(step) * 100)
                }
            }
        }
        #expect(job.state == .done)
        #expect(time < .seconds(20))
    }
}
