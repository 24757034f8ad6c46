/// Which origins answer, as one of them finds by asking the others every few seconds. Pure.
package struct OriginHealth: Sendable, Hashable {
    /// Times in seconds.
    package struct Rules: Sendable, Hashable {
        /// Failures in a row that make a host down, and successes in a row that make it up again.
        package var failures = 3
        package var successes = 2
        /// A host that is down for so long is replaced by the next in rank.
        package var repairAfter = 30.0
        /// Between two questions to one host.
        package var interval = 2.0

        package init() {}
    }

    private struct State: Sendable, Hashable {
        var isUp = true
        /// In a row: failures of a host that is up, successes of one that is down.
        var against = 0
        /// When the first of the failures was that made it down.
        var silentSince: Double?
    }

    package let rules: Rules
    private var states: [String: State] = [:]

    package init(_ rules: Rules = Rules()) { self.rules = rules }

    /// Hosts that are not in the list are forgotten. A host that was not heard of is up until it fails.
    package mutating func keep(_ hosts: some Sequence<String>) {
        let hosts = Set(hosts)
        states = states.filter { hosts.contains($0.key) }
    }

    package mutating func answered(_ host: String) {
        var state = states[host] ?? State()
        if state.isUp {
            (state.against, state.silentSince) = (0, nil)
        } else {
            state.against += 1
            if state.against >= rules.successes { state = State() }
        }
        states[host] = state
    }

    /// - Parameter now: seconds of a monotonic clock.
    package mutating func failed(_ host: String, now: Double) {
        var state = states[host] ?? State()
        if state.isUp {
            state.silentSince = state.silentSince ?? now
            state.against += 1
            if state.against >= rules.failures { (state.isUp, state.against) = (false, 0) }
        } else {
            state.against = 0
        }
        states[host] = state
    }

    package func isUp(_ host: String) -> Bool { states[host]?.isUp ?? true }

    /// Hosts that do not answer.
    package var down: Set<String> { Set(states.filter { !$0.value.isUp }.keys) }

    /// Those of them that are to be replaced.
    package func gone(now: Double) -> Set<String> {
        Set(
            states.filter { !$0.value.isUp && now - ($0.value.silentSince ?? now) >= rules.repairAfter }.keys)
    }
}
