/// Bytes of blocks that came and went, and how fast.
struct TrafficFigures: Sendable {
    var upload: RateMeter
    var download: RateMeter
    /// Bytes that were asked for and were not there yet, whether their piece turned out right or not.
    var acceptedBytes: Int64 = 0
    /// Bytes that came twice, or of pieces that did not verify.
    var wastedBytes: Int64 = 0

    init(now: Double) {
        upload = RateMeter(now: now)
        download = RateMeter(now: now)
    }
}
