import Address

// The server's half of the tracker protocol: requests from bytes, answers to bytes (BEP 3, 7, 15, 21, 23, 31, 41, 48).
//
// Everything here is a value or a function of its arguments. It must never read a clock, touch a socket, allocate per
// request on the way from bytes to an answer, or trap on anything a stranger may send. The shell that moves the bytes,
// and the store of peers, are in the module TrackerServer.

/// One announce, however it came.
public struct PeerAnnounce: Sendable {
    public var swarm: SwarmKey
    public var peer: PeerName
    /// TCP port the peer listens on; 0 when it takes no connections: then it is counted and never handed out.
    public var port: UInt16
    /// Bytes the peer still lacks; 0 makes it a seed.
    public var left: UInt64 = 1
    public var event: AnnounceEvent = .none
    /// Peers wanted; nil leaves it to the tracker. No limit is applied yet.
    public var numWant: Int?
    /// By which a peer proves to be the one it was, from another address; 0 for none.
    public var key: UInt32 = 0
    /// The peer says that nobody outside can connect to it (our own parameter `unreachable=1`).
    public var isUnreachable = false
    /// The address the peer names for itself (`ip=`), which counts only where the tracker trusts its source.
    public var claimedAddress: PeerAddress?
    /// How the answer lists peers. UDP knows only the compact form.
    public var listing: PeerListing = .compact

    public init(swarm: SwarmKey, peer: PeerName, port: UInt16) {
        self.swarm = swarm
        self.peer = peer
        self.port = port
    }
}

/// Forms of a peer list in an HTTP answer.
public enum PeerListing: Sendable {
    /// BEP 23 and 7: strings of 6 and 18 bytes a peer.
    case compact
    /// BEP 3: a list of dictionaries.
    case dictionaries
    /// The same without `peer id` (`no_peer_id=1`).
    case dictionariesWithoutID
}

/// Why a request cannot be served, in words for the person at the other end.
public struct TrackerRefusal: Error, Sendable, Equatable {
    /// Static, so that making one costs nothing, and less than the shortest UDP request with a connection id, less the
    /// 8 bytes of an error packet's head: 28 bytes at most where it may answer a scrape.
    public let reason: StaticString
    /// BEP 31: minutes after which it makes sense to ask again; nil for never.
    public let retryMinutes: Int?

    public init(_ reason: StaticString, retryMinutes: Int? = nil) {
        self.reason = reason
        self.retryMinutes = retryMinutes
    }

    public static func == (a: TrackerRefusal, b: TrackerRefusal) -> Bool {
        a.reason.description == b.reason.description && a.retryMinutes == b.retryMinutes
    }

    /// The info hash is not on the allow-list. It may be put there, hence the retry.
    public static let notAllowed = TrackerRefusal("torrent is not on this tracker", retryMinutes: 10)
    /// Limits of the tracker are reached.
    public static let full = TrackerRefusal("tracker is full", retryMinutes: 15)
}

/// Numbers of peers in one swarm.
public struct SwarmCounts: Sendable, Equatable {
    /// Peers that have everything.
    public var seeds: Int
    /// Peers that lack something, partial seeds included.
    public var leechers: Int
    /// Peers that want more: leechers without partial seeds (BEP 21's `downloaders`).
    public var downloaders: Int
    /// Times a peer has said that it completed the content.
    public var completions: Int

    public init(seeds: Int = 0, leechers: Int = 0, downloaders: Int = 0, completions: Int = 0) {
        self.seeds = seeds
        self.leechers = leechers
        self.downloaders = downloaders
        self.completions = completions
    }
}

/// The most info hashes one scrape may name: what fits a UDP datagram (BEP 15).
public let maximumScrapeHashes = 74
