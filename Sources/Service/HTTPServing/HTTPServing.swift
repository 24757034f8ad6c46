// HTTPServing: HTTP servers for the roles of this program.
//
// What it is for: one way to listen (plain or TLS, with certificates that can be read again), to keep strangers within their
// budget, to tell who asks and what he may do, to read bodies within limits, to send files and events, and to describe the
// routes to programs. What it must never do: know what a role's calls are about, answer a page of some web site, or let a request of
// one connection wait for a stranger's.

/// Limits and times of one server.
package struct HTTPLimits: Sendable {
    /// Longest body of a request that is read whole, in bytes.
    package var bodyBytes = 1 << 20
    /// How long such a body may take to arrive.
    package var bodyTime = Duration.seconds(20)
    /// How long a connection may be silent between requests.
    package var keepAlive = Duration.seconds(60)
    /// How long a connection may be without a byte either way while an answer is under way.
    package var stall = Duration.seconds(180)
    /// How long the head of a request may take, from the connection or from its first byte after the answer before; also
    /// what is left of a request that has been answered.
    package var headTime = Duration.seconds(10)
    /// Most header bytes of a request.
    package var headerBytes = 32 << 10
    /// After how long without news a follower of events is sent a comment, so that it knows the connection lives.
    package var followerSilence = Duration.seconds(15)
    /// Most followers of events at a time.
    package var followers = 200
    /// Bytes of a file that are read and sent at a time, and that the system is asked to send at a time at first.
    package var fileChunk = 256 << 10
    /// The same where the budget for bytes that wait to be sent is used up: slow readers hold no more than that each.
    package var smallFileChunk = 16 << 10
    /// Most bytes of a file that the system is asked to send at a time.
    package var fileSlice = 1 << 20

    package init() {}
}
