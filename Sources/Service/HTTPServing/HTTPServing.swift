// HTTPServing: the HTTP server of all roles.
//
// Purpose: listening with or without TLS, and reloading of certificates; admission limits for connections and requests;
// authentication and authorization; request bodies with limits; files and server-sent events as answers; an OpenAPI
// description of the routes. Must never: know what the calls of a role mean, answer requests from other web sites, or
// let one connection's request wait for another connection.

/// Limits and timeouts of one server.
package struct HTTPLimits: Sendable {
    /// Maximum length of a request body that is read whole, in bytes.
    package var bodyBytes = 1 << 20
    /// Maximum time for such a body to arrive.
    package var bodyTime = Duration.seconds(20)
    /// Maximum idle time of a connection between requests.
    package var keepAlive = Duration.seconds(60)
    /// Maximum time without a byte in either direction, while a request arrives and once its response has begun. Making the
    /// response may take longer.
    package var stall = Duration.seconds(180)
    /// Maximum time for the head of a request, from the start of the connection or from its first byte after the
    /// previous response. Also for the rest of a request that has already been answered.
    package var headTime = Duration.seconds(10)
    /// Maximum time for the clients of large answers to read the rest when the server stops. A stop of the program has five seconds,
    /// and may stop several servers one after the other.
    package var stopTime = Duration.seconds(1)
    /// Maximum bytes of request headers.
    package var headerBytes = 32 << 10
    /// Time without an event after which a subscriber is sent a comment, as a sign that the connection is alive.
    package var followerSilence = Duration.seconds(15)
    /// Maximum number of simultaneous event subscribers.
    package var followers = 200
    /// Bytes of a file that are read and sent at a time. Also the initial size of a slice for sendfile.
    package var fileChunk = 256 << 10
    /// The same when the budget for unsent bytes is used up, so that a slow reader holds no more than this.
    package var smallFileChunk = 16 << 10
    /// Maximum bytes of a file for one call of sendfile.
    package var fileSlice = 1 << 20

    package init() {}
}
