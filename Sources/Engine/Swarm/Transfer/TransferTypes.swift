import Address
import Hashing
import Metainfo
import Reactor
import SwarmCore
import Tracking

/// Options for downloading or serving one torrent.
package struct TransferOptions: Sendable {
    /// Listening address; nil for the first free port of 6881 to 6889 on all addresses. Outgoing connections use the
    /// same address as their source.
    package var listen: PeerAddress?
    /// The address that the tracker should give to peers, instead of the one it sees.
    package var announceAddress: String?
    /// With fewer peers than this, trackers are asked for more before it is their turn, as early as they allow.
    package var fewPeers = 3
    /// Seconds between such announces to trackers that do not say; nil for the usual.
    package var earlyAnnounce: Double?
    /// The blob of a registry that is moved: trackers are told of it, and asked in the order given, each for
    /// ``trackerPatience`` seconds.
    package var blob: SHA256Digest?
    /// Seconds after which a tracker counts as silent; nil for the usual.
    package var trackerPatience: Double?
    /// That of the torrent's swarm: trackers and peers know the torrent by a hash that is made with it. Nil for a swarm of any
    /// client.
    package var swarmSecret: SwarmSecret?
    /// With which a registry's trackers are shown that this host may hear of the owners of ``blob``.
    package var trackerSecret: SwarmSecret?
    /// The site of this host, in at most ``Site/longestName`` bytes: hosts with the same name are near each other. Nil
    /// to decide by addresses.
    package var site: String?
    /// Bytes per second; nil for no limit.
    package var downloadLimit: Int?
    package var uploadLimit: Int?
    /// What comes from outside this host's site, by peers and sources together, in bytes per second; nil for no limit.
    package var outsideLimit: Int?
    /// Show each piece to one peer first (BEP 16).
    package var superSeed = false
    /// The budget of a registry's origin; nil for any other host.
    package var egress: EgressLimits?
    /// Whether an address is another origin's, to which the budget does not apply. Answers from memory.
    package var isOrigin: (@Sendable (PeerAddress) -> Bool)?
    /// Which pieces of a torrent this origin gives first, by its info hash; asked every second while the torrent has
    /// peers. Nil for all. Answers from memory.
    package var ownerShare: (@Sendable (SHA1Digest) -> OwnerShare)?
    /// Shell patterns of the files to download (`*`, `?`, `[...]`; matched against the path below the top-level name
    /// and against the last component); empty for all.
    package var selection: [String] = []
    /// Peers to dial in addition to those from trackers.
    package var extraPeers: [PeerAddress] = []
    package var extraWebSeeds: [String] = []
    /// Reserve disk space before the first byte.
    package var preallocate = false
    /// Replace existing content under the same name that is not the torrent's.
    package var overwrite = false
    /// Seeding: trust the resume record instead of hashing everything.
    package var fast = false
    /// Fail if no byte has arrived for this long.
    package var timeout: Duration?
    /// Destination of content and record, instead of the directory of a `get`. Nothing is renamed then: `complete` is
    /// reported, and the owner publishes, see ``Transfer/relocate(to:by:)``.
    package var staging: StagingPlace?
    /// Indices in the torrent's layout of the files to download, instead of ``selection``.
    package var fileIndices: Set<Int>?
    /// What is known about the torrent's info dictionary. Another one is refused: a peer that sends it is banned. A blob
    /// whose pieces are used before all of them are there needs the SHA-256 of its dictionary here; without it, a forged
    /// chain is found out at the last piece at the latest.
    package var expectation = InfoExpectation.nothing
    /// Whether peers are used at all. If not, the transfer neither announces nor listens.
    package var usesPeers = true
    /// Whether peers may dial this host. If not, the process listens nowhere on behalf of this transfer, and only dials.
    package var isDialled = true
    /// Whether the torrent's own web seeds are used.
    package var usesWebSeeds = true
    /// Additional sources, each with its share.
    package var rangeSources: [RangeSourcePlan] = []
    /// Begin with the first pieces, and not at a random one, for whoever reads the content meanwhile.
    package var beginsAtFirst = false
    /// Told of a piece that came wrong from a peer, on the engine's loop: it must not block. True if the peer, which can be trusted,
    /// mends it: its connection is closed, and it is asked again later. False, or nil, if it is never asked again.
    package var onFalsePiece: (@Sendable (_ peer: PeerAddress, _ piece: Int) -> Bool)?
    /// Told, on the engine's loop, that content which is only served cannot be read as it was: it was changed, replaced or removed.
    /// It must not block.
    package var onChangedContent: (@Sendable () -> Void)?
    /// Whether pieces are requested from peers from the beginning; see ``Transfer/setPeersActive(_:)``.
    package var arePeersActive = true

    package init() {}

    /// The same for the swarm of a registry's blob: its tracker is asked soon while there are few peers, and the next one when it is
    /// silent for two seconds.
    package func forBlob(_ digest: SHA256Digest) -> TransferOptions {
        var options = self
        options.blob = digest
        options.trackerPatience = 2
        (options.fewPeers, options.earlyAnnounce) = (8, 5)
        return options
    }
}

/// Events of a transfer. `complete` or `failed` comes once (`complete` again after a refetch). A seed's `complete`
/// comes when its check is done.
package enum TransferEvent: Sendable {
    /// The metadata is known.
    case metadata(Info)
    /// Existing data has been checked: this many bytes are correct.
    case checked(have: Int64)
    case complete(path: String, infoHash: String, bytes: Int64, seconds: Double)
    /// Staged content: all pieces of this file are verified and written. There is no event for files that were complete
    /// at the start; ``Transfer/completeFiles`` lists all. Empty files are created with `complete`.
    case fileComplete(Int)
    case warning(String)
    case failed(TransferError)
}

/// The status of a transfer.
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
    /// Estimated seconds left; nil if unknown.
    package var eta: Double?
    package var peers = 0
    /// How many of them are of ``TransferOptions/extraPeers``.
    package var givenPeers = 0
    package var webSources = 0
    /// Payload bytes since the start.
    package var downloaded: Int64 = 0
    package var uploaded: Int64 = 0
    /// Those downloaded from ``TransferOptions/extraPeers``.
    package var downloadedFromGiven: Int64 = 0
    /// Verified bytes that peers of this host's site sent.
    package var receivedFromSite: Int64 = 0
    /// Bytes that arrived twice or were wrong.
    package var wasted: Int64 = 0
    /// The efficiency of the download, kept after its end; for a seed that downloaded nothing, that of its uploads. Nil
    /// in the first second.
    package var efficiency: Efficiency?
    /// By id, for staged content only; the swarm under ``peersID``.
    package var sources: [String: SourceStatus] = [:]

    /// Why nothing is being received, for people; nil while something is, and when nothing is missing.
    /// - Parameter warning: the transfer's last warning, told where nobody can be reached.
    package func trouble(after warning: String? = nil) -> String? {
        guard down < 1 else { return nil }
        switch state {
        case .checking: return "what is here already is being checked"
        case .seeding, .stopped: return nil
        case .fetchingMetadata, .downloading: break
        }
        guard peers + webSources > 0 else {
            return "nobody who has it can be reached" + (warning.map { "; \($0)" } ?? "")
        }
        guard peers > 0 else { return "the store that it is read from sends nothing" }
        return peers == 1
            ? "the one peer that is connected sends nothing"
            : "none of the \(peers) peers that are connected sends anything"
    }

    /// Stands for all peers among the sources.
    package static let peersID = "peers"
}

/// Why a transfer, or the engine, cannot continue.
package struct TransferError: Error, Sendable, CustomStringConvertible {
    package enum Kind: Sendable {
        case verification, notFound, refused, disk, other
        /// The requested configuration is not possible on this host.
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
