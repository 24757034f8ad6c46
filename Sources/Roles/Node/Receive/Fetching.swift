import Delivery
import HTTPOrigin
import Metainfo
import ObjectStore
import Swarm

/// The transfers of one delivery: one of the torrent that peers serve, and one of the full torrent for the other
/// methods. Both write into one directory, each file once.
struct Fetching: Sendable {
    /// One of the two transfers.
    struct Part: Sendable {
        let transfer: Transfer
        /// For each file of the task its index in the torrent's layout, and the inverse.
        let files: [Int: Int]
        let places: [Int: Int]
        let usesPeers: Bool

        init(transfer: Transfer, files: [Int: Int], usesPeers: Bool) {
            self.transfer = transfer
            self.files = files
            self.usesPeers = usesPeers
            places = Dictionary(files.map { ($1, $0) }) { first, _ in first }
        }
    }

    var peers: Part?
    var others: Part?

    var parts: [Part] { [peers, others].compactMap(\.self) }

    /// Starts both, without downloading anything until `set` is called.
    /// - Parameter wanted: indices in the task's list of the files to fetch.
    static func begin(
        task: TaskFile, torrents: TaskTorrents, wanted: Set<Int>, incoming: String, work: String, context: NodeContext
    ) async throws -> Fetching {
        var fetching = Fetching()
        let served = TaskTorrents.map(torrents.served, task)
        if let torrent = torrents.served, !served.isEmpty {
            let chosen = served.filter { wanted.contains($0.key) }
            // Peers may want existing data even if nothing is missing.
            if !chosen.isEmpty {
                fetching.peers = try await part(
                    torrent, chosen, all: served, usesPeers: true, incoming: incoming, record: "\(work)/peers",
                    task: task, context: context)
            }
        }
        if let torrent = torrents.full {
            let map = TaskTorrents.map(torrent, task)
            let chosen = map.filter { wanted.contains($0.key) && served[$0.key] == nil }
            if !chosen.isEmpty {
                fetching.others = try await part(
                    torrent, chosen, all: map, usesPeers: false, incoming: incoming, record: "\(work)/others",
                    task: task, context: context)
            }
        }
        return fetching
    }

    private static func part(
        _ torrent: Torrent, _ chosen: [Int: Int], all: [Int: Int], usesPeers: Bool, incoming: String, record: String,
        task: TaskFile, context: NodeContext
    ) async throws -> Part {
        var options = context.transferOptions
        options.staging = StagingPlace(contentPath: incoming, recordPath: record)
        options.fileIndices = Set(chosen.values)
        options.usesPeers = usesPeers
        options.usesWebSeeds = false
        options.arePeersActive = false
        if usesPeers { options.downloadLimit = context.configuration.rateLimits.bt }
        let layout = torrent.info.layout
        for method in [DeliveryMethod.obs, .cdn] where task.usedMethods.contains(method) {
            guard let source = source(method, task: task, layout: layout, context: context) else { continue }
            options.rangeSources.append(
                RangeSourcePlan(
                    id: method.rawValue, source: source, files: [], isActive: false,
                    rateLimit: context.configuration.rateLimits[method]))
        }
        try NodeFiles.makeDirectory(record)
        let transfer = try await context.swarm.get(torrent: torrent, into: incoming, options: options)
        return Part(transfer: transfer, files: chosen, usesPeers: usesPeers)
    }

    static func source(
        _ method: DeliveryMethod, task: TaskFile, layout: ContentLayout, context: NodeContext
    ) -> (any RangeSource)? {
        switch method {
        case .bt: nil
        case .obs:
            (try? context.store(of: task)).map { ObjectSource(store: $0.store, prefix: $0.prefix, layout: layout) }
        case .cdn: WebSeed(contentURL: task.cdn.url, layout: layout, client: context.webSeeds)
        }
    }

    /// Sets the files of the task that a method fetches from now on.
    func set(_ method: DeliveryMethod, files: [Int], isActive: Bool, rateLimit: Int?) async {
        for part in parts {
            if method == .bt {
                if part.usesPeers { await part.transfer.setPeersActive(isActive) }
                continue
            }
            let own = Set(files.compactMap { part.files[$0] })
            await part.transfer.setSource(
                method.rawValue, files: own, isActive: isActive && !own.isEmpty, rateLimit: rateLimit)
        }
    }

    func stop() async {
        for part in parts { await part.transfer.stop() }
    }
}
