/// How web seeds are fetched from. Times are in seconds, sizes in bytes.
public struct WebSeedSettings: Sendable {
    /// The address that connections come from; nil, `::` or `0.0.0.0` leaves the choice to the system.
    public var localAddress: String?
    /// A PEM file of certificate authorities to trust in place of the system's.
    public var trustedAuthorities: String?
    public var userAgent = "Swoop/1"
    public var connectTimeout = 10.0
    /// Longest silence before an answer is given up.
    public var stallTimeout = 20.0
    /// Bytes that must arrive in `stallTimeout` seconds of waiting: a byte every ten seconds is activity, not progress.
    public var slowestProgress = 16 << 10
    /// Longest wait for the head of an answer, redirects and the wait for a free connection included.
    public var answerTimeout = 60.0
    /// A file up to this size is taken from a server that answers a range with the whole file.
    public var smallFile: Int64 = 1 << 20
    /// Most seconds that a `Retry-After` is believed.
    public var longestRetryAfter = 3_600.0
    /// Most connections to one host.
    public var connectionsPerHost = 8

    public init() {}
}
