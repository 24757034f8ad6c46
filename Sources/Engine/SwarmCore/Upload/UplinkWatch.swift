/// Measures our upload rate while peers are waiting for more.
struct UplinkWatch: Sendable {
    /// Seconds between two measurements.
    private static let period = 0.5

    private(set) var estimate = UplinkEstimate()
    private var seenAt: Double
    private var seenBytes: Int64 = 0
    private var wasWaitedFor = false

    init(now: Double) { seenAt = now }

    /// Begins a new measurement of the uplink. Earlier measurements stay.
    mutating func restart(_ swarm: inout SwarmState, now: Double) {
        estimate.restart()
        (seenAt, seenBytes, wasWaitedFor) = (now, swarm.traffic.upload.total, swarm.hasUploadsWaiting)
    }

    /// Call a few times a second.
    mutating func look(_ swarm: inout SwarmState, now: Double) {
        guard now - seenAt >= Self.period else { return }
        let isWaitedFor = swarm.hasUploadsWaiting
        estimate.observe(
            seconds: now - seenAt, bytes: swarm.traffic.upload.total - seenBytes,
            isWaitedFor: isWaitedFor && wasWaitedFor)
        (seenAt, seenBytes, wasWaitedFor) = (now, swarm.traffic.upload.total, isWaitedFor)
    }
}
