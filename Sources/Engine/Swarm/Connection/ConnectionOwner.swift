import Glibc
import Hashing
import Metainfo
import PeerWire
import Reactor
import SwarmCore

/// The torrent of a peer connection, as the connection sees it. All calls are made on the loop.
protocol ConnectionOwner: AnyObject {
    var peerID: PeerID { get }
    /// The reserved bits of our handshake.
    var reservedBits: ReservedBits { get }
    var extensionIDs: ExtensionIDs { get }
    /// The hashes that handshakes may name; a hybrid torrent has two.
    var wireHashes: WireHashes { get }
    /// The content size, for checking messages; nil while the metadata is being downloaded.
    var bounds: ContentBounds? { get }
    var limits: TransferLimits { get }

    /// Call when the handshakes are complete.
    /// - Returns: false to close the connection: it leads to ourselves, is a duplicate, or exceeds a limit.
    func opened(_ connection: PeerConnection, _ handshake: Handshake) -> Bool
    func received(_ message: Message, on connection: PeerConnection)
    /// Call when a block begins. Returns where to put its bytes.
    func beginBlock(_ header: PieceHeader, on connection: PeerConnection) -> BlockTarget
    func finishBlock(_ block: IncomingBlock, on connection: PeerConnection)
    /// Call after all events of one read have been reported: carries out the resulting actions.
    func carryOutActions()
    /// Whether requests to this peer are outstanding.
    func owesBlocks(_ connection: PeerConnection) -> Bool
    /// The response to a request of the peer, or its refusal.
    func answer(_ ask: PendingAnswers.Ask) -> Message
    /// The next block to send to this peer, or why there is none now.
    func nextUpload(to connection: PeerConnection, _ open: PeerConnection.Open) -> UploadStep
    func uploaded(_ bytes: Int, to connection: PeerConnection)
    /// A requested block was received or sent. Called at most once a second.
    func progressed(_ connection: PeerConnection)
    /// A piece that was promised cannot be read from disk.
    func unreadable(_ span: BlockSpan, on connection: PeerConnection)
    /// The connection is closed; no more calls follow.
    /// - Parameter open: its state, if its handshakes were complete.
    func closed(_ connection: PeerConnection, _ reason: CloseReason, last open: PeerConnection.Open?)
}

enum BlockTarget {
    /// Into `buffer`, at `offset`. The block keeps the buffer alive.
    case memory(BlockMemory, offset: Int, placement: SwarmMachine.Placement)
    case discard
    /// Discard the bytes: another connection of the same peer is sending the block.
    case surplus
    case violation
}

/// A block whose payload is being received.
struct IncomingBlock {
    let span: BlockSpan
    var memory: BlockMemory?
    let offset: Int
    var placement: SwarmMachine.Placement
    var received = 0
    /// Bytes received at the last check, see ``PeerConnection/Open/noteIncoming()``.
    var noted = 0
    var isSurplus = false

    var remaining: Int { span.length - received }
}

enum UploadStep {
    case send(BlockSpan, [UploadRegion])
    /// A rate limit allows it after this many seconds.
    case wait(Double)
    case nothing
}

enum CloseReason: Equatable {
    case closedByPeer
    case failed(String)
    case violation(String)
    /// The peer requested far more metadata or hashes than allowed.
    case flooded
    case timedOut
    case redundant
    case banned
    /// The connection was evicted: it had made no progress for longest, and another needed its place.
    case evicted
    case shutdown

    /// Whether a host that was dialled is not there.
    var isUnreachable: Bool {
        switch self {
        case .failed, .timedOut: true
        default: false
        }
    }

    /// - Parameter code: `errno` of a failed read or connect.
    init(receiving code: CInt) { self = .failed(String(cString: strerror(code))) }

    /// - Parameter code: `errno` of a failed write.
    init(sending code: CInt) {
        self = code == EPIPE || code == ECONNRESET ? .closedByPeer : .failed(String(cString: strerror(code)))
    }
}
