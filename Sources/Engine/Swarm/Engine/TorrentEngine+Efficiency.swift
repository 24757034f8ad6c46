import PeerWire
import SwarmCore

/// What a torrent's ``EfficiencyGauge`` needs to know of the last look.
struct EfficiencyWatch {
    private var gauge = EfficiencyGauge()
    private var lookedAt: Double
    private var downloaded: Int64 = 0
    private var uploaded: Int64 = 0
    private var effort = PieceFinisher.Effort()
    private var wasWaitedFor = false
    private var isOver: Bool
    private var supply = Supply()
    /// Of a seed: what it sent while somebody waited for it.
    private var given: Int64 = 0
    private var givingSeconds = 0.0
    private var seconds = 0.0
    private var news = UplinkNews()
    /// What peers were told last, bytes per second.
    var uplinkTold: Int? { news.told }

    init(now: Double, isSeed: Bool) {
        lookedAt = now
        isOver = isSeed
    }

    /// What happened since the last look.
    struct Look {
        var now: Double
        var downloaded: Int64
        var uploaded: Int64
        var effort: PieceFinisher.Effort
        var workers: Int
        /// Nil once nothing is missing.
        var supply: Supply?
        var isWaitedFor: Bool
        var uplink: Double?
        var downloadLimit: Int?
    }

    /// - Returns: what peers are to be told of our uplink, if that is news.
    mutating func look(_ look: Look) -> Int? {
        let elapsed = look.now - lookedAt
        guard elapsed > 0 else { return nil }
        let sent = look.uploaded - uploaded
        let isWaitedFor = wasWaitedFor && look.isWaitedFor
        // What came last was on its way when the last look was taken.
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
        return news.next(look.uplink, now: look.now)
    }

    /// - Parameter uplink: bytes per second that this host can send, if that is known.
    func reading(uplink bound: Double?) -> Efficiency? {
        if let reading = gauge.reading { return reading }
        guard givingSeconds > 0 else { return nil }
        return Efficiency(
            achieved: Double(given) / givingSeconds, bound: bound, limit: .seedUplink,
            starved: 1 - givingSeconds / seconds, unknown: bound == nil ? [.seedUplink] : [])
    }
}

extension TorrentEngine {
    /// Bytes per second that this host can send; nil while that is unknown.
    var uplink: Double? { machine.uplink.value(limit: limits.upRate) }

    /// Once a second, and when the last piece is there.
    func judgeEfficiency(_ now: Double) {
        let (downloaded, uploaded) = machine.transferred
        let look = EfficiencyWatch.Look(
            now: now, downloaded: downloaded - machine.wastedBytes, uploaded: uploaded,
            effort: finisher?.effort ?? PieceFinisher.Effort(), workers: context.pool.threadCount,
            supply: machine.isFinished ? nil : machine.supply, isWaitedFor: machine.hasUploadsWaiting,
            uplink: uplink, downloadLimit: limits.downRate)
        guard let uplink = efficiency.look(look) else { return }
        var news = ExtensionHandshake()
        news.uplink = uplink
        // Our own programs alone know the key.
        for (key, connection) in connections
        where connection.capabilities.longestRequest > ExtensionHandshake.commonRequest {
            connection.send(.extended(.handshake(news)))
            dirty.insert(key)
        }
    }
}
