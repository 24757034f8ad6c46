import Hashing

// The client half of Tracking: what a node asks its trackers, what it makes of their answers, and when it asks.
//
// What it is for: announces and scrapes as values, their HTTP and UDP forms, and the schedule of tiers and retries.
// What it must never do: open a socket, read a clock, or believe a tracker. An answer is hostile input: it is bounded,
// its numbers are clamped, and its addresses are filtered before anyone connects to them.

/// What a node tells a tracker about one torrent, once (BEP 3).
public struct AnnounceRequest: Sendable, Hashable {
    public var infoHash: SHA1Digest
    /// Exactly 20 bytes.
    public let peerID: [UInt8]
    /// TCP port on which this node takes connections; 0 if it takes none.
    public var port: UInt16
    /// Payload bytes sent since `started`.
    public var uploaded: UInt64
    /// Payload bytes received since `started`.
    public var downloaded: UInt64
    /// Bytes still to fetch; 0 makes this node a seed.
    public var left: UInt64
    public var event: AnnounceEvent
    /// Peers wanted; nil leaves it to the tracker.
    public var numWant: Int?
    /// Tells two nodes with one address apart, and one node with two; the same for a node's whole life.
    public var key: UInt32
    /// An address that the tracker is to hand to others in place of the one it sees: `203.0.113.7` or `2001:db8::1`.
    /// Sent as `ip=`; trackers heed it only where they are told to.
    public var advertisedAddress: String?
    /// True when others cannot connect to this node: it is sent as `unreachable=1`, so that a tracker that knows the
    /// parameter hands this node reachable peers and keeps its address from those who could not use it.
    public var isUnreachable: Bool
    /// What the tracker gave as `tracker id` before, to be sent back.
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
