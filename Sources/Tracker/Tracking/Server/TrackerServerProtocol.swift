import Address

// The server half of the tracker protocol: parses requests and writes responses (BEP 3, 7, 15, 21, 23, 31, 41, 48).
//
// Everything here is a value or a pure function. It must never read a clock, use a socket, allocate while serving a
// request, or trap on input. The shell that moves the bytes, and the store of peers, are in the module TrackerServer.

/// One announce, from any transport.
public struct PeerAnnounce: Sendable {
    public var swarm: SwarmKey
    public var peer: PeerName
    /// TCP port on which the peer listens. With 0 the peer accepts no connections: it is counted and never sent to
    /// others.
    public var port: UInt16
    /// Bytes left to download; 0 makes the peer a seed.
    public var left: UInt64 = 1
    public var event: AnnounceEvent = .none
    /// Number of peers wanted; nil lets the tracker choose. Not limited yet.
    public var numWant: Int?
    /// Identifies the peer when it announces from another address; 0 for none.
    public var key: UInt32 = 0
    /// Whether the peer says that it accepts no connections (Swoop's own parameter `unreachable=1`).
    public var isUnreachable = false
    /// Whether `RegistryAnnounce` has more to parse.
    public var isFromRegistry = false
    /// What a node of a fleet shows; nil for none, and for what is none.
    public var ticket: SwarmTicket?
    /// Seconds after which the peer is forgotten; 0 for as long as the store keeps peers.
    public var lifetime: UInt32 = 0
    /// The address that the peer claims (`ip=`), used only from trusted sources.
    public var claimedAddress: PeerAddress?
    /// The form of the peer list in the response. UDP supports only the compact form.
    public var listing: PeerListing = .compact

    public init(swarm: SwarmKey, peer: PeerName, port: UInt16) {
        self.swarm = swarm
        self.peer = peer
        self.port = port
    }
}

/// Forms of a peer list in an HTTP response.
public enum PeerListing: Sendable {
    /// BEP 23 and 7: strings of 6 and 18 bytes for each peer.
    case compact
    /// BEP 3: a list of dictionaries.
    case dictionaries
    /// The same without `peer id` (`no_peer_id=1`).
    case dictionariesWithoutID
}

/// Why a request is refused, in words for the person who runs the client.
public struct TrackerRefusal: Error, Sendable, Equatable {
    /// Static, so that creating one is free. At most 28 bytes if it may answer a scrape: the error packet, with its
    /// 8-byte head, must not be longer than the shortest UDP request with a connection id.
    public let reason: StaticString
    /// BEP 31: minutes after which a retry makes sense; nil for never.
    public let retryMinutes: Int?

    public init(_ reason: StaticString, retryMinutes: Int? = nil) {
        self.reason = reason
        self.retryMinutes = retryMinutes
    }

    public static func == (a: TrackerRefusal, b: TrackerRefusal) -> Bool {
        a.reason.description == b.reason.description && a.retryMinutes == b.retryMinutes
    }

    /// The info hash is not on the allow-list. It may be added, hence the retry.
    public static let notAllowed = TrackerRefusal("torrent is not on this tracker", retryMinutes: 10)
    /// The swarm is for those alone who show a ticket that is in force.
    public static let noTicket = TrackerRefusal("the ticket is missing, or not in force")
    /// A limit of the tracker is reached.
    public static let full = TrackerRefusal("tracker is full", retryMinutes: 15)
}

/// Numbers of peers in one swarm.
public struct SwarmCounts: Sendable, Equatable {
    /// Peers that have everything.
    public var seeds: Int
    /// Peers that do not have everything, including partial seeds.
    public var leechers: Int
    /// Peers that want to download more: leechers without partial seeds (BEP 21's `downloaders`).
    public var downloaders: Int
    /// Number of `completed` events.
    public var completions: Int

    public init(seeds: Int = 0, leechers: Int = 0, downloaders: Int = 0, completions: Int = 0) {
        self.seeds = seeds
        self.leechers = leechers
        self.downloaders = downloaders
        self.completions = completions
    }
}

/// Maximum number of info hashes in one scrape: as many as fit in a UDP datagram (BEP 15).
public let maximumScrapeHashes = 74
