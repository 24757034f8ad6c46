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

    /// Seconds for which a `have` message to the peer may wait for others to share a packet with; 0 if the peer waits for it
    /// before it uploads more.
    ///
    /// Outside our site the uplink of the site is spared. Among many peers, processors are: a piece then comes from whoever gives
    /// an upload grant, and what it has is said before the grant. Of a piece that the peer has, it learns nothing that it needs.
    /// The first pieces are said at once: nobody would have anything else to ask for. Later ones wait for as long as a few pieces take
    /// to come: what a peer hears late by that is little beside the whole, and several share a packet at any rate.
    public func holdOfAnnouncement(of piece: Int, to key: PeerKey) -> Double {
        guard let peer = swarm.peers.place(of: key), !swarm.peers[peer].traits.isWebSeed,
            !swarm.peers[peer].isDispatching, !swarm.peers[peer].grants.areNamed
        else { return 0 }
        let isFar = sites.members > 0 && !swarm.peers[peer].isNear
        if isFar, !swarm.peers[peer].grants.issuesGrants { return AnnouncementHold.far }
        guard peerCount >= swarm.configuration.announcementsShareFrom else { return 0 }
        let crowded = min(AnnouncementHold.most, max(AnnouncementHold.least, AnnouncementHold.pieces * secondsPerPiece))
        if swarm.peers[peer].holdings.contains(piece) { return max(crowded, AnnouncementHold.known) }
        let isEarly = min(swarm.peers[peer].holdings.count, swarm.have.count) < AnnouncementHold.few
        return isEarly ? 0 : crowded
    }

    /// How long a piece takes to come, at the rate of the last seconds.
    private var secondsPerPiece: Double {
        let rate = swarm.traffic.download.latest
        return rate > 0 ? Double(swarm.layout.pieceLength) / rate : 0
    }

    private enum AnnouncementHold {
        static let far = 0.5
        /// To a peer that has the piece.
        static let known = 0.5
        /// Until the next look at what waits, which is a tenth of a second later at most.
        static let least = 0.02
        static let most = 1.0
        /// So many pieces may share a packet.
        static let pieces = 4.0
        /// So many pieces are the first.
        static let few = 8
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
    /// Those that peers of our site sent.
    public var nearCredit: Int64 { creditLedger.byNear }
}
