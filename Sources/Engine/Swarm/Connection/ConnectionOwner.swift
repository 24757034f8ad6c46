import Glibc
import Hashing
import Metainfo
import PeerWire
import Reactor
import SwarmCore

/// What a peer connection needs of the torrent it belongs to. All calls are made on the loop.
protocol ConnectionOwner: AnyObject {
    var peerID: PeerID { get }
    /// What our handshake says we can.
    var reservedBits: ReservedBits { get }
    var extensionIDs: ExtensionIDs { get }
    /// Of the torrent; a hybrid has two.
    var infoHashes: InfoHashes { get }
    /// Sizes that its messages are checked against, nil while the metadata is being fetched.
    var bounds: ContentBounds? { get }
    var limits: TransferLimits { get }

    /// The handshakes are done.
    /// - Returns: false to close it: it is us, a second connection to the same peer, or one too many.
    func opened(_ connection: PeerConnection, _ handshake: Handshake) -> Bool
    func received(_ message: Message, on connection: PeerConnection)
    /// A block begins: where do its bytes go?
    func beginBlock(_ header: PieceHeader, on connection: PeerConnection) -> BlockTarget
    func finishBlock(_ block: IncomingBlock, on connection: PeerConnection)
    /// All that was received in one go has been told: time to act.
    func carryOutActions()
    /// Whether this peer owes blocks that it was asked for.
    func owesBlocks(_ connection: PeerConnection) -> Bool
    /// What the peer asked for, or its refusal.
    func answer(_ ask: PendingAnswers.Ask) -> Message
    /// The next block for this peer, or why there is none now.
    func nextUpload(to connection: PeerConnection, _ open: PeerConnection.Open) -> UploadStep
    func uploaded(_ bytes: Int, to connection: PeerConnection)
    /// A block that was asked for came or went; told once a second at most.
    func progressed(_ connection: PeerConnection)
    /// A piece that was promised cannot be read.
    func unreadable(_ span: BlockSpan, on connection: PeerConnection)
    /// The connection is closed; nothing more comes of it.
    /// - Parameter open: what it had, if its handshakes were done.
    func closed(_ connection: PeerConnection, _ reason: CloseReason, last open: PeerConnection.Open?)
}

enum BlockTarget {
    /// Into `buffer`, from `offset` on. It is kept alive by the block.
    case memory(BlockMemory, offset: Int, placement: SwarmMachine.Placement)
    case discard
    /// Dropped without a word: another connection of the same peer is bringing it.
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
    /// Bytes that had come at the last look, see ``PeerConnection/Open/noteIncoming()``.
    var noted = 0
    var isSurplus = false

    var remaining: Int { span.length - received }
}

enum UploadStep {
    case send(BlockSpan, [UploadRegion])
    /// The limit allows it in so many seconds.
    case wait(Double)
    case nothing
}

enum CloseReason: Equatable {
    case closedByPeer
    case failed(String)
    case violation(String)
    /// It asked for far more metadata or hashes than one peer may have.
    case flooded
    case timedOut
    case redundant
    case banned
    /// Its place was needed for another, and it had shown least for longest.
    case evicted
    case shutdown

    /// - Parameter code: `errno` of a stream that cannot be read, or could not be connected.
    init(receiving code: CInt) { self = .failed(String(cString: strerror(code))) }

    /// - Parameter code: `errno` of a stream that cannot be written to.
    init(sending code: CInt) {
        self = code == EPIPE || code == ECONNRESET ? .closedByPeer : .failed(String(cString: strerror(code)))
    }
}
