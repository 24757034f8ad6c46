import HTTPOrigin
import Metainfo
import Policy
import Swarm
import Threads

/// The transfers of one job: one of the torrent that peers serve, one of the full torrent for what the other methods
/// fetch. Both write into one directory, each file once.
struct Fetching: Sendable {
    /// One of the two.
    struct Part: Sendable {
        let transfer: Transfer
        /// For each file of the job its index in the torrent's layout, and the other way round.
        let indices: [Int: Int]
        let places: [Int: Int]
        let usesPeers: Bool

        init(transfer: Transfer, indices: [Int: Int], usesPeers: Bool) {
            self.transfer = transfer
            self.indices = indices
            self.usesPeers = usesPeers
            places = Dictionary(indices.map { ($1, $0) }) { first, _ in first }
        }
    }

    var peers: Part?
    var others: Part?
    /// Methods whose source cannot be used as things are.
    private(set) var problems = PerMethod<SourceTrouble?>(repeating: nil)

    var parts: [Part] { [peers, others].compactMap(\.self) }

    /// Begins both, with nothing fetched until `set` says so.
    /// - Parameters:
    ///   - wanted: files of the job that are to be fetched.
    ///   - outsideLimit: of what comes from outside this host's site, in bytes per second; nil for none.
    static func begin(
        _ job: Job, wanted: Set<Int>, host: JobHost, outsideLimit: Int?
    ) async throws -> Fetching {
        var fetching = Fetching()
        let served = job.torrents.served?.indices ?? [:]
        if let torrent = job.torrents.served {
            let chosen = served.filter { wanted.contains($0.key) }
            // Peers may want what is here though nothing is missing.
            if !chosen.isEmpty {
                fetching.peers = try await fetching.part(
                    job, torrent, chosen, usesPeers: true, host, outsideLimit: outsideLimit)
            }
        }
        if let torrent = job.torrents.full {
            let chosen = torrent.indices.filter { wanted.contains($0.key) && served[$0.key] == nil }
            if !chosen.isEmpty {
                fetching.others = try await fetching.part(
                    job, torrent, chosen, usesPeers: false, host, outsideLimit: outsideLimit)
            }
        }
        return fetching
    }

    private mutating func part(
        _ job: Job, _ torrent: JobTorrent, _ chosen: [Int: Int], usesPeers: Bool, _ host: JobHost,
        outsideLimit: Int?
    ) async throws -> Part {
        var options = host.transferOptions
        let record = job.places.work + (usesPeers ? "/peers" : "/others")
        options.staging = StagingPlace(contentPath: job.places.incoming, recordPath: record)
        options.fileIndices = Set(chosen.values)
        options.outsideLimit = outsideLimit
        options.usesPeers = usesPeers
        options.usesWebSeeds = false
        options.arePeersActive = false
        if usesPeers { options.downloadLimit = job.rateLimits.bt }
        for method in DeliveryMethod.allCases where method != .bt && job.plan.usable.contains(method) {
            switch job.sources.source(method, torrent.torrent.info.layout) {
            case .success(let source)?:
                options.rangeSources.append(
                    RangeSourcePlan(
                        id: method.rawValue, source: source, files: [], isActive: false,
                        rateLimit: job.rateLimits[method]))
            case .failure(let trouble)?: problems[method] = trouble
            case nil: break
            }
        }
        try await Threads.offload { () throws(FileFailure) in try PathFiles.makeDirectory(record) }
        let transfer = try await host.swarm.get(torrent: torrent.torrent, into: job.places.incoming, options: options)
        return Part(transfer: transfer, indices: chosen, usesPeers: usesPeers)
    }

    /// From now on a method fetches these files of the job and no others.
    func set(_ method: DeliveryMethod, files: [Int], isActive: Bool, rateLimit: Int?) async {
        for part in parts {
            if method == .bt {
                if part.usesPeers { await part.transfer.setPeersActive(isActive) }
                continue
            }
            let own = Set(files.compactMap { part.indices[$0] })
            await part.transfer.setSource(
                method.rawValue, files: own, isActive: isActive && !own.isEmpty, rateLimit: rateLimit)
        }
    }

    /// Leaves files of the job to the methods that are to fetch them: peers are not asked for them.
    func reserve(_ files: Set<Int>) async {
        guard let part = peers else { return }
        await part.transfer.reserve(files: Set(files.compactMap { part.indices[$0] }))
    }

    /// Changes what comes from outside this host's site, in bytes per second; nil for no limit.
    func setOutsideLimit(_ rate: Int?) async {
        for part in parts { await part.transfer.setOutsideLimit(rate) }
    }

    func stop() async {
        for part in parts { await part.transfer.stop() }
    }
}
