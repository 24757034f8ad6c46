import Text

/// How object stores are talked to. Times are in seconds, sizes in bytes.
package struct ObjectStoreSettings: Sendable {
    /// The address that connections come from; nil, `::` or `0.0.0.0` leaves the choice to the system.
    package var localAddress: String?
    /// A PEM file of certificate authorities to trust in place of the system's.
    package var trustedAuthorities: String?
    package var userAgent = Product.userAgent
    package var connectTimeout = 10.0
    /// Longest silence, in either direction. Completing a large upload can take a store most of a minute.
    package var stallTimeout = 60.0
    /// Bytes that must arrive in `stallTimeout` seconds of waiting.
    package var slowestProgress = 16 << 10
    /// Longest wait for the head of an answer to a request without a body, the wait for a free connection included.
    package var answerTimeout = 120.0
    /// Most connections to one host.
    package var connectionsPerHost = 16

    /// Most tries of one request.
    package var attempts = 8
    /// First delay before another try, doubling up to the longest; the half of it is left to chance.
    package var firstRetry = 0.5
    package var longestRetry = 30.0
    /// Most seconds that a `Retry-After` is believed.
    package var longestRetryAfter = 600.0

    /// Length of the parts of an upload, at least 5 MiB (S3's own bound). Files of more than 10,000 such parts get
    /// longer ones. The same setting must be in force when an upload is resumed, or its parts are sent again.
    package var partSize: Int64 = 16 << 20
    /// Files up to this size are sent in one request.
    package var largestSinglePut: Int64 = 16 << 20
    /// Parts, or ranges, under way at once for one file.
    package var parallel = 4
    /// Length of the ranges of a parallel download.
    package var rangeSize: Int64 = 16 << 20
    /// Seconds after which an unfinished upload of a key is nobody's any more, and thrown away when another upload of
    /// that key is complete. One that this upload did not begin itself may be another node's until then.
    package var abandonedUploadAge: Int64 = 86_400
    /// Most objects of one listing.
    package var mostObjects = 1_000_000
    /// Difference between our clock and a store's from which on a refusal is put down to it; stores allow 15 minutes.
    package var clockTolerance: Int64 = 300

    package init() {}
}
