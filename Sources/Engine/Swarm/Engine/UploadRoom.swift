import SwarmCore

/// Keeps uploads as far below the uplink as ``UplinkRoom`` says.
struct UploadRoom {
    private var room = UplinkRoom()
    private var bucket: TokenBucket

    init(now: Double) { bucket = TokenBucket(rate: nil, now: now) }

    /// See ``UplinkRoom/look(uplink:others:given:isFetching:now:)``.
    mutating func look(uplink: Double?, others: Double?, given: Int?, isFetching: Bool, now: Double) -> Bool {
        let isMeasuring = room.look(uplink: uplink, others: others, given: given, isFetching: isFetching, now: now)
        bucket.setRate(room.limit.map { Int($0) }, now: now)
        return isMeasuring
    }

    /// Seconds until `bytes` may be sent.
    mutating func delay(for bytes: Int, now: Double) -> Double { bucket.delay(for: bytes, now: now) }

    mutating func spend(_ bytes: Int) { bucket.spend(bytes) }
}
