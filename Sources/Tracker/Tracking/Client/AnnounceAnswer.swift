import Address

/// The response to an announce, after values out of bounds were clamped or dropped.
public struct AnnounceAnswer: Sendable, Hashable {
    /// Seconds until the next regular announce, within `TrackerAnswerLimits.interval`.
    public var interval: Double
    /// Minimum seconds until any announce; nil if the tracker sent none. At most `interval`.
    public var minInterval: Double?
    /// Number of seeds (`complete`); nil if the tracker sent none.
    public var seeders: Int?
    /// Number of leechers (`incomplete`); nil if the tracker sent none.
    public var leechers: Int?
    /// Distinct addresses, at most `TrackerAnswerLimits.peers`; not yet filtered by `PeerAddressFilter`.
    public var peers: [PeerAddress]
    /// Peers with a host name instead of an address: distinct, at most `TrackerAnswerLimits.names`.
    public var names: [NamedPeer] = []
    /// A message for the user, with control characters escaped, at most `TrackerAnswerLimits.textBytes` long.
    public var warning: String?
    /// To be sent in the next announce.
    public var trackerID: [UInt8]?
    /// This node's address as the tracker sees it (BEP 24), 4 or 16 bytes; nil if the tracker sent none.
    public var externalAddress: [UInt8]?

    public init(
        interval: Double, minInterval: Double? = nil, seeders: Int? = nil, leechers: Int? = nil,
        peers: [PeerAddress] = [], warning: String? = nil, trackerID: [UInt8]? = nil, externalAddress: [UInt8]? = nil
    ) {
        self.interval = interval
        self.minInterval = minInterval
        self.seeders = seeders
        self.leechers = leechers
        self.peers = peers
        self.warning = warning
        self.trackerID = trackerID
        self.externalAddress = externalAddress
    }
}

/// The counts of one torrent in a scrape response (BEP 48).
public struct ScrapeAnswer: Sendable, Hashable {
    public var seeders: Int
    public var leechers: Int
    /// Number of completed downloads since the torrent was first announced.
    public var completed: Int

    public init(seeders: Int, leechers: Int, completed: Int) {
        self.seeders = seeders
        self.leechers = leechers
        self.completed = completed
    }
}

/// Limits on tracker responses.
public struct TrackerAnswerLimits: Sendable, Hashable {
    /// Largest HTTP body, in bytes.
    public var bodyBytes = 1 << 20
    /// Maximum number of values in a bencoded response.
    public var tokens = 20_000
    /// Maximum nesting of a bencoded response.
    public var depth = 12
    /// Maximum number of peers used from one response.
    public var peers = 1_000
    /// Maximum number of peers with host names used from one response: each costs a DNS query.
    public var names = 16
    /// Announce intervals in seconds: values outside are clamped.
    public var interval: ClosedRange<Double> = 5...7_200
    /// Announce interval in seconds if the tracker sends none.
    public var defaultInterval: Double = 1_800
    /// Maximum seconds for which a tracker can exclude us with `retry in` (BEP 31) or Retry-After.
    public var longestRetry: Double = 86_400
    /// Maximum bytes of a failure reason, warning or tracker id.
    public var textBytes = 512

    public init() {}

    public static let standard = TrackerAnswerLimits()

    /// The announce interval: clamped; the default if the value is absent or not positive.
    func interval(_ seconds: Int64?) -> Double {
        guard let seconds, seconds > 0 else { return defaultInterval }
        return min(max(Double(seconds), interval.lowerBound), interval.upperBound)
    }

    /// The minimum interval: at most `interval`; nil if the value is absent or not positive.
    func minInterval(_ seconds: Int64?, interval: Double) -> Double? {
        guard let seconds, seconds > 0 else { return nil }
        return min(Double(seconds), interval)
    }

    /// A number of peers; nil if negative.
    func count(_ value: Int64?) -> Int? {
        guard let value, value >= 0 else { return nil }
        return Int(min(value, 1 << 40))
    }
}
