import Text

/// How web seeds are fetched from. Times are in seconds, sizes in bytes.
package struct WebSeedSettings: Sendable {
    /// Local address of connections; nil, `::` or `0.0.0.0` lets the operating system choose.
    package var localAddress: String?
    /// A PEM file of certificate authorities to trust instead of the system's.
    package var trustedAuthorities: String?
    package var userAgent = Product.userAgent
    package var connectTimeout = 10.0
    /// Longest silence before a response is abandoned.
    package var stallTimeout = 20.0
    /// Bytes that must arrive during `stallTimeout` seconds of waiting, so that a server that sends single bytes counts
    /// as stalled.
    package var slowestProgress = 16 << 10
    /// Maximum time until the response headers, including redirects and the wait for a free connection.
    package var answerTimeout = 60.0
    /// Largest file that is accepted from a server that answers a range request with the whole file.
    package var smallFile: Int64 = 1 << 20
    /// Upper bound for the seconds in a `Retry-After` header.
    package var longestRetryAfter = 3_600.0
    /// Maximum number of connections to one host.
    package var connectionsPerHost = 8

    package init() {}
}
