import Reactor
import SwarmCore

/// Who can be dialled, and what that means for whom we serve.
extension TorrentEngine {
    /// Probes under way at most; who comes meanwhile counts as reachable.
    private static let mostProbes = 16

    /// Peers up to which a seed asks too: with many, no single uplink decides when the last is done.
    private static let mostPeersOfSeed = 200

    /// Looks whether a peer that came in can be dialled.
    func probeReach(of connection: PeerConnection, _ key: PeerKey) {
        guard connection.isIncoming, let address = connection.listenAddress,
            !machine.isFinished || connections.count <= Self.mostPeersOfSeed, reachProbes.count < Self.mostProbes,
            reachProbes[key] == nil
        else { return }
        reachProbes[key] = try? ReachProbe(
            address, from: context.listenAddress, over: context.network, loop: context.loop
        ) { [weak self] isReachable in
            guard let self else { return }
            reachProbes[key] = nil
            guard connections[key] != nil, !isReachable else { return }
            machine.update(key) { $0.isUnreachable = true }
        }
    }

    func forgetReach(of key: PeerKey) {
        reachProbes.removeValue(forKey: key)?.cancel()
    }

    func stopProbing() {
        for probe in reachProbes.values { probe.cancel() }
        reachProbes = [:]
    }

    /// See ``UplinkRoom``.
    func leaveRoom(_ now: Double) {
        let isMeasuring = room.look(
            uplink: machine.uplink.measured, others: machine.uplinkOfOthers, given: limits.upRate,
            isFetching: !machine.isFinished, now: now)
        roomBucket.setRate(room.limit.map { Int($0) }, now: now)
        if isMeasuring { machine.restartUplink(now: now) }
    }
}
