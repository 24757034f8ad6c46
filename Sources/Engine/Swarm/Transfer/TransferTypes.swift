import Address
import Metainfo
import Reactor
import SwarmCore
import Tracking

/// How one torrent is to be fetched or served.
public struct TransferOptions: Sendable {
    /// Where to listen; nil for the first free port of 6881 to 6889 on all addresses. Outgoing connections come from
    /// its address too.
    public var listen: PeerAddress?
    /// What the tracker is to tell others instead of the address it sees.
    public var announceAddress: String?
    /// Where this host stands, in at most ``Site/longestName`` bytes: hosts of one name are near each other. Nil for
    /// what addresses say.
    public var site: String?
    /// Bytes per second; nil for no limit.
    public var downloadLimit: Int?
    public var uploadLimit: Int?
    /// Show each piece to one peer first (BEP 16).
    public var superSeed = false
    /// Shell patterns of the files to fetch (`*`, `?`, `[...]`; matched against the path below the top-level name and
    /// against the last component); empty for all.
    public var selection: [String] = []
    /// Peers to connect to beside those that trackers name.
    public var extraPeers: [PeerAddress] = []
    public var extraWebSeeds: [String] = []
    /// Reserve the space before the first byte.
    public var preallocate = false
    /// Replace content under the same name that is not the torrent's.
    public var overwrite = false
    /// Seeding: believe the resume record instead of hashing everything.
    public var fast = false
    /// Fail when not one byte came for so long.
    public var timeout: Duration?
    /// Where content and record go instead of the directory of a `get`. Nothing is renamed then: `complete` is
    /// reported, and the owner publishes, see ``Transfer/relocate(to:by:)``.
    public var staging: StagingPlace?
    /// Files to fetch by their index in the torrent's layout, in place of ``selection``.
    public var fileIndices: Set<Int>?
    /// Whether there are peers at all. Without, nothing is announced and nobody is listened to.
    public var usesPeers = true
    /// Whether the torrent's own web seeds are used.
    public var usesWebSeeds = true
    /// Sources beside peers, each with its share.
    public var rangeSources: [RangeSourcePlan] = []
    /// Whether peers are asked for pieces from the beginning; see ``Transfer/setPeersActive(_:)``.
    public var arePeersActive = true

    public init() {}
}

/// What a transfer does, as it happens. `complete` or `failed` comes once (`complete` again after a refetch); a seed's
/// `complete` comes when its check is done.
public enum TransferEvent: Sendable {
    /// What the torrent holds is known.
    case metadata(Info)
    /// What is here already has been checked: so many bytes of it are right.
    case checked(have: Int64)
    case complete(path: String, infoHash: String, bytes: Int64, seconds: Double)
    /// Staged content: all pieces of this file are verified and written. Of files that were complete at the start there
    /// is no event; ``Transfer/completeFiles`` tells all. A file of no bytes comes into being with `complete`.
    case fileComplete(Int)
    case warning(String)
    case failed(TransferError)
}

/// A transfer at one moment.
public struct TransferStatus: Sendable, Equatable {
    public enum State: Sendable, Equatable {
        /// Content is being hashed; 0 to 1 of it is done.
        case checking(fraction: Double)
        case fetchingMetadata
        case downloading
        case seeding
        case stopped
    }

    public var state: State
    /// Verified bytes, of `total`.
    public var done: Int64 = 0
    public var total: Int64 = 0
    /// Bytes per second.
    public var down = 0.0
    public var up = 0.0
    /// Seconds; nil when unknown.
    public var eta: Double?
    public var peers = 0
    public var webSources = 0
    /// Bytes of payload since the start.
    public var downloaded: Int64 = 0
    public var uploaded: Int64 = 0
    /// Bytes that came in vain: twice, or wrong.
    public var wasted: Int64 = 0
    /// Of the download while there is one, and as it was at its end; of a seed that fetched nothing what it gives out.
    /// Nil in the first second.
    public var efficiency: Efficiency?
    /// By id, of staged content only; the swarm under ``peersID``.
    public var sources: [String: SourceStatus] = [:]

    /// Stands for all peers among the sources.
    public static let peersID = "peers"
}

/// Why a transfer, or the engine, cannot go on.
public struct TransferError: Error, Sendable, CustomStringConvertible {
    public enum Kind: Sendable {
        case verification, notFound, refused, disk, other
        /// What was asked for is not to be had on this host.
        case configuration
    }

    public let kind: Kind
    public let message: String
    /// What to do about it.
    public let advice: String

    public init(_ kind: Kind, _ message: String, advice: String) {
        self.kind = kind
        self.message = message
        self.advice = advice
    }

    public var description: String { "\(message). \(advice)" }
}
