// HTTPServing: HTTP servers for all roles of this program.
//
// What it is for: one way to listen (plain or TLS, with certificates that can be read again), to keep strangers within their
// budget, to tell who asks and what he may do, to read bodies within limits, to send files and events, and to describe the
// routes to programs. What it must never do: know what a role's calls are about, answer a page of some web site, or let a request of
// one connection wait for a stranger's.

/// Limits and timeouts of one server.
package struct HTTPLimits: Sendable {
    /// Maximum length of a request body that is read whole, in bytes.
    package var bodyBytes = 1 << 20
    /// Maximum time for such a body to arrive.
    package var bodyTime = Duration.seconds(20)
    /// Maximum idle time of a connection between requests.
    package var keepAlive = Duration.seconds(60)
    /// Maximum time without a byte in either direction during a response.
    package var stall = Duration.seconds(180)
    /// Maximum time for the head of a request, from the start of the connection or from its first byte after the
    /// previous response. Also for the rest of a request that has already been answered.
    package var headTime = Duration.seconds(10)
    /// Maximum bytes of request headers.
    package var headerBytes = 32 << 10
    /// Time without an event after which a subscriber is sent a comment, as a sign that the connection is alive.
    package var followerSilence = Duration.seconds(15)
    /// Maximum number of simultaneous event subscribers.
    package var followers = 200
    /// Bytes of a file that are read and sent at a time, and that the system is asked to send at a time at first.
    package var fileChunk = 256 << 10
    /// The same where the budget for bytes that wait to be sent is used up: slow readers hold no more than that each.
    package var smallFileChunk = 16 << 10
    /// Most bytes of a file that the system is asked to send at a time.
    package var fileSlice = 1 << 20

    package init() {}
}
