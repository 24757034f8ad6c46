import Policy

/// Plays the shell of a delivery: files that fill at each method's rate, and a clock that jumps from event to event.
struct DeliverySimulation {
    var machine: DeliveryMachine
    var now: Moment
    /// Bytes a second of each method, while it has a source.
    var rates: PerMethod<Double>
    /// What each method meets instead of bytes.
    var troubles = PerMethod<SourceTrouble?>(repeating: nil)
    /// Files that come wrong from a method, and how often.
    var wrong: [DeliveryMethod: [Int: Int]] = [:]
    /// How long publishing takes is nothing; whether it works.
    var publishes = true

    private(set) var assigned = PerMethod<[Int]>(repeating: [])
    private(set) var active = PerMethod(repeating: false)
    private(set) var received = PerMethod<Double>(repeating: 0)
    private(set) var here: [Double]
    private(set) var cameFrom: [Int: DeliveryMethod] = [:]
    private(set) var actions: [(at: Moment, action: DeliveryAction)] = []
    private(set) var isSeeding = false
    private var pending: [DeliveryAction] = []
    private var isPerforming = false

    init(
        plan: DeliveryPlan, rates: PerMethod<Double>, start: Instant = Instant(seconds: 0), clock: any WallClock = china
    ) {
        machine = DeliveryMachine(plan: plan, clock: clock)
        now = Moment(uptime: 1000, wall: start)
        self.rates = rates
        here = plan.sizes.map { _ in 0 }
    }

    mutating func start() { perform(machine.start(at: now)) }

    var isOver: Bool { machine.sleep(at: now) == nil }
    func count(_ action: DeliveryAction) -> Int { actions.count { $0.action == action } }
    func time(of action: DeliveryAction) -> Moment? { actions.first { $0.action == action }?.at }

    /// Lets `seconds` go by, or less if the delivery is over.
    mutating func run(seconds: Double) {
        let end = now.uptime + seconds
        while now.uptime < end, !isOver { step(until: end) }
    }

    private mutating func step(until end: Double) {
        var interval = min(machine.sleep(at: now) ?? 0, end - now.uptime)
        for method in DeliveryMethod.allCases {
            guard let file = current(method), speed(method) > 0 else { continue }
            interval = min(interval, (Double(machine.plan.sizes[file]) - here[file]) / speed(method))
        }
        // A little more than nothing, so that rounding does not hold the clock.
        now = now.advanced(by: max(interval, 0.001))
        var complete: [(Int, DeliveryMethod)] = []
        for method in DeliveryMethod.allCases {
            guard let file = current(method), speed(method) > 0 else { continue }
            here[file] += speed(method) * max(interval, 0.001)
            received[method] += speed(method) * max(interval, 0.001)
            if isWhole(file) { complete.append((file, method)) }
        }
        for method in DeliveryMethod.allCases {
            perform(
                machine.observe(
                    method, received: Int64(received[method]), trouble: active[method] ? troubles[method] : nil, at: now
                ))
        }
        for (file, method) in complete {
            cameFrom[file] = method
            perform(machine.fileComplete(file, at: now))
        }
        perform(machine.tick(at: now))
    }

    /// The first of a method's files that is not whole: the machine tells anew only when the list has changed
    /// otherwise.
    private func current(_ method: DeliveryMethod) -> Int? {
        active[method] ? assigned[method].first { !isWhole($0) } : nil
    }

    private func isWhole(_ file: Int) -> Bool { here[file] >= Double(machine.plan.sizes[file]) - 0.5 }
    private func speed(_ method: DeliveryMethod) -> Double { troubles[method] == nil ? rates[method] : 0 }

    /// Carries actions out in their order; what comes of one is told when those before it were carried out.
    private mutating func perform(_ list: [DeliveryAction]) {
        pending += list
        guard !isPerforming else { return }
        isPerforming = true
        defer { isPerforming = false }
        while !pending.isEmpty {
            let action = pending.removeFirst()
            actions.append((now, action))
            switch action {
            case .setMethod(let method, let files, let isActive):
                assigned[method] = files
                active[method] = isActive
            case .setSeeding(let seeds): isSeeding = seeds
            case .copy(let files):
                for file in files { perform(machine.fileComplete(file, at: now)) }
            case .probe(let method): perform(machine.probed(method, trouble: troubles[method], at: now))
            case .verify(let file):
                var isRight = true
                if let method = cameFrom[file], let times = wrong[method]?[file], times > 0 {
                    wrong[method]?[file] = times - 1
                    isRight = false
                }
                perform(machine.verified(file, isRight: isRight, at: now))
            case .discard(let file): here[file] = 0
            case .publish: perform(publishes ? machine.published(at: now) : machine.publishFailed("the disk is full"))
            case .seed, .finish, .fail: break
            }
        }
    }
}
