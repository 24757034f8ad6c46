import Address
import Hashing

// The client half of Tracking: requests to trackers, their responses, and the schedule of announces.
//
// Purpose: announces and scrapes as values, their HTTP and UDP forms, and the schedule of tiers and retries. Must
// never: open a socket, read a clock, or trust a tracker. A response is hostile input: it is bounded, its numbers are
// clamped, and its addresses are filtered before a connection is made.

/// An announce of one torrent to a tracker (BEP 3).
public struct AnnounceRequest: Sendable, Hashable {
    public var infoHash: SHA1Digest
    /// Exactly 20 bytes.
    public let peerID: [UInt8]
    /// TCP port on which this node accepts connections; 0 if it accepts none.
    public var port: UInt16
    /// Payload bytes sent since `started`.
    public var uploaded: UInt64
    /// Payload bytes received since `started`.
    public var downloaded: UInt64
    /// Bytes left to download; 0 makes this node a seed.
    public var left: UInt64
    public var event: AnnounceEvent
    /// Number of peers wanted; nil lets the tracker choose.
    public var numWant: Int?
    /// Identifies this node across address changes, and distinguishes two nodes with one address. Constant while a node
    /// runs.
    public var key: UInt32
    /// An address that the tracker should give to peers instead of the source address: `203.0.113.7` or `2001:db8::1`.
    /// Sent as `ip=`; trackers use it only from trusted sources.
    public var advertisedAddress: String?
    /// True if peers cannot connect to this node: sent as `unreachable=1`. A tracker that supports the parameter sends
    /// this node reachable peers, and does not send its address to peers that could not use it.
    public var isUnreachable: Bool
    /// What an agent of a registry adds; nil for other clients. Only HTTP carries it.
    public var agent: AgentWord?
    /// The `tracker id` of an earlier response, to be sent back.
    public var trackerID: [UInt8]?

    /// Nil unless `peerID` has 20 bytes.
    public init?(
        infoHash: SHA1Digest, peerID: some Collection<UInt8>, port: UInt16, uploaded: UInt64 = 0,
        downloaded: UInt64 = 0,
        left: UInt64, event: AnnounceEvent = .none, numWant: Int? = nil, key: UInt32, advertisedAddress: String? = nil,
        isUnreachable: Bool = false, trackerID: [UInt8]? = nil
    ) {
        guard peerID.count == 20 else { return nil }
        self.infoHash = infoHash
        self.peerID = Array(peerID)
        self.port = port
        self.uploaded = uploaded
        self.downloaded = downloaded
        self.left = left
        self.event = event
        self.numWant = numWant
        self.key = key
        self.advertisedAddress = advertisedAddress
        self.isUnreachable = isUnreachable
        self.trackerID = trackerID
    }
}

/// What an agent of a registry says to its tracker besides an announce.
public struct AgentWord: Sendable, Hashable {
    /// The blob that the swarm moves.
    public var digest: SHA256Digest
    /// The name of the site where this host stands; nil if it has none.
    public var site: String?
    /// That this host knows the secret of the registry's swarms; nil where there is none.
    public var proof: SHA256Digest?
    /// Peers that the tracker named and that could not be dialled.
    public var unreached: [PeerAddress] = []

    /// Peers that one announce may name.
    public static let mostUnreached = 32

    public init(digest: SHA256Digest, site: String? = nil) {
        self.digest = digest
        self.site = site
    }
}
