/// Bytes of blocks received and sent, and their rates.
struct TrafficFigures: Sendable {
    var upload: RateMeter
    var download: RateMeter
    /// Bytes of requested blocks that were new, whether or not their piece turned out correct.
    var acceptedBytes: Int64 = 0
    /// Bytes received twice, or in pieces that failed verification.
    var wastedBytes: Int64 = 0

    init(now: Double) {
        upload = RateMeter(now: now)
        download = RateMeter(now: now)
    }
}
