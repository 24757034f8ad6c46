/// Time that worker threads have spent on pieces since the beginning, in seconds.
package struct DiskEffort: Sendable {
    package var hashing = 0.0
    package var writing = 0.0

    package init() {}
}

/// Tracks a torrent's efficiency while it is downloaded and while it is seeded, and decides when to tell peers our
/// uplink.
///
/// It takes a ``Look`` about once a second and compares it with the previous one.
package struct EfficiencyWatch: Sendable {
    private var gauge = EfficiencyGauge()
    private var lookedAt: Double
    private var downloaded: Int64 = 0
    private var uploaded: Int64 = 0
    private var effort = DiskEffort()
    private var wasWaitedFor = false
    private var isOver: Bool
    private var supply = Supply()
    /// Bytes that a seed uploaded while peers were waiting for more.
    private var given: Int64 = 0
    private var givingSeconds = 0.0
    private var seconds = 0.0
    private var news = UplinkNews()
    /// The uplink that peers were told last, in bytes per second.
    package var uplinkTold: Int? { news.told }

    package init(now: Double, isSeed: Bool) {
        lookedAt = now
        isOver = isSeed
    }

    /// Totals and state at one moment.
    package struct Look {
        package var now: Double
        package var downloaded: Int64
        package var uploaded: Int64
        package var effort: DiskEffort
        package var workers: Int
        /// Nil when nothing is missing.
        package var supply: Supply?
        package var isWaitedFor: Bool
        /// This host's uplink and its download limit in bytes per second; nil if unknown, or if there is none.
        package var uplink: Double?
        package var downloadLimit: Int?

        package init(
            now: Double, downloaded: Int64, uploaded: Int64, effort: DiskEffort, workers: Int, supply: Supply?,
            isWaitedFor: Bool, uplink: Double?, downloadLimit: Int?
        ) {
            self.now = now
            self.downloaded = downloaded
            self.uploaded = uploaded
            self.effort = effort
            self.workers = workers
            self.supply = supply
            self.isWaitedFor = isWaitedFor
            self.uplink = uplink
            self.downloadLimit = downloadLimit
        }
    }

    /// The uplink to tell peers now, in bytes per second; nil if there is nothing new to tell. Call at least as often as
    /// ``look(_:)``.
    /// - Parameter uplink: this host's uplink in bytes per second, if known.
    package mutating func tellUplink(_ uplink: Double?, now: Double) -> Int? { news.next(uplink, now: now) }

    /// Call about once a second, and when the last piece has been stored.
    package mutating func look(_ look: Look) {
        let elapsed = look.now - lookedAt
        guard elapsed > 0 else { return }
        let sent = look.uploaded - uploaded
        let isWaitedFor = wasWaitedFor && look.isWaitedFor
        // The last bytes were in flight when the previous look was taken.
        supply = look.supply ?? supply
        if !isOver {
            var seen = EfficiencyGauge.Observation(seconds: elapsed, received: look.downloaded - downloaded)
            seen.hashing = look.effort.hashing - effort.hashing
            seen.writing = look.effort.writing - effort.writing
            seen.workers = look.workers
            seen.supply = supply
            seen.downlink = look.downloadLimit.map(Double.init)
            seen.uplink = look.uplink
            gauge.observe(seen)
        } else {
            seconds += elapsed
            if isWaitedFor {
                given += sent
                givingSeconds += elapsed
            }
        }
        (lookedAt, downloaded, uploaded, effort) = (look.now, look.downloaded, look.uploaded, look.effort)
        wasWaitedFor = look.isWaitedFor
        isOver = look.supply == nil
    }

    /// - Parameter uplink: this host's uplink in bytes per second, if known.
    package func reading(uplink bound: Double?) -> Efficiency? {
        if let reading = gauge.reading { return reading }
        guard givingSeconds > 0 else { return nil }
        return Efficiency(
            achieved: Double(given) / givingSeconds, bound: bound, limit: .seedUplink,
            starved: 1 - givingSeconds / seconds, unknown: bound == nil ? [.seedUplink] : [])
    }
}
