import Address
import Metainfo
import Reactor
import SwarmCore
import Tracking

/// How one torrent is to be fetched or served.
package struct TransferOptions: Sendable {
    /// Where to listen; nil for the first free port of 6881 to 6889 on all addresses. Outgoing connections come from
    /// its address too.
    package var listen: PeerAddress?
    /// What the tracker is to tell others instead of the address it sees.
    package var announceAddress: String?
    /// Where this host stands, in at most ``Site/longestName`` bytes: hosts of one name are near each other. Nil for
    /// what addresses say.
    package var site: String?
    /// Bytes per second; nil for no limit.
    package var downloadLimit: Int?
    package var uploadLimit: Int?
    /// Show each piece to one peer first (BEP 16).
    package var superSeed = false
    /// Shell patterns of the files to fetch (`*`, `?`, `[...]`; matched against the path below the top-level name and
    /// against the last component); empty for all.
    package var selection: [String] = []
    /// Peers to connect to beside those that trackers name.
    package var extraPeers: [PeerAddress] = []
    package var extraWebSeeds: [String] = []
    /// Reserve the space before the first byte.
    package var preallocate = false
    /// Replace content under the same name that is not the torrent's.
    package var overwrite = false
    /// Seeding: believe the resume record instead of hashing everything.
    package var fast = false
    /// Fail when not one byte came for so long.
    package var timeout: Duration?
    /// Where content and record go instead of the directory of a `get`. Nothing is renamed then: `complete` is
    /// reported, and the owner publishes, see ``Transfer/relocate(to:by:)``.
    package var staging: StagingPlace?
    /// Files to fetch by their index in the torrent's layout, in place of ``selection``.
    package var fileIndices: Set<Int>?
    /// Whether there are peers at all. Without, nothing is announced and nobody is listened to.
    package var usesPeers = true
    /// Whether the torrent's own web seeds are used.
    package var usesWebSeeds = true
    /// Sources beside peers, each with its share.
    package var rangeSources: [RangeSourcePlan] = []
    /// Whether peers are asked for pieces from the beginning; see ``Transfer/setPeersActive(_:)``.
    package var arePeersActive = true

    package init() {}
}

/// What a transfer does, as it happens. `complete` or `failed` comes once (`complete` again after a refetch); a seed's
/// `complete` comes when its check is done.
package enum TransferEvent: Sendable {
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
package struct TransferStatus: Sendable, Equatable {
    package enum State: Sendable, Equatable {
        /// Content is being hashed; 0 to 1 of it is done.
        case checking(fraction: Double)
        case fetchingMetadata
        case downloading
        case seeding
        case stopped
    }

    package var state: State
    /// Verified bytes, of `total`.
    package var done: Int64 = 0
    package var total: Int64 = 0
    /// Bytes per second.
    package var down = 0.0
    package var up = 0.0
    /// Seconds; nil when unknown.
    package var eta: Double?
    package var peers = 0
    package var webSources = 0
    /// Bytes of payload since the start.
    package var downloaded: Int64 = 0
    package var uploaded: Int64 = 0
    /// Bytes that came in vain: twice, or wrong.
    package var wasted: Int64 = 0
    /// Of the download while there is one, and as it was at its end; of a seed that fetched nothing what it gives out.
    /// Nil in the first second.
    package var efficiency: Efficiency?
    /// By id, of staged content only; the swarm under ``peersID``.
    package var sources: [String: SourceStatus] = [:]

    /// Stands for all peers among the sources.
    package static let peersID = "peers"
}

/// Why a transfer, or the engine, cannot go on.
package struct TransferError: Error, Sendable, CustomStringConvertible {
    package enum Kind: Sendable {
        case verification, notFound, refused, disk, other
        /// What was asked for is not to be had on this host.
        case configuration
    }

    package let kind: Kind
    package let message: String
    /// What to do about it.
    package let advice: String

    package init(_ kind: Kind, _ message: String, advice: String) {
        self.kind = kind
        self.message = message
        self.advice = advice
    }

    package var description: String { "\(message). \(advice)" }
}
