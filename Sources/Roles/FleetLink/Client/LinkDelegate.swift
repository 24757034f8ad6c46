import Fleet

/// What an agent is to the link: it says how its host is, and takes what control wants.
package protocol LinkDelegate: Sendable {
    /// For the first request after a start, for another control, and after ``LinkClient/factsChanged()``.
    func facts() async -> HostFacts
    /// What changes all the time; nil where nothing is to be said of it.
    func moment() async -> HostMoment?
    /// Of running jobs.
    /// - Parameter watched: the jobs that somebody watches, where only those are asked for; nil for all.
    func figures(watched: Set<String>?) async -> [JobFigures]
    /// Takes commands over, so that they outlive the process.
    /// - Returns: ids of those that are taken over, or were done before. The others come again.
    func take(_ commands: [FleetCommand]) async -> [String]
    /// An answer came.
    func heard(_ news: LinkNews) async
    /// Control is not reached, or refuses.
    func failed(_ problem: LinkProblem, at control: ControlAddress) async
}

extension LinkDelegate {
    package func moment() async -> HostMoment? { nil }
}

/// What an answer said beside its commands.
package struct LinkNews: Sendable, Hashable {
    package let state: NodeState
    package let site: String?
    package let control: ControlAddress
    /// Between this host's clock and control's.
    package let clock: ClockDifference
    /// Seconds until the next request.
    package let interval: Double
    package let watched: [String]
}
