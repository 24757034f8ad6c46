import Metainfo
import PeerWire

/// Tunable parameters of one torrent's decisions.
public struct SwarmConfiguration: Sendable {
    /// Unit of request, in bytes. Every client serves 16 KiB; other values are for simulations of whole pieces.
    public var blockLength = BlockSpan.standardLength
    /// Maximum bytes of pieces that are being downloaded or verified. One piece is always allowed.
    public var openBytes = 24 << 20
    /// Additional bytes for long paths, where a lost block arrives much later than the blocks after it.
    public var openBytesOnLongPath = 16 << 20
    /// Maximum number of a peer's requests that wait here. Further requests are rejected. A peer without the fast
    /// extension is disconnected at twice as many. Sent to peers as `reqq` (BEP 10).
    public var requestQueue = 512
    /// Longest request served, in bytes. Longer ones are hostile. Swoop peers learn it from the extension handshake.
    public var longestRequest = 128 * 1024
    /// Seconds without a finished request after which a peer is snubbed: its requests are sent to other peers.
    public var snubAfter = 12.0
    /// The same where an origin is connected, which is told what the peer does not deliver.
    public var lackAfter = 10.0
    /// Backoff, in seconds, after a peer rejected a request without choking us. Doubles each time.
    public var rejectPause = 0.1
    public var longestRejectPause = 20.0
    /// Seconds without a finished request after which a snubbed peer is disconnected.
    public var dropAfter = 120.0
    /// Seconds without data from a seed that dispatches pieces by suggestion, after which we choose pieces ourselves.
    public var dispatchPatience = 5.0
    /// Seconds after which a dispatched piece that the peer has not announced is dispatched to another peer.
    public var assignmentPatience = 120.0
    /// Seconds after which blocks of a piece that is still open are also requested from other peers, although there are
    /// new pieces to begin.
    public var stalePiece = 8.0
    /// Maximum number of peers that are asked for one block at the same time in the end game.
    public var endGameDuplicates: UInt8 = 3
    /// Limits on the number of unchoked peers.
    public var choker = ChokerLimits()
    /// Super-seeding (BEP 16): show each peer only the pieces dispatched to it, instead of all.
    public var superSeed = false
    /// As a seed, suggest different pieces to each peer.
    public var dispatches = true
    /// As a seed, send agents only so much, see ``EgressBudget``; nil for no limit.
    public var egress: EgressLimits?
    /// Whether pieces are begun from the first on, and not from one at random: whoever reads the content reads it so.
    public var beginsAtFirst = false

    /// Number of interested peers from which upload grants are used. They are used until the number falls below half.
    public var grantsFrom = 24
    /// Number of peers from which announcements to one of them wait a moment, to share a packet: among twenty hosts, `have`
    /// messages of their own packets take a tenth of the processors.
    public var announcementsShareFrom = 18

    public init() {}
}

/// An action for the shell. Messages must be sent in the order of the actions.
public enum SwarmAction: Sendable, Equatable {
    case send(PeerKey, Message)
    /// Send a `have` of this piece to every peer.
    case announce(PieceIndex)
    /// Request a range from a web seed. The answer comes through `receivedBlock` or `rejected`, as from a peer.
    case fetch(PeerKey, BlockSpan)
    case cancelFetch(PeerKey, BlockSpan)
    /// Provide a buffer for the piece, with its padding zeroed.
    case open(PieceIndex)
    /// Free the piece's buffer: no more data will arrive for it.
    case close(PieceIndex)
    /// Stop writing the data of `span` that this peer is sending into the piece's buffer.
    case divert(PeerKey, BlockSpan)
    /// All blocks of the piece have arrived. Hash it, write it if it is correct, then call
    /// ``SwarmMachine/judged(_:_:now:)``. With `digests`, return the digest of every block in any case; without, only
    /// if the piece is wrong.
    case verify(PieceIndex, digests: Bool)
    /// The peer's upload queue is no longer empty. Call ``SwarmMachine/nextUpload(to:now:)`` when its socket can take
    /// more.
    case upload(PeerKey)
    case disconnect(PeerKey, Reason)
    /// The peer sent corrupt data: refuse further connections from it.
    case ban(PeerKey)
    /// Every wanted piece has been stored.
    case finished

    public enum Reason: Sendable, Equatable {
        /// The peer violated the protocol.
        case violation(String)
        /// The peer accepted requests and did not answer them.
        case stalled
        /// Neither side needs anything from the other.
        case redundant
    }
}
