import Fleet

/// What a ``LinkClient`` needs from its agent: reports about the host, and the execution of commands.
package protocol LinkDelegate: Sendable {
    /// The host's facts. Asked for the first request after a start, after a change of the control, and after
    /// ``LinkClient/factsChanged()``.
    func facts() async -> HostFacts
    /// What changes all the time; nil where nothing is to be said of it.
    func moment() async -> HostMoment?
    /// Of running jobs.
    /// - Parameter watched: the jobs that somebody watches, where only those are asked for; nil for all.
    func figures(watched: Set<String>?) async -> [JobFigures]
    /// Accepts commands: stores them, so that they are carried out even after a restart.
    /// - Returns: ids of the commands that are accepted now or were carried out before. Control sends the others again.
    func take(_ commands: [FleetCommand]) async -> [String]
    /// Call when control has answered a request.
    func heard(_ news: LinkNews) async
    /// Call when control is unreachable or has refused a request.
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
    /// The difference between this host's clock and control's.
    package let clock: ClockDifference
    /// Seconds until the next request.
    package let interval: Double
    package let watched: [String]
    /// See ``Fleet/SyncReply/shares``.
    package let shares: [String: Int64]
}
