/// What came of a simulation. Seconds and bytes.
package struct SimulationResult: Sendable, Equatable {
    /// When each host had everything, since the beginning; nil for those that did not, and for seeds.
    package let finishedAt: [Double?]
    /// When the last receiver that stayed had everything; nil if one did not.
    package let makespan: Double?
    /// When half of the receivers had everything.
    package let median: Double?
    /// Bytes of content that each host sent.
    package let sent: [Int64]
    /// Bytes that came twice, or were false.
    package let wasted: Int64
    /// Bytes, headers included, over each site's line, out of and into it.
    package let siteUp: [Double]
    package let siteDown: [Double]
    /// Of the simulation itself.
    package let events: Int
    package let connections: Int

    init(of simulation: Simulation) {
        let hosts = simulation.hosts
        finishedAt = hosts.map(\.finishedAt)
        let receivers = hosts.filter { $0.line.role == .receiver && !$0.line.isPoisoner }
        let times = receivers.compactMap(\.finishedAt).sorted()
        makespan = simulation.unfinished == 0 ? times.last : nil
        median = times.count * 2 >= receivers.count && !times.isEmpty ? times[(receivers.count - 1) / 2] : nil
        sent = hosts.map(\.sent)
        wasted = hosts.reduce(0) { $0 + $1.machine.wastedBytes }
        siteUp = simulation.siteUp.map(\.bytes)
        siteDown = simulation.siteDown.map(\.bytes)
        events = simulation.events
        connections = Int(simulation.connectionSerial)
    }
}
