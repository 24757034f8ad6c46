import Metainfo

/// What a source of pieces is and can do, known when it joins.
public struct PeerTraits: Sendable {
    /// The fast extension (BEP 6): requests are answered by data or a reject, and suggestions are understood.
    public var supportsFast: Bool
    /// Bytes per second that it can send, as it says; nil when it does not.
    public var uplink: Int?
    /// `lt_donthave` (BEP 54).
    public var supportsDontHave = false
    /// Longest request it serves, bytes; a multiple of a block.
    public var longestRequest = blockLength
    /// Requests it keeps waiting at most.
    public var requestQueue = 250
    /// It follows suggestions to the letter, as our own leechers do.
    public var followsSuggestions = false
    /// It knows turns (`swoop_turn`).
    public var takesTurns = false
    /// It stands at our site, see ``Site``.
    public var isNear = false
    /// Nobody can dial it: only those whom it dialled can serve it.
    public var isUnreachable = false
    /// It knows claims (`swoop_claim`).
    public var takesClaims = false
    /// Seconds of a long line, there and back; 0 for any other.
    public var longRoundTrip = 0.0
    /// A web seed or another store of ranges: it asks for nothing and takes no messages but requests and cancels.
    public var isWebSeed = false
    /// The pieces that a web seed is asked for; nil for all. See ``SwarmMachine/setHoldings(of:to:now:)``.
    public var mask: PieceSet?

    public init(supportsFast: Bool) { self.supportsFast = supportsFast }
}

/// A request that was sent and not answered.
struct OutstandingRequest: Sendable {
    let span: BlockSpan
    let sentAt: Double
    /// Given up by us; whatever comes for it is dropped.
    var isCancelled = false
}

/// All that is known of one connected peer. What is looked at for all peers often comes first: it then lies together.
struct PeerState: Sendable {
    let key: PeerKey
    var isChokingUs = true
    var amInterested = false
    var isInterested = false
    var amChoking = true
    /// It has said that it fetches nothing (BEP 21).
    var isUploadOnly = false
    /// It gives pieces out by suggestions: what nobody else has is on its way to somebody, and not ours to ask for.
    var isDispatching = false
    var isSnubbed = false
    /// It is served before others, see ``Precedence``.
    var goesFirst = false
    /// It is counted as one that has every piece, not piece by piece.
    var countsAsFull = false
    var hasLostPieces = false
    /// As its traits say; set by ``SiteClaims/update(_:isNear:takesClaims:_:)``.
    var isNear = false
    /// It is near, and knows claims.
    var isSiteMember = false
    /// What it has counts as being at our site.
    var isHolder = false
    /// How often it stopped counting because it gives pieces out, and how often it may.
    var excuses: UInt8 = 0
    static let mostExcuses: UInt8 = 16
    /// A bitfield is legal until anything else about pieces has been said.
    var mayAnnounceHoldings = true
    var holdings: PieceSet
    /// How many of its pieces we want and lack.
    var wantedCount = 0

    var outstandingBytes = 0
    var window: RequestWindow
    var outstanding: [OutstandingRequest] = []
    /// When it last finished a request of ours, or was asked first.
    var lastProgressAt: Double
    var askAgainAt = 0.0
    /// Rejects since it last gave a block, those that come with a choke not counted; the next request waits for them.
    var rejects = 0
    /// The piece it is sending, for contiguous picks.
    var lastPiece: Int?

    var chatter: Chatter
    var grants = GrantsOfPeer()
    var uploads: [BlockSpan] = []
    var uploadHead = 0
    /// When it was unchoked last, or became interested.
    var waitingSince: Double
    var uploadMeter: RateMeter

    var traits: PeerTraits
    /// Pieces it serves even while choking us (BEP 6).
    var allowedFast: Set<Int> = []
    /// Pieces it would like us to take, in its order.
    var suggested: [Int] = []
    /// What it was asked for and answers still, after a cancel without the fast extension.
    var forgotten: [BlockSpan] = []
    /// nil while all of it comes over one connection.
    var further: FurtherLinesState?

    init(key: PeerKey, traits: PeerTraits, pieceCount: Int, missing: Int, now: Double) {
        self.key = key
        self.traits = traits
        holdings = PieceSet(size: pieceCount)
        window = RequestWindow(now: now)
        chatter = Chatter(missing: missing, now: now)
        uploadMeter = RateMeter(now: now)
        lastProgressAt = now
        waitingSince = now
    }

    /// Connections over which its blocks come.
    var lineCount: Int { further?.lines ?? 1 }
    var uploadCount: Int { uploads.count - uploadHead }

    /// A block that was asked for has come.
    mutating func answered(_ request: OutstandingRequest, now: Double) {
        window.arrived(request.span.length, delay: now - request.sentAt, now: now)
        lastProgressAt = now
        isSnubbed = false
        rejects = 0
        if let newest = further?.newestAnswered, request.sentAt > newest { further?.newestAnswered = request.sentAt }
    }

    /// The next block to send to it; nil when it waits for none.
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
