import Blobs
import Files
import Metainfo
import Swarm
import Threads

/// One download of a blob: starts its transfer, and publishes the blob in the directory of blobs.
struct BlobDownload: Sendable {
    private let plan: BlobFetches.Plan
    private let node: BlobNode
    private let downloads: Downloads
    private let patience: Duration

    /// - Parameter patience: how long the download may go on without receiving a byte. After that it fails.
    init(_ plan: BlobFetches.Plan, node: BlobNode, downloads: Downloads, patience: Duration) {
        self.plan = plan
        self.node = node
        self.downloads = downloads
        self.patience = patience
    }

    /// The one beside peers, in the transfer's status.
    static let sourceID = "source"

    private var place: String { downloads.place(of: plan.info.digest) }

    /// Starts the transfer.
    /// - Throws: `SystemError` where the disk fails; else the engine's error.
    func begin() async throws -> Transfer {
        let (digest, place) = (plan.info.digest, place)
        var options = node.options(of: digest, isOpen: plan.isOpen)
        options.staging = StagingPlace(contentPath: downloads.dataPath(of: digest), recordPath: "\(place)/record")
        options.extraPeers = plan.peers
        options.timeout = patience
        if let source = plan.source {
            // One host reads it for all, and they read it from its start.
            options.beginsAtFirst = true
            options.rangeSources = [RangeSourcePlan(id: Self.sourceID, source: source, files: [0])]
        }
        options.onChangedContent = { [node] in node.hasChanged(digest) }
        options.onFalsePiece = { [node] in node.isForgiven($0, piece: $1, of: digest) }
        try await Threads.offload { () throws(SystemError) in
            _ = try HeldDirectory.open(SystemPath(place), creating: true)
        }
        let torrent = Torrent(info: plan.info.info, trackers: [plan.trackers])
        return try await node.swarm.get(torrent: torrent, into: place, options: options)
    }

    /// Moves the complete blob into the directory of blobs, from which the transfer goes on uploading it.
    func publish(_ transfer: Transfer) async throws {
        let (directory, info, place) = (node.directory, plan.info, place)
        // Until the catalogue has it, a removal that is under way would take the file with it.
        let lease = node.catalogue.reserve(info.digest)
        defer { withExtendedLifetime(lease) {} }
        try await transfer.relocate(to: directory.path(of: info.digest)) {
            let held = try HeldDirectory.open(SystemPath(place))
            try directory.publish(Downloads.dataName, in: held, as: info.digest, info: info.info.bytes)
        }
        node.catalogue.add(info.digest, info, usedAt: Clocks.wallSeconds)
        await node.closeShelved(info.digest)
    }
}
