import Address

/// What a tracker answered to an announce, after everything out of bounds was clamped or dropped.
public struct AnnounceAnswer: Sendable, Hashable {
    /// Seconds until the next regular announce, within `TrackerAnswerLimits.interval`.
    public var interval: Double
    /// Seconds before which no announce is welcome; nil when the tracker named none. Never more than `interval`.
    public var minInterval: Double?
    /// Peers that have everything (`complete`); nil when not told.
    public var seeders: Int?
    /// Peers that do not (`incomplete`); nil when not told.
    public var leechers: Int?
    /// Each address once, at most `TrackerAnswerLimits.peers`; not yet filtered by `PeerAddressFilter`.
    public var peers: [PeerAddress]
    /// Peers whose address is a name, each once, at most `TrackerAnswerLimits.names`.
    public var names: [NamedPeer] = []
    /// A text for the user, with control characters escaped, at most `TrackerAnswerLimits.textBytes` long.
    public var warning: String?
    /// To be sent back in the next announce.
    public var trackerID: [UInt8]?
    /// This node's address as the tracker sees it (BEP 24), 4 or 16 bytes; nil when not told.
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

/// A tracker's counts for one torrent (BEP 48).
public struct ScrapeAnswer: Sendable, Hashable {
    public var seeders: Int
    public var leechers: Int
    /// How often a download was completed, ever.
    public var completed: Int

    public init(seeders: Int, leechers: Int, completed: Int) {
        self.seeders = seeders
        self.leechers = leechers
        self.completed = completed
    }
}

/// How much of a tracker's answer is believed.
public struct TrackerAnswerLimits: Sendable, Hashable {
    /// Largest HTTP body, in bytes.
    public var bodyBytes = 1 << 20
    /// Most values in a bencoded answer.
    public var tokens = 20_000
    /// Deepest nesting of a bencoded answer.
    public var depth = 12
    /// Most peers taken from one answer.
    public var peers = 1_000
    /// Most peers with a host name for an address that are taken from one answer: each costs a query to a name server.
    public var names = 16
    /// Seconds between announces: what a tracker says is clamped to this.
    public var interval: ClosedRange<Double> = 5...7_200
    /// Seconds when the tracker names no interval.
    public var defaultInterval: Double = 1_800
    /// Most seconds that a tracker may bar us for with `retry in` (BEP 31) or Retry-After.
    public var longestRetry: Double = 86_400
    /// Most bytes of a failure reason, warning or tracker id that are kept.
    public var textBytes = 512

    public init() {}

    public static let standard = TrackerAnswerLimits()

    /// Seconds from a tracker's number: clamped, the default for what is absent or not positive.
    func interval(_ seconds: Int64?) -> Double {
        guard let seconds, seconds > 0 else { return defaultInterval }
        return min(max(Double(seconds), interval.lowerBound), interval.upperBound)
    }

    /// A minimum interval: at most `interval`, nil for what is absent or not positive.
    func minInterval(_ seconds: Int64?, interval: Double) -> Double? {
        guard let seconds, seconds > 0 else { return nil }
        return min(Double(seconds), interval)
    }

    /// A count of peers: negative numbers are no counts.
    func count(_ value: Int64?) -> Int? {
        guard let value, value >= 0 else { return nil }
        return Int(min(value, 1 << 40))
    }
}
