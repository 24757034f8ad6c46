import Text

/// How object stores are talked to. Times are in seconds, sizes in bytes.
package struct ObjectStoreSettings: Sendable {
    /// Local address of connections; nil, `::` or `0.0.0.0` lets the operating system choose.
    package var localAddress: String?
    /// A PEM file of certificate authorities to trust instead of the system's.
    package var trustedAuthorities: String?
    package var userAgent = Product.userAgent
    package var connectTimeout = 10.0
    /// Longest silence, in either direction. Completing a large upload can take a store most of a minute.
    package var stallTimeout = 60.0
    /// Bytes that must arrive during `stallTimeout` seconds of waiting.
    package var slowestProgress = 16 << 10
    /// Maximum time until the response headers of a request without a body, including the wait for a free connection.
    package var answerTimeout = 120.0
    /// Maximum number of connections to one host.
    package var connectionsPerHost = 16

    /// Maximum number of attempts for one request.
    package var attempts = 8
    /// First delay before another attempt; doubles up to the longest. Half of it is random.
    package var firstRetry = 0.5
    package var longestRetry = 30.0
    /// Upper bound for the seconds in a `Retry-After` header.
    package var longestRetryAfter = 600.0

    /// Part length of uploads, at least 5 MiB (S3's limit). Files of more than 10,000 such parts get longer ones. An
    /// upload must be resumed with the same setting, or its parts are sent again.
    package var partSize: Int64 = 16 << 20
    /// Largest file that is sent in one request.
    package var largestSinglePut: Int64 = 16 << 20
    /// Maximum number of parallel parts or ranges of one file.
    package var parallel = 4
    /// Range length of a parallel download.
    package var rangeSize: Int64 = 16 << 20
    /// Seconds after which an unfinished upload of a key counts as abandoned. It is then aborted when another upload of
    /// the key completes. Until then, an upload that this process did not begin may belong to another node.
    package var abandonedUploadAge: Int64 = 86_400
    /// Maximum number of objects in one listing.
    package var mostObjects = 1_000_000
    /// Difference between our clock and the store's from which a refusal is attributed to it; stores allow 15 minutes.
    package var clockTolerance: Int64 = 300

    package init() {}
}
