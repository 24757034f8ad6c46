// HTTPServing: HTTP servers for all roles of this program.
//
// Purpose: one way to listen (plain or TLS, with certificates that can be reloaded), to keep remote clients within
// their budget, to authenticate and authorise callers, to read bodies within limits, to send events, and to describe
// the routes to programs. Must never: know the meaning of a role's calls, answer a request from a foreign web page, or
// let a request wait for another client's connection.

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

    package init() {}
}
