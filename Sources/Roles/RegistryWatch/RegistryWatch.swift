// RegistryWatch: the events that an index sends to agents, by long polling (`GET /v1/watch`).
//
// Purpose: tells agents which tags were put, and which content to pull in advance (a warming); keeps the progress that
// they report. The index calls ``WatchHub/tagged(_:of:_:)`` after a tag was put, and adds the routes of ``WatchCalls``
// to its server. Must never: delay a change of a tag until agents have received it; send an agent a name outside the
// scope of its token.

/// Limits of what an index holds in memory for watching agents and their clients.
package struct WatchLimits: Sendable {
    /// Events kept for agents that are between two requests.
    package var events = 4_096
    /// Most events in one reply.
    package var eventsInReply = 256
    /// Agents remembered at a time.
    package var watchers = 16_384
    /// When `watchers` is reached, an address with more agents than this loses one first.
    package var watchersOfAddress = 64
    /// Warmings remembered at a time, and the hosts of all of them together. Beyond either, the oldest warmings are
    /// dropped.
    package var warmings = 256
    package var warmHosts = 65_536
    /// Seconds that a request is held when there is no new event.
    package var hold = 15.0
    /// Seconds without a request after which an agent counts as gone.
    package var absence = 45.0

    package init() {}
}
