import Metainfo

/// What a source of pieces is and can do, known when it joins.
public struct PeerTraits: Sendable {
    /// Fast extension (BEP 6): the peer answers each request with data or a reject, and understands suggestions.
    public var supportsFast: Bool
    /// The uplink that the peer advertises, in bytes per second; nil if it does not.
    public var uplink: Int?
    /// `lt_donthave` (BEP 54).
    public var supportsDontHave = false
    /// Longest request that the peer answers, in bytes; a multiple of a block.
    public var longestRequest = blockLength
    /// Maximum number of requests that the peer queues.
    public var requestQueue = 250
    /// Whether the peer follows suggestions strictly, as Swoop leechers do.
    public var followsSuggestions = false
    /// Whether the peer supports upload grants (`swoop_turn`).
    public var supportsGrants = false
    /// Whether the peer is at our site, see ``Site``.
    public var isNear = false
    /// Whether the peer accepts no connections: only peers that it dialled can serve it.
    public var isUnreachable = false
    /// Whether the peer supports claims (`swoop_claim`).
    public var supportsClaims = false
    /// Whether the peer is an origin that is told which pieces their holders do not deliver (`swoop_lacks`).
    public var hearsLacks = false
    /// Whether the peer is another origin of our registry, which no budget concerns.
    public var isOrigin = false
    /// Minimum round trip of a long path to the peer, in seconds; 0 for other paths.
    public var longRoundTrip = 0.0
    /// Whether this is a web seed or another range source: it requests nothing and accepts only requests and cancels.
    public var isWebSeed = false
    /// The pieces that a web seed may be asked for; nil for all. See ``SwarmMachine/setHoldings(of:to:now:)``.
    public var mask: PieceSet?

    public init(supportsFast: Bool) { self.supportsFast = supportsFast }
}

/// A request that was sent and has not been answered.
package struct OutstandingRequest: Sendable {
    package let span: BlockSpan
    let sentAt: Double
    /// Whether we have cancelled it. The answer is dropped.
    package var isCancelled = false
}

/// The state of one connected peer. Fields that are often read for all peers come first, so that they are adjacent in
/// memory.
package struct PeerState: Sendable {
    package let key: PeerKey
    var isChokingUs = true
    var amInterested = false
    var isInterested = false
    package var amChoking = true
    /// The peer has announced that it downloads nothing (BEP 21).
    var isUploadOnly = false
    /// The peer dispatches pieces by suggestions. A piece that no other peer has is on its way to some peer, so we do
    /// not request it.
    package var isDispatching = false
    var isSnubbed = false
    /// The peer takes precedence in uploads, see ``Precedence``.
    var goesFirst = false
    /// The peer is counted as having every piece, instead of piece by piece.
    var countsAsFull = false
    var hasLostPieces = false
    /// Copied from the traits by ``SiteClaims/update(_:isNear:supportsClaims:_:)``.
    package var isNear = false
    /// The peer is near and supports claims.
    var isSiteMember = false
    /// The peer's pieces count as present at our site.
    var isHolder = false
    /// How often the peer stopped counting because it dispatches pieces, and the maximum.
    var excuses: UInt8 = 0
    static let mostExcuses: UInt8 = 16
    /// Whether a bitfield is still legal: it must come before other messages about pieces.
    var mayAnnounceHoldings = true
    package var holdings: PieceSet
    /// Number of the peer's pieces that we want and are missing.
    package var wantedCount = 0

    package var outstandingBytes = 0
    var window: RequestWindow
    package var outstanding: [OutstandingRequest] = []
    /// Time at which the peer last finished one of our requests, or of the first request.
    var lastProgressAt: Double
    var askAgainAt = 0.0
    /// Rejects since the peer last sent a block, without those after a choke. The next request waits for them.
    var rejects = 0
    /// The piece that the peer is sending, for choosing contiguous pieces.
    var lastPiece: Int?

    var chatter: Chatter
    package var grants = GrantsOfPeer()
    package var uploads: [BlockSpan] = []
    var uploadHead = 0
    /// Time of the peer's last unchoke, or of its interest if it was never unchoked.
    var waitingSince: Double
    var uploadMeter: RateMeter

    var traits: PeerTraits
    /// Pieces that the peer serves even while choking us (BEP 6).
    package var allowedFast: Set<Int> = []
    /// Pieces that the peer suggested (BEP 6), in its order.
    var suggested: [Int] = []
    /// Requests cancelled without the fast extension. The peer may still answer them.
    var forgotten: [BlockSpan] = []
    /// nil while all blocks come over one connection.
    var further: FurtherConnectionsState?

    package init(key: PeerKey, traits: PeerTraits, pieceCount: Int, missing: Int, now: Double) {
        self.key = key
        self.traits = traits
        holdings = PieceSet(size: pieceCount)
        window = RequestWindow(now: now)
        chatter = Chatter(missing: missing, now: now)
        uploadMeter = RateMeter(now: now)
        lastProgressAt = now
        waitingSince = now
    }

    /// Number of connections that carry the peer's blocks.
    var connectionCount: Int { further?.count ?? 1 }
    var uploadCount: Int { uploads.count - uploadHead }

    /// A requested block has arrived.
    mutating func answered(_ request: OutstandingRequest, now: Double) {
        window.arrived(request.span.length, delay: now - request.sentAt, now: now)
        lastProgressAt = now
        isSnubbed = false
        rejects = 0
        if let newest = further?.newestAnswered, request.sentAt > newest { further?.newestAnswered = request.sentAt }
    }

    /// Removes and returns the next block to send to the peer; nil if it requested none.
    mutating func takeUpload() -> BlockSpan? {
        guard uploadCount > 0 else { return nil }
        let span = uploads[uploadHead]
        uploadHead += 1
        if uploadCount == 0 {
            dropUploads()
        } else if uploadHead > 256 {
            uploads.removeFirst(uploadHead)
            uploadHead = 0
        }
        return span
    }

    mutating func dropUploads() {
        uploads = []
        uploadHead = 0
    }
}
