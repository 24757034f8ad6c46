import PeerWire
import Metainfo

/// The tunables of one torrent's decisions.
public struct SwarmConfiguration: Sendable {
    /// Unit of request, bytes. Every client serves 16 KiB; another is for simulations of whole pieces.
    public var blockLength = BlockSpan.standardLength
    /// Bytes of pieces being gathered or verified at a time. One piece is always allowed.
    public var openBytes = 24 << 20
    /// So many more on a long line, where a block that is lost comes much later than those after it.
    public var openBytesOnLongLine = 16 << 20
    /// Requests of one peer that wait here; more are rejected, or end the connection of a peer without the fast
    /// extension that goes on to twice as many. Told to peers as `reqq` (BEP 10).
    public var requestQueue = 512
    /// Longest request served, bytes (hostile requests are longer; told to our own kind in the extension handshake).
    public var longestRequest = 128 * 1024
    /// Seconds without a finished request after which a peer's requests are given to others.
    public var snubAfter = 12.0
    /// Seconds that a peer is left alone when it rejects a request without choking us; twice as many with each time.
    public var rejectPause = 0.1
    public var longestRejectPause = 20.0
    /// Seconds without a finished request after which such a peer is dropped.
    public var dropAfter = 120.0
    /// Seconds without anything from a seed that gave us pieces by suggestion, after which we choose for ourselves.
    public var dispatchPatience = 5.0
    /// Seconds after which a piece given to a peer that has not announced it is given to another.
    public var assignmentPatience = 120.0
    /// Seconds after which blocks of a piece that is still open are asked of others too, though there is more to begin.
    public var stalePiece = 8.0
    /// Peers asked for one block at a time at the end.
    public var endGameDuplicates: UInt8 = 3
    /// How many are served at a time.
    public var choker = ChokerLimits()
    /// Give pieces out one by one, each to one peer first (BEP 16), instead of showing all we have.
    public var superSeed = false
    /// As a seed, suggest to each peer pieces of its own.
    public var dispatches = true

    /// Peers that want something of us from which on they are served in turns; from half as many on they no longer are.
    public var turnsFrom = 24

    public init() {}
}

/// What the shell is to do. Messages go out in the order of the actions.
public enum SwarmAction: Sendable, Equatable {
    case send(PeerKey, Message)
    /// Send every peer a `have` of this piece.
    case announce(PieceIndex)
    /// Ask a web seed; it answers as a peer would, through `receivedBlock` or `rejected`.
    case fetch(PeerKey, BlockSpan)
    case cancelFetch(PeerKey, BlockSpan)
    /// Have a buffer for the piece, its padding zeroed.
    case open(PieceIndex)
    /// Nothing more will come into the piece's buffer: drop it.
    case close(PieceIndex)
    /// Bytes of `span` that this peer is sending are no more to go into the piece's buffer.
    case divert(PeerKey, BlockSpan)
    /// All blocks are there: hash them, write them if they are right, then tell ``SwarmMachine/judged(_:_:now:)``.
    /// With `digests`, tell the digest of every block too, right or wrong; when wrong, tell them in any case.
    case verify(PieceIndex, digests: Bool)
    /// The peer's upload queue is no longer empty: call ``SwarmMachine/nextUpload(to:now:)`` when its socket can take
    /// more.
    case upload(PeerKey)
    case disconnect(PeerKey, Reason)
    /// It sent false bytes: not to be let in again.
    case ban(PeerKey)
    /// Every wanted piece is there.
    case finished

    public enum Reason: Sendable, Equatable {
        /// It broke the protocol.
        case violation(String)
        /// It took requests and did not answer.
        case stalled
        /// Neither side can want anything of the other.
        case redundant
    }
}
