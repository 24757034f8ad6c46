/// Measures what our uplink sends while peers wait for more.
struct UplinkWatch: Sendable {
    /// Seconds between two looks.
    private static let period = 0.5

    private(set) var estimate = UplinkEstimate()
    private var seenAt: Double
    private var seenBytes: Int64 = 0
    private var wasWaitedFor = false

    init(now: Double) { seenAt = now }

    /// The uplink is measured anew from now on; what was measured stays.
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
