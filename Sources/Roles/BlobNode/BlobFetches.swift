import Address
import Blobs
import Files
import Hashing
import Metainfo
import Swarm
import Threads

/// Why a blob did not come.
package struct FetchProblem: Error, Sendable, CustomStringConvertible {
    package enum Kind: Sendable, Hashable {
        /// Nobody who has it could be reached.
        case noSource
        case disk
        case stopped
        case other
    }

    package let kind: Kind
    package let description: String
}

/// How far a fetch is.
package struct FetchProgress: Sendable, Hashable {
    /// Bytes.
    package var done: Int64
    package var total: Int64
    /// Bytes per second.
    package var rate: Double
    package var peers: Int
}

/// Fetches blobs into a host's directory. However many ask for a blob, it comes once.
package actor BlobFetches {
    /// Where a blob can come from.
    package struct Plan: Sendable {
        package let info: BlobInfo
        package let peers: [PeerAddress]
        /// URLs of trackers, in the order in which they are asked.
        package let trackers: [String]

        package init(info: BlobInfo, peers: [PeerAddress], trackers: [String]) {
            self.info = info
            self.peers = peers
            self.trackers = trackers
        }
    }

    private let node: BlobNode
    private let mostAtOnce: Int
    /// Seconds without a byte after which a fetch is given up.
    private let patience: Duration
    private var fetches: [SHA256Digest: Fetch] = [:]
    private var underWay = 0
    private var waiting: [CheckedContinuation<Void, Never>] = []
    /// Transfers of blobs that are whole, which go on giving to the peers that they have, the oldest first.
    private var giving: [(digest: SHA256Digest, transfer: Transfer)] = []
    private static let mostGiving = 64

    private struct Fetch {
        let task: Task<FetchProblem?, Never>
        let total: Int64
        var transfer: Transfer?
    }

    package init(_ node: BlobNode, mostAtOnce: Int = 8, patience: Duration = .seconds(60)) {
        self.node = node
        self.mostAtOnce = mostAtOnce
        self.patience = patience
    }

    /// Returns when the blob is here, whole and durable.
    package func fetch(_ plan: Plan) async throws(FetchProblem) {
        let digest = plan.info.digest
        if node.catalogue.entry(of: digest) != nil { return }
        let task: Task<FetchProblem?, Never>
        if let fetch = fetches[digest] {
            task = fetch.task
        } else {
            task = Task { await run(plan) }
            fetches[digest] = Fetch(task: task, total: plan.info.length)
        }
        if let problem = await task.value { throw problem }
    }

    /// Of a fetch that is under way; nil for any other.
    package func progress(of digest: SHA256Digest) async -> FetchProgress? {
        guard let fetch = fetches[digest] else { return nil }
        guard let status = await fetch.transfer?.status() else {
            return FetchProgress(done: 0, total: fetch.total, rate: 0, peers: 0)
        }
        return FetchProgress(done: status.done, total: fetch.total, rate: status.down, peers: status.peers)
    }

    /// Stops giving a blob that is to go.
    package func forget(_ digest: SHA256Digest) async {
        guard let place = giving.firstIndex(where: { $0.digest == digest }) else { return }
        let transfer = giving.remove(at: place).transfer
        await transfer.stop()
        removeRecord(of: digest)
    }

    /// Ends everything that is under way; what has come is kept.
    package func stop() async {
        let transfers = fetches.values.compactMap(\.transfer) + giving.map(\.transfer)
        giving = []
        for transfer in transfers { await transfer.stop() }
        for fetch in Array(fetches.values) { _ = await fetch.task.value }
    }

    private func run(_ plan: Plan) async -> FetchProblem? {
        await enter()
        let digest = plan.info.digest
        let problem = await transfer(plan)
        fetches[digest] = nil
        leave()
        return problem
    }

    private func transfer(_ plan: Plan) async -> FetchProblem? {
        let digest = plan.info.digest
        let place = "\(node.directory.path)/downloads/\(digest.hex)"
        var options = node.options
        options.staging = StagingPlace(contentPath: "\(place)/data", recordPath: "\(place)/record")
        options.extraPeers = plan.peers
        options.timeout = patience
        do {
            try await Threads.offload { () throws(SystemError) in
                _ = try HeldDirectory.open(SystemPath(place), creating: true)
            }
            let torrent = Torrent(info: plan.info.info, trackers: plan.trackers.map { [$0] })
            let transfer = try await node.swarm.get(torrent: torrent, into: place, options: options)
            fetches[digest]?.transfer = transfer
            if let problem = await outcome(of: transfer) {
                await transfer.stop()
                return problem
            }
            let (directory, info) = (node.directory, plan.info)
            try await transfer.relocate(to: directory.path(of: digest)) {
                let held = try HeldDirectory.open(SystemPath(place))
                try directory.publish(FileName(own: "data"), in: held, as: digest, info: info.info.bytes)
            }
            node.catalogue.add(digest, info, usedAt: Clocks.wallSeconds)
            await keepGiving(digest, transfer)
            return nil
        } catch let error as SystemError {
            return FetchProblem(kind: .disk, description: "\(place): \(error)")
        } catch {
            return FetchProblem(kind: .other, description: "\(error)")
        }
    }

    private func outcome(of transfer: Transfer) async -> FetchProblem? {
        for await event in transfer.events {
            switch event {
            case .complete: return nil
            case .failed(let error):
                let kind: FetchProblem.Kind =
                    switch error.kind {
                    case .notFound: .noSource
                    case .disk: .disk
                    default: .other
                    }
                return FetchProblem(kind: kind, description: error.message)
            default: continue
            }
        }
        return FetchProblem(kind: .stopped, description: "it was stopped")
    }

    /// Peers that take the blob from here at this moment are not cut off. Later ones are served from the directory.
    private func keepGiving(_ digest: SHA256Digest, _ transfer: Transfer) async {
        giving.append((digest, transfer))
        guard giving.count > Self.mostGiving else { return }
        let oldest = giving.removeFirst()
        await oldest.transfer.stop()
        removeRecord(of: oldest.digest)
    }

    private func removeRecord(of digest: SHA256Digest) {
        let downloads = "\(node.directory.path)/downloads"
        Threads.runDetached {
            guard let held = try? HeldDirectory.open(SystemPath(downloads)), let name = FileName(digest.hex) else {
                return
            }
            try? held.removeTree(name)
        }
    }

    // MARK: So many at a time

    private func enter() async {
        if underWay < mostAtOnce {
            underWay += 1
            return
        }
        await withCheckedContinuation { waiting.append($0) }
    }

    private func leave() {
        if waiting.isEmpty { underWay -= 1 } else { waiting.removeFirst().resume() }
    }
}
