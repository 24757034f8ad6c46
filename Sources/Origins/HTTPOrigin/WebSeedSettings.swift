import Text

/// How web seeds are fetched from. Times are in seconds, sizes in bytes.
package struct WebSeedSettings: Sendable {
    /// The address that connections come from; nil, `::` or `0.0.0.0` leaves the choice to the system.
    package var localAddress: String?
    /// A PEM file of certificate authorities to trust in place of the system's.
    package var trustedAuthorities: String?
    package var userAgent = Product.userAgent
    package var connectTimeout = 10.0
    /// Longest silence before an answer is given up.
    package var stallTimeout = 20.0
    /// Bytes that must arrive in `stallTimeout` seconds of waiting: a byte every ten seconds is activity, not progress.
    package var slowestProgress = 16 << 10
    /// Longest wait for the head of an answer, redirects and the wait for a free connection included.
    package var answerTimeout = 60.0
    /// A file up to this size is taken from a server that answers a range with the whole file.
    package var smallFile: Int64 = 1 << 20
    /// Most seconds that a `Retry-After` is believed.
    package var longestRetryAfter = 3_600.0
    /// Most connections to one host.
    package var connectionsPerHost = 8

    package init() {}
}
