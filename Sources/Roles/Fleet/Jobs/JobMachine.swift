/// The state machine of a job at control: which targets are offered the job, which may switch to the new content, when
/// the job is held, and how it ends.
///
/// Invariants: all targets may transfer at once, unless the class's waves also gate the transfer. A target switches
/// only when its wave is open or after an operator's order. An ended job gives no orders other than to cancel. Every
/// event may arrive twice.
package struct JobMachine: Sendable, Hashable {
    package let id: String
    package let course: JobCourse
    /// Seconds since 1970.
    package let started: Double
    /// Until when the job is `planned`, and nothing of it is offered, in seconds since 1970; nil if it began when it started.
    package private(set) var begins: Double?
    /// When the job last began again after it had ended, in seconds since 1970.
    package private(set) var reopened: Double?
    package internal(set) var state = JobState.running
    package internal(set) var targets: [Target]
    /// Targets in waves up to this one may switch.
    package private(set) var wave = 0
    /// Why the job is held, for people.
    package private(set) var reason: String?
    /// When the next wave opens without an order, in seconds since 1970.
    package internal(set) var nextWave: Double?
    /// With `switch: together`, when all targets switch, in seconds since 1970.
    package private(set) var moment: Double?

    private var tally: JobTally
    private let indices: [NodeID: Int]

    /// Seconds between the order to switch together and the common time of the switch, so that the order can reach all
    /// nodes.
    private static let notice = 2.5
    /// The state after a pause: `held` if the job was held before it.
    func resumed(at now: Double) -> JobState {
        if let begins, begins > now { return .planned }
        return reason == nil ? .running : .held
    }

    /// - Parameters:
    ///   - waves: the targets of each wave, in the order in which the waves switch. Each target is in exactly one.
    ///   - begins: see ``begins``.
    package init(id: String, waves: [[NodeID]], course: JobCourse, at now: Double, begins: Double? = nil) {
        self.id = id
        self.course = course
        started = now
        if let begins, begins > now {
            self.begins = begins
            state = .planned
        }
        var targets: [Target] = []
        for (number, nodes) in waves.enumerated() { targets += nodes.map { Target(node: $0, wave: number) } }
        self.targets = targets
        indices = Dictionary(targets.enumerated().map { ($1.node, $0) }, uniquingKeysWith: { first, _ in first })
        tally = JobTally(sizes: waves.map(\.count))
        if course.switches == .each { open(0) }
    }

    /// Restores a job from the database.
    /// - Parameter targets: in the order of ``targets``. A node must not occur twice.
    package init(id: String, course: JobCourse, header: Header, targets: [Target]) {
        self.id = id
        self.course = course
        self.targets = targets
        started = header.started
        begins = header.begins
        reopened = header.reopened
        state = header.state
        wave = header.wave
        reason = header.reason
        nextWave = header.nextWave
        moment = header.moment
        indices = Dictionary(targets.enumerated().map { ($1.node, $0) }, uniquingKeysWith: { first, _ in first })
        var sizes = [Int](repeating: 0, count: (targets.map(\.wave).max() ?? -1) + 1)
        for target in targets { sizes[target.wave] += 1 }
        tally = JobTally(sizes: sizes)
        for target in targets { tally.move(wave: target.wave, from: .waiting(.offer), to: target.state) }
        tally.forgive(header.forgiven)
    }

    /// The state to store, without the targets.
    package var header: Header {
        Header(
            state: state, started: started, begins: begins, reopened: reopened, wave: wave, reason: reason,
            nextWave: nextWave,
            moment: moment,
            forgiven: tally.waves.contains { $0.forgiven > 0 } ? tally.waves.map(\.forgiven) : [])
    }

    package func target(_ node: NodeID) -> Target? { indices[node].map { targets[$0] } }
    package var waveCount: Int { tally.waves.count }

    /// The state of a target as people see it: where waves gate the transfer, one of a later wave waits for that.
    package func shown(_ target: Target) -> TargetState {
        target.state == .waiting(.offer) && !mayTransfer(target) ? .waiting(.wave) : target.state
    }

    package var figures: Figures { Figures(open: tally.open, failures: tally.failures) }

    // MARK: Reports of nodes

    /// - Returns: the orders to send to nodes.
    package mutating func report(_ report: Report, of node: NodeID, at now: Double) -> [Order] {
        guard let index = indices[node] else { return [] }
        let before = targets[index].state
        switch report {
        case .away:
            targets[index].isAway = true
            if !before.hasEnded, !before.hasContent { move(index, to: .waiting(.away)) }
        case .back:
            targets[index].isAway = false
            if before == .waiting(.away) || before == .waiting(.drained) { move(index, to: .waiting(.offer)) }
        case .drained:
            if case .waiting = before { move(index, to: .waiting(.drained)) }
        case .accepted:
            if !before.hasEnded, !before.hasContent { move(index, to: .offered) }
            // It has the offer: another would be answered by the same report.
            return follow(now)
        case .waiting(let reason): if !before.hasEnded, !before.hasContent { move(index, to: .waiting(reason)) }
        case .receiving: if !before.hasEnded, !before.hasContent { move(index, to: .receiving) }
        case .delivered: if !before.hasEnded, !before.hasContent { move(index, to: .delivered) }
        case .switched: if before != .done { move(index, to: .switched) }
        case .hookStarted: if before != .done { move(index, to: .hook) }
        case .done: move(index, to: .done)
        case .failed(let code, let again):
            guard !before.hasEnded else { break }
            if again, targets[index].retries < course.retries {
                targets[index].retries += 1
                targets[index].attempt += 1
                targets[index].notBefore = now + Target.pause(targets[index].retries)
                move(index, to: .waiting(.offer))
            } else {
                move(index, to: .failed(code: code))
            }
        case .refused(let key): if !before.hasEnded { move(index, to: .refused(key: key)) }
        case .hookUnknown: if !before.hasEnded { move(index, to: .hookUnknown) }
        case .superseded: if !before.hasEnded { move(index, to: .superseded) }
        case .cancelled: if !before.hasEnded { move(index, to: .cancelled) }
        }
        return follow(now) + orders(for: index)
    }

    /// Call when time has passed, at the latest at ``due``.
    package mutating func tick(_ now: Double) -> [Order] {
        guard !state.hasEnded else { return [] }
        if now >= expires {
            for index in targets.indices where !targets[index].state.hasEnded { move(index, to: .expired) }
        }
        var orders: [Order] = []
        if state == .planned, resumed(at: now) != .planned {
            state = .running
            orders = allOrders()
        }
        for index in targets.indices where targets[index].notBefore.map({ $0 <= now }) ?? false {
            targets[index].notBefore = nil
            orders += self.orders(for: index)
        }
        return orders + follow(now)
    }

    /// When ``tick(_:)`` must be called if no other event comes before; nil if not at all. Seconds since 1970.
    package var due: Double? {
        guard !state.hasEnded else { return nil }
        var due = min(nextWave ?? .infinity, expires)
        if state == .planned, let begins { due = min(due, begins) }
        for target in targets { if let time = target.notBefore { due = min(due, time) } }
        return due
    }

    /// When targets that have not ended expire, in seconds since 1970. A job that begins again has its whole time.
    package var expires: Double { (reopened ?? begins ?? started) + course.expires }

    /// The orders for one node, for a node that returns or may have lost earlier orders.
    package func orders(of node: NodeID) -> [Order] { indices[node].map(orders(for:)) ?? [] }

    // MARK: Orders of operators

    /// Continues a job: begins one that is planned for later, opens the next wave, or releases a held job, or orders the switch with `switch: manual` and
    /// `together`.
    package mutating func promote(at now: Double) -> [Order] {
        guard !state.hasEnded, state != .paused else { return [] }
        let wasHeld = state == .held
        guard state != .planned else {
            begins = now
            state = .running
            return follow(now) + allOrders()
        }
        state = .running
        reason = nil
        if wasHeld { tally.forgive() }
        switch course.switches {
        case .each where !wasHeld: advance(at: now)
        case .each: break
        case .manual where gatesTransferOnly && wasHeld: break
        case .manual where gatesTransferOnly && wave + 1 < tally.waves.count:
            wave += 1
            nextWave = nil
        case .manual: for number in tally.waves.indices { open(number) }
        case .together: if moment == nil { agree(at: now) }
        }
        return follow(now) + allOrders()
    }

    /// Tries failed targets again. A job that has ended begins again.
    package mutating func retry(at now: Double) -> [Order] {
        guard state != .paused, state != .cancelled else { return [] }
        let failed = targets.indices.filter { targets[$0].state.isFailure }
        guard !failed.isEmpty || state == .held else { return [] }
        if state.hasEnded { reopened = now }
        // Before the targets move: an ended job gives no orders.
        if state != .planned { state = .running }
        reason = nil
        var orders: [Order] = []
        for index in failed {
            targets[index].attempt += 1
            targets[index].retries = 0
            targets[index].notBefore = nil
            move(index, to: targets[index].isAway ? .waiting(.away) : .waiting(.offer))
            orders += self.orders(for: index)
        }
        return orders + follow(now)
    }

    // MARK: Transitions

    mutating func move(_ index: Int, to state: TargetState) {
        let old = targets[index].state
        guard old != state else { return }
        tally.move(wave: targets[index].wave, from: old, to: state)
        targets[index].state = state
    }

    private mutating func open(_ number: Int) {
        for index in targets.indices where targets[index].wave == number { targets[index].maySwitch = true }
    }

    private mutating func advance(at now: Double) {
        guard wave + 1 < tally.waves.count else { return }
        wave += 1
        nextWave = nil
        open(wave)
    }

    private mutating func agree(at now: Double) {
        moment = now + Self.notice
        for index in targets.indices { targets[index].maySwitch = true }
    }

    /// Derives the job's state, and the orders, from the state of its targets.
    mutating func follow(_ now: Double) -> [Order] {
        guard state == .running else {
            if state == .held || state == .paused || state == .planned { endIfAllEnded() }
            return []
        }
        guard !holdsForFailures() else { return [] }
        var orders: [Order] = []
        switch course.switches {
        case .each: orders = followWaves(now)
        case .together:
            if moment == nil, tally.canSwitchTogether(allowing: course.maxFailures) {
                agree(at: now)
                orders = allOrders()
            }
        case .manual: break
        }
        if gatesTransferOnly { orders += followTransfer(now) }
        endIfAllEnded()
        return orders
    }

    /// Holds the job if there are more failures than allowed, in the waves up to the current one or in all.
    private mutating func holdsForFailures() -> Bool {
        guard let reason = tally.excess(over: course.maxFailures, upTo: wave) else { return false }
        self.reason = reason
        state = .held
        nextWave = nil
        endIfAllEnded()
        return true
    }

    /// Whether waves open the transfer, and the switch comes by order or for all together.
    private var gatesTransferOnly: Bool { course.wavesGateTransfer && course.switches != .each }

    /// Whether the wave of a target may receive.
    private func mayTransfer(_ target: Target) -> Bool {
        !course.wavesGateTransfer || target.maySwitch || gatesTransferOnly && target.wave <= wave
    }

    /// Opens the transfer of the next wave when the current one has its content, and the class's `wait` is over.
    private mutating func followTransfer(_ now: Double) -> [Order] {
        guard wave + 1 < tally.waves.count else { return [] }
        if let due = nextWave {
            guard now >= due else { return [] }
            wave += 1
            nextWave = nil
            // Of its targets, some may have refused the job before.
            guard !holdsForFailures() else { return [] }
            return allOrders() + followTransfer(now)
        }
        let isOver = targets.allSatisfy { $0.wave != wave || $0.state.hasContent || !$0.holdsUpWave }
        guard isOver, !course.approve else { return [] }
        nextWave = now + course.wait
        return []
    }

    /// Opens the next wave when no target of the current one holds it up any more, and the class's `wait` is over.
    private mutating func followWaves(_ now: Double) -> [Order] {
        guard wave + 1 < tally.waves.count else { return [] }
        if let due = nextWave {
            guard now >= due else { return [] }
            advance(at: now)
            // Of its targets, some may have failed before.
            guard !holdsForFailures() else { return [] }
            return allOrders() + followWaves(now)
        }
        let isOver = targets.allSatisfy { $0.wave != wave || !$0.holdsUpWave }
        guard isOver, !course.approve else { return [] }
        nextWave = now + course.wait
        return []
    }

    private mutating func endIfAllEnded() {
        guard tally.open == 0 else { return }
        nextWave = nil
        reason = nil
        if tally.failures == 0 {
            state = .done
        } else {
            state = tally.failures <= course.maxFailures.allowance(of: targets.count) ? .partly : .failed
        }
    }

    func allOrders() -> [Order] { targets.indices.flatMap { orders(for: $0) } }

    private func orders(for index: Int) -> [Order] {
        let target = targets[index]
        guard !state.hasEnded else {
            return state == .cancelled && target.state == .cancelled ? [.cancel(target.node)] : []
        }
        switch target.state {
        case _ where target.state.getsOffer:
            guard state != .paused, state != .planned, target.notBefore == nil, mayTransfer(target) else { return [] }
            return [.offer(target.node, attempt: target.attempt)]
        case .delivered:
            guard target.maySwitch, state == .running else { return [] }
            return [.switches(target.node, at: moment)]
        default: return []
        }
    }
}
