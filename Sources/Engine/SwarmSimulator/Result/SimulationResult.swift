import SwarmCore

/// The result of a simulation. Times in seconds, sizes in bytes.
package struct SimulationResult: Sendable, Equatable {
    /// Time at which each host had everything, since the beginning; nil for hosts that did not finish, and for seeds.
    package let finishedAt: [Double?]
    /// Time at which the last receiver that stayed had everything; nil if one did not finish.
    package let makespan: Double?
    /// Time at which half of the receivers had everything.
    package let median: Double?
    /// Bytes of content that each host sent.
    package let sent: [Int64]
    /// Bytes received twice or corrupt.
    package let wasted: Int64
    /// Bytes, including headers, over each site's link, out of and into the site.
    package let siteUp: [Double]
    package let siteDown: [Double]
    /// Number of simulated events.
    package let events: Int
    package let connections: Int
    /// What each host says of its own transfer; nil for a host that can say nothing.
    package let efficiency: [Efficiency?]

    package init(of simulation: Simulation) {
        let hosts = simulation.hosts
        finishedAt = hosts.map(\.finishedAt)
        let receivers = hosts.filter { $0.setup.isAwaited }
        let times = receivers.compactMap(\.finishedAt).sorted()
        makespan = simulation.unfinished == 0 ? times.last : nil
        median = times.count * 2 >= receivers.count && !times.isEmpty ? times[(receivers.count - 1) / 2] : nil
        sent = hosts.map(\.sent)
        wasted = hosts.reduce(0) { $0 + $1.machine.wastedBytes }
        siteUp = simulation.siteUp.map(\.bytes)
        siteDown = simulation.siteDown.map(\.bytes)
        events = simulation.events
        connections = Int(simulation.connectionSerial)
        efficiency = hosts.map { $0.efficiency.reading(uplink: $0.machine.uplink.measured) }
    }
}
