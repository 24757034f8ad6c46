import Reactor
import SwarmCore

/// Which peers can be dialled, and its effect on uploads.
extension TorrentEngine {
    /// Maximum number of simultaneous probes. Peers that arrive meanwhile count as reachable.
    private static let mostProbes = 16

    /// Number of peers up to which a seed probes too: with many, no single uplink decides when the last peer finishes.
    private static let mostPeersOfSeed = 200

    /// Tests whether an incoming peer can be dialled.
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
        if isMeasuring { machine.restartUplink(now: now) }
    }
}
