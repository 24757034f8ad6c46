import Metainfo
import PeerWire

/// Values for people and for the shell.
extension SwarmMachine {
    /// Download and upload rate over all peers, in bytes per second.
    public mutating func rates(now: Double) -> (down: Double, up: Double) {
        (swarm.traffic.download.rate(now), swarm.traffic.upload.rate(now))
    }

    /// Bytes of blocks received and sent since the beginning, including wasted ones.
    public var transferred: (down: Int64, up: Int64) { (swarm.traffic.download.total, swarm.traffic.upload.total) }
    /// Bytes of requested blocks that were new, whether or not their piece turned out correct.
    public var acceptedBytes: Int64 { swarm.traffic.acceptedBytes }
    /// Upload grants that were given.
    package var grantsGiven: Int { uploads.grants.order.serial }
    /// Bytes received twice, or in pieces that failed verification.
    public var wastedBytes: Int64 { swarm.traffic.wastedBytes }

    /// Download and upload rate of one peer, in bytes per second.
    public mutating func rates(of key: PeerKey, now: Double) -> (down: Double, up: Double) {
        (swarm.peers[key]?.window.currentRate(now) ?? 0, swarm.peers[key]?.uploadMeter.rate(now) ?? 0)
    }

    /// Whether a peer has every piece.
    public func isSeed(_ key: PeerKey) -> Bool { swarm.peers[key]?.holdings.isFull ?? false }

    /// Whether blocks from this peer are in flight.
    public func isGiving(_ key: PeerKey) -> Bool {
        swarm.peers[key].map { !$0.outstanding.isEmpty && !$0.isSnubbed } ?? false
    }

    /// Whether requests to the peer are outstanding.
    public func owesBlocks(_ key: PeerKey) -> Bool {
        swarm.peers.place(of: key).map { swarm.peers[$0].outstandingBytes > 0 } ?? false
    }

    /// Whether the peer accepts no connections, as far as is known.
    public func isUnreachable(_ key: PeerKey) -> Bool {
        swarm.peers.place(of: key).map { swarm.peers[$0].traits.isUnreachable } ?? false
    }

    /// Whether `have` messages to the peer may be delayed a little, so that several share a packet over our site's
    /// uplink. Not if the peer waits for them before it uploads more.
    public func mayHoldAnnouncements(to key: PeerKey) -> Bool {
        guard let peer = swarm.peers.place(of: key) else { return false }
        let isFar = sites.members > 0 && !swarm.peers[peer].isNear && !swarm.peers[peer].traits.isWebSeed
        return isFar && !swarm.peers[peer].isDispatching && !swarm.peers[peer].grants.issuesGrants
    }

    // MARK: The uplink

    /// Whether pieces are being dispatched, each to one peer first.
    public var isDispatching: Bool { uploads.isDispatching }
    /// The estimate of our uplink.
    public var uplink: UplinkEstimate { uploads.uplink.estimate }
    /// Whether some peer is waiting for our uploads.
    public var hasUploadsWaiting: Bool { swarm.hasUploadsWaiting }

    /// The median uplink that other peers advertise, in bytes per second; nil if none does.
    public var uplinkOfOthers: Double? {
        if case .uplink(let other) = swarm.uplinksOfOthers { other } else { nil }
    }

    /// Begins a new measurement of the uplink. Earlier measurements stay.
    public mutating func restartUplink(now: Double) { uploads.uplink.restart(&swarm, now: now) }

    // MARK: Credits

    /// Which files of the layout count in ``credits`` and ``peerCredit``; nil for all except padding.
    public var countedFiles: [Bool]? {
        get { creditLedger.countedFiles }
        set { creditLedger.countedFiles = newValue }
    }

    /// Verified bytes of the counted files by the web seed that sent them, including web seeds that have left.
    public var credits: [PeerKey: Int64] { creditLedger.bySource }
    /// Verified bytes of the counted files that peers sent.
    public var peerCredit: Int64 { creditLedger.byPeers }
}
