// RegistryWatch: what agents hear from an index while they keep a request at it (`GET /v1/watch`).
//
// Purpose: tells agents which tags are put, and which content they are to warm; keeps what they report of that. The index calls
// ``WatchHub/tagged(_:)`` after a tag was put, and adds the calls of ``WatchCalls`` to its server. Must never: hold a change of a tag
// back until an agent has heard of it, or tell an agent of a name that its token is not for.

/// Limits of all that agents and clients can have an index hold in memory.
package struct WatchLimits: Sendable {
    /// Events that are kept for agents that are between two requests.
    package var events = 4_096
    /// Events in one reply.
    package var eventsInReply = 256
    /// Agents that are known at a time.
    package var watchers = 16_384
    /// Agents of one address that do not make it the first to lose one when all places are taken.
    package var watchersOfAddress = 64
    /// Warmings that are known at a time, and the hosts of all of them together.
    package var warmings = 256
    package var warmHosts = 65_536
    /// Seconds that a request without news is held.
    package var hold = 15.0
    /// Seconds without a request after which an agent counts as gone.
    package var absence = 45.0

    package init() {}
}
