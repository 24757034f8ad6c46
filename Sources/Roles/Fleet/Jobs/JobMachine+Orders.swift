// Orders of operators that need no look at waves.
extension JobMachine {
    package mutating func pause() -> [Order] {
        guard state == .running || state == .held || state == .planned else { return [] }
        state = .paused
        return targets.filter { !$0.state.hasEnded }.map { .pause($0.node) }
    }

    package mutating func resume(at now: Double) -> [Order] {
        guard state == .paused else { return [] }
        state = resumed(at: now)
        return targets.filter { !$0.state.hasEnded }.map { .resume($0.node) } + follow(now) + allOrders()
    }

    package mutating func cancel() -> [Order] {
        guard !state.hasEnded else { return [] }
        state = .cancelled
        nextWave = nil
        var orders: [Order] = []
        for index in targets.indices where !targets[index].state.hasEnded {
            move(index, to: .cancelled)
            orders.append(.cancel(targets[index].node))
        }
        return orders
    }
}
