/// The health of the other origins, as one origin sees it from its checks every few seconds. Pure.
package struct OriginHealth: Sendable, Hashable {
    /// Times in seconds.
    package struct Rules: Sendable, Hashable {
        /// Failures in a row that make a host down, and successes in a row that make it up again.
        package var failures = 3
        package var successes = 2
        /// The next host in rank takes over the blobs of a host that has been down for this long.
        package var repairAfter = 30.0
        /// The time between two checks of one host.
        package var interval = 2.0

        package init() {}
    }

    private struct State: Sendable, Hashable {
        var isUp = true
        /// Results in a row that speak against the present state: failures of a host that is up, successes of one that is
        /// down.
        var against = 0
        /// The time of the first failure in the row that made the host down.
        var silentSince: Double?
    }

    package let rules: Rules
    private var states: [String: State] = [:]

    package init(_ rules: Rules = Rules()) { self.rules = rules }

    /// Forgets hosts that are not in the list. A host without any check counts as up.
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

    /// Hosts that count as down.
    package var down: Set<String> { Set(states.filter { !$0.value.isUp }.keys) }

    /// Hosts that have been down for `repairAfter` seconds, so that others take over their blobs.
    /// - Parameter now: seconds of a monotonic clock.
    package func gone(now: Double) -> Set<String> {
        Set(
            states.filter { !$0.value.isUp && now - ($0.value.silentSince ?? now) >= rules.repairAfter }.keys)
    }
}
