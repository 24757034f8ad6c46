import PeerWire
import SwarmCore

extension TorrentEngine {
    /// Our uplink in bytes per second; nil while unknown.
    var uplink: Double? { machine.uplink.value(limit: limits.upRate) }

    /// Call once a second, and when the last piece has been stored.
    func judgeEfficiency(_ now: Double) {
        let (downloaded, uploaded) = machine.transferred
        let look = EfficiencyWatch.Look(
            now: now, downloaded: downloaded - machine.wastedBytes, uploaded: uploaded,
            effort: finisher?.effort ?? DiskEffort(), workers: context.pool.threadCount,
            supply: machine.isFinished ? nil : machine.supply, isWaitedFor: machine.hasUploadsWaiting,
            uplink: uplink, downloadLimit: limits.downRate)
        efficiency.look(look)
        guard let uplink = efficiency.tellUplink(uplink, now: now) else { return }
        var news = ExtensionHandshake()
        news.uplink = uplink
        // Only Swoop clients know the key.
        for (key, connection) in connections
        where connection.capabilities.longestRequest > ExtensionHandshake.commonRequest {
            connection.send(.extended(.handshake(news)))
            dirty.insert(key)
        }
    }
}
