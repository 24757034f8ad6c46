import Metainfo
import PeerWire

/// What is shown to people and to the shell.
extension SwarmMachine {
    /// Bytes per second from and to peers.
    public mutating func rates(now: Double) -> (down: Double, up: Double) {
        (swarm.traffic.download.rate(now), swarm.traffic.upload.rate(now))
    }

    /// Bytes of blocks taken and given since the beginning, what was wasted included.
    public var transferred: (down: Int64, up: Int64) { (swarm.traffic.download.total, swarm.traffic.upload.total) }
    /// Bytes that were asked for and were not there yet, whether their piece turned out right or not.
    public var acceptedBytes: Int64 { swarm.traffic.acceptedBytes }
    /// Bytes that came twice, or of pieces that did not verify.
    public var wastedBytes: Int64 { swarm.traffic.wastedBytes }

    /// Bytes per second that one peer gives and gets.
    public mutating func rates(of key: PeerKey, now: Double) -> (down: Double, up: Double) {
        (swarm.peers[key]?.window.currentRate(now) ?? 0, swarm.peers[key]?.uploadMeter.rate(now) ?? 0)
    }

    /// Whether a peer has every piece.
    public func isSeed(_ key: PeerKey) -> Bool { swarm.peers[key]?.holdings.isFull ?? false }

    /// Blocks are on their way from this peer.
    public func isGiving(_ key: PeerKey) -> Bool {
        swarm.peers[key].map { !$0.outstanding.isEmpty && !$0.isSnubbed } ?? false
    }

    /// The peer was asked for blocks that have not come.
    public func owesBlocks(_ key: PeerKey) -> Bool {
        swarm.peers.place(of: key).map { swarm.peers[$0].outstandingBytes > 0 } ?? false
    }

    /// Whether no host can dial a peer, as far as is known.
    public func isUnreachable(_ key: PeerKey) -> Bool {
        swarm.peers.place(of: key).map { swarm.peers[$0].traits.isUnreachable } ?? false
    }

    /// Whether announcements to the peer may wait a little, so that many go together over the uplink of our site. Not
    /// where it waits for them before it gives more.
    public func mayHoldAnnouncements(to key: PeerKey) -> Bool {
        guard let peer = swarm.peers.place(of: key) else { return false }
        let isFar = sites.members > 0 && !swarm.peers[peer].isNear && !swarm.peers[peer].traits.isWebSeed
        return isFar && !swarm.peers[peer].isDispatching && !swarm.peers[peer].grants.givesTurns
    }

    // MARK: The uplink

    /// Pieces are being given out one by one, each to one peer first.
    public var isDispatching: Bool { uploads.isDispatching }
    /// What our uplink is known to send.
    public var uplink: UplinkEstimate { uploads.uplink.estimate }
    /// Whether a peer waits for bytes of ours.
    public var hasUploadsWaiting: Bool { swarm.hasUploadsWaiting }

    /// Bytes per second that others can send, as the middle one of them says; nil when none does.
    public var uplinkOfOthers: Double? {
        if case .uplink(let other) = swarm.uplinksOfOthers { other } else { nil }
    }

    /// The uplink is measured anew from now on; what was measured stays.
    public mutating func restartUplink(now: Double) { uploads.uplink.restart(&swarm, now: now) }

    // MARK: Credits

    /// Which files of the layout count in ``credits`` and ``peerCredit``; nil for all but padding.
    public var countedFiles: [Bool]? {
        get { creditLedger.countedFiles }
        set { creditLedger.countedFiles = newValue }
    }

    /// Verified bytes of the counted files by the web seed that sent them, those that have left included.
    public var credits: [PeerKey: Int64] { creditLedger.bySource }
    /// Verified bytes of the counted files that peers sent.
    public var peerCredit: Int64 { creditLedger.byPeers }
}
