import Address
import BlobNode
import Blobs
import Files
import Hashing
import Logging
import Metainfo
import Registry
import RegistryClient
import Synchronization
import Threads

/// Why a blob could not be had.
package enum AgentError: Error, Sendable, CustomStringConvertible {
    case registry(RegistryError)
    case fetch(BlobDigest, FetchProblem)
    case disk(SystemError)

    package var description: String {
        switch self {
        case .registry(let error): error.description
        case .fetch(let digest, let problem): "\(digest): \(problem)"
        case .disk(let error): "the agent's cache: \(error)"
        }
    }
}

extension AgentError {
    /// Whether the registry does not know what is asked for.
    var isUnknown: Bool { if case .registry(.unknown) = self { true } else { false } }

    /// Whether it would come if there were room.
    var isLackOfRoom: Bool {
        switch self {
        case .fetch(_, let problem): problem.kind == .full
        case .disk(let error): error.isFull
        case .registry: false
        }
    }
}

/// Pulls for a host: resolves at the registry, fetches from the swarm into the cache, each blob once.
package final class Agent: Sendable {
    package let node: BlobNode
    package let view: RegistryView
    package let fetches: BlobFetches
    package let cache: BlobCache
    private let withAnswers = Atomic<Int64>(0)
    /// Bytes of small blobs, which come with the registry's answers.
    package var receivedWithAnswers: Int64 { withAnswers.load(ordering: .relaxed) }
    private let logger: Logger
    private let known: KnownReplies
    /// Content that stays in the cache, as its tags are followed.
    package let followed: FollowedTable

    /// The secret of the registry's swarms, where this host's own files have it.
    let ownSwarms: SwarmTerms?
    /// How swarms are found.
    let swarms = Mutex(SwarmTerms.anyClient)
    let openBlobs: OpenBlobs

    /// What goes on while nobody asks for anything.
    private let chores = Mutex<[Task<Void, Never>]>([])
    private static let tidyEvery = Duration.seconds(60)

    /// - Parameters:
    ///   - bounds: of the cache.
    ///   - swarms: how swarms are found, where this host's own files say so.
    package init(
        node: BlobNode, view: RegistryView, bounds: CacheBounds = CacheBounds(),
        settings: BlobFetches.Settings = BlobFetches.Settings(), swarms: SwarmTerms? = nil, logger: Logger
    ) {
        self.node = node
        self.view = view
        self.logger = logger
        ownSwarms = swarms
        openBlobs = OpenBlobs(directory: node.directory.path)
        known = KnownReplies(cache: node.directory.path, logger: logger)
        let followed = FollowedTable(directory: node.directory.path)
        self.followed = followed
        cache = BlobCache(node, bounds) { followed.blobs }
        fetches = BlobFetches(node, settings: settings, cache: cache)
    }

    package func start() async throws {
        // What an earlier run was told, until the registry answers.
        adopt(await view.cluster?.swarms ?? .anyClient)
        try await node.start()
        await Threads.offload { [node] in node.loadUses() }
        reportFalsePieces()
        let (fetches, node) = (fetches, node)
        let tidying = Task { [weak self, openBlobs] in
            while !Task.isCancelled {
                await fetches.tidy()
                await self?.followRegistry()
                await Threads.offload {
                    node.saveUses()
                    openBlobs.save { node.catalogue.entryOfAny($0) != nil }
                }
                try? await Task.sleep(for: Self.tidyEvery)
            }
        }
        let announcing = Task { await WholeAnnouncer(agent: self).run() }
        chores.withLock { $0 = [tidying, announcing] }
    }

    package func stop() async {
        for chore in chores.withLock({ $0 }) { chore.cancel() }
        await fetches.stop()
        await Threads.offload { [node, openBlobs] in
            node.saveUses()
            openBlobs.save { node.catalogue.entryOfAny($0) != nil }
        }
        await view.shutdown()
    }

    /// What a reference stands for. Of digests and immutable tags that are known the registry is not asked again.
    package func resolve(_ reference: Reference) async throws(AgentError) -> ResolvedContent {
        let known = known
        var (meaning, fixed): (KnownReplies.TagMeaning?, Reference?) = (nil, reference)
        if case .tag = reference.version {
            meaning = known.meaning(of: reference)
            fixed = meaning.map { Reference(name: reference.name, version: .digest($0.digest)) }
        }
        var content = fixed.flatMap { known.remembered($0) }
        if content == nil, let fixed { content = await Threads.offload { known.content(fixed) } }
        if let content, meaning?.isMutable != true { return content }
        do {
            let (new, bytes) = try await view.resolution(of: reference, now: Clocks.steadySeconds)
            await Threads.offload { known.keep(new, for: reference, bytes: bytes) }
            return new
        } catch {
            if case .unknown = error {
                await Threads.offload { known.forget(reference) }
            } else if let content {
                // What a tag was a moment ago is better than nothing, unless the registry itself says that it is no more.
                return content
            }
            throw .registry(error)
        }
    }

    /// Brings a blob of a manifest into the cache.
    package func obtain(
        _ digest: BlobDigest, in manifest: BlobDigest, of name: ContentName
    ) async throws(AgentError) {
        let content = try await resolve(Reference(name: name, version: .digest(manifest)))
        guard let blob = content.blobs[digest] else {
            throw .registry(.unknown("the manifest \(manifest) has no blob \(digest)"))
        }
        try await obtain(blob, of: name)
    }

    /// Brings all blobs of a content into the cache, several at a time.
    package func obtainAll(_ content: ResolvedContent, of name: ContentName) async throws(AgentError) {
        let failure = await withTaskGroup(of: AgentError?.self) { group in
            var waiting = content.blobs.values.sorted { $0.size > $1.size }[...]
            var failure: AgentError?
            func startNext() {
                guard failure == nil, let blob = waiting.popFirst() else { return }
                group.addTask {
                    do throws(AgentError) {
                        try await self.obtain(blob, of: name)
                        return nil
                    } catch {
                        return error
                    }
                }
            }
            for _ in 0..<8 { startNext() }
            for await problem in group {
                failure = failure ?? problem
                startNext()
            }
            return failure
        }
        if let failure { throw failure }
    }

    /// Takes a blob out of the cache.
    /// - Returns: false while somebody reads it: it stays.
    package func remove(_ digest: SHA256Digest) async -> Bool {
        guard node.catalogue.removeUnused(digest) else { return false }
        await fetches.forget(digest)
        await Threads.offload { [node] in _ = try? node.directory.remove(digest) }
        return true
    }

    /// Brings a blob into the cache. Returns when it is whole and durable.
    package func obtain(_ blob: ResolvedContent.Blob, of name: ContentName) async throws(AgentError) {
        let digest = blob.digest.sha256
        note(digest, of: name)
        if node.catalogue.entry(of: digest) != nil {
            return node.catalogue.touch(digest, at: Clocks.wallSeconds)
        }
        if blob.content != nil || blob.size == 0 { return try await store(blob.content ?? [], digest) }
        let plan = try await plan(for: blob, of: name)
        do {
            try await fetches.fetch(plan)
        } catch {
            throw .fetch(blob.digest, error)
        }
    }

    /// Begins to read a blob that may still be arriving; returns when the first byte of the range is here.
    /// - Returns: nil when the blob is in the cache as a whole.
    package func read(
        _ blob: ResolvedContent.Blob, of name: ContentName, _ range: Range<Int64>
    ) async throws(AgentError) -> BlobReading? {
        if blob.content != nil || range.isEmpty || node.catalogue.entry(of: blob.digest.sha256) != nil {
            try await obtain(blob, of: name)
            return nil
        }
        let plan = try await plan(for: blob, of: name)
        do {
            return try await fetches.read(plan, range)
        } catch {
            throw .fetch(blob.digest, error)
        }
    }

    private func plan(
        for blob: ResolvedContent.Blob, of name: ContentName
    ) async throws(AgentError) -> BlobFetches.Plan {
        // Whoever reads a blob in many parts asks the registry once.
        if let plan = await fetches.plan(of: blob.digest.sha256) { return plan }
        let now = Clocks.steadySeconds
        do throws(RegistryError) {
            let cluster = try await view.parts(now: now)
            adopt(cluster.swarms)
            note(blob.digest.sha256, of: name)
            guard reaches(name) else { throw Self.untold }
            let info = try await view.info(of: blob, in: name, now: now)
            let owners = cluster.owners(of: blob.digest).compactMap(\.peers)
            return BlobFetches.Plan(
                info: info, peers: owners, trackers: Self.order(cluster.trackers, info.infoHash), isOpen: isOpen(name))
        } catch {
            throw .registry(error)
        }
    }

    /// All agents that want a blob ask the same tracker first, so that they find each other.
    private static func order(_ trackers: [String], _ infoHash: SHA1Digest) -> [String] {
        Rendezvous.order(trackers, for: infoHash.bytes)
    }

    /// Keeps a small blob that came with an answer; it was held against its digest there.
    private func store(_ content: [UInt8], _ digest: SHA256Digest) async throws(AgentError) {
        let result = await Threads.offload { [node] in
            Result {
                let upload = try BlobUpload(in: node.directory)
                try upload.enter(at: nil)
                try content.withUnsafeBytes { bytes in Result { try upload.append([bytes]) } }.get()
                return try upload.finish(digest)
            }
        }
        switch result {
        case .success(let blob):
            withAnswers.wrappingAdd(Int64(content.count), ordering: .relaxed)
            node.catalogue.add(digest, blob.info, usedAt: Clocks.wallSeconds)
        case .failure(UploadProblem.disk(let error)): throw .disk(error)
        case .failure(let error as SystemError): throw .disk(error)
        case .failure: throw .disk(SystemError.input)
        }
    }
}
