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

/// The reason why an agent could not get a blob.
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
    /// Whether the registry has no such name, tag or blob.
    var isUnknown: Bool { if case .registry(.unknown) = self { true } else { false } }

    /// Whether the only problem is lack of disk space.
    var isLackOfRoom: Bool {
        switch self {
        case .fetch(_, let problem): problem.kind == .full
        case .disk(let error): error.isFull
        case .registry: false
        }
    }
}

/// Pulls for all programs of a host: resolves names at the registry, and fetches blobs from the swarm into the cache,
/// each blob once.
package final class Agent: Sendable {
    package let node: BlobNode
    package let view: RegistryView
    package let fetches: BlobFetches
    package let cache: BlobCache
    private let withAnswers = Atomic<Int64>(0)
    /// Bytes of small blobs that came inside the registry's answers, since the start.
    package var receivedWithAnswers: Int64 { withAnswers.load(ordering: .relaxed) }
    private let logger: Logger
    let known: KnownReplies
    /// Content of followed tags, which stays in the cache.
    package let followed: FollowedTable

    /// How swarms are found, from this host's own files; nil if those do not say.
    let ownSwarms: SwarmTerms?
    /// How swarms are found: as this host's files or else the registry say.
    let swarms = Mutex(SwarmTerms.anyClient)
    let openBlobs: OpenBlobs
    /// How long the registry is waited for where its answer is known from before.
    private let hush: Mutex<Hush>
    private let questions = Mutex(Questions())

    /// Questions about references that the registry has been asked and has not answered.
    private struct Questions {
        /// The last question about each reference.
        var last: [Reference: (serial: UInt64, answer: Task<Result<ResolvedContent, RegistryError>, Never>)] = [:]
        var serials: UInt64 = 0
    }

    /// Background work: upkeep of the cache, and announces.
    private let chores = Mutex<[Task<Void, Never>]>([])
    private static let tidyEvery = Duration.seconds(60)

    /// - Parameters:
    ///   - bounds: limits of the cache.
    ///   - swarms: how swarms are found, from this host's own files; nil to take it from the registry.
    ///   - hush: how long a silent registry is waited for.
    package init(
        node: BlobNode, view: RegistryView, bounds: CacheBounds = CacheBounds(),
        settings: BlobFetches.Settings = BlobFetches.Settings(), swarms: SwarmTerms? = nil, hush: Hush = Hush(),
        logger: Logger
    ) {
        self.hush = Mutex(hush)
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
        // The terms from the last run hold until the registry answers.
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

    /// The content that a reference stands for. Does not ask the registry for known digests and known immutable tags.
    /// - Parameter anew: of a tag, takes nothing but the answer to a question that is asked now: what is known from before,
    ///   and the answer to an earlier question, may be what the tag meant before it was put again.
    package func resolve(_ reference: Reference, anew: Bool = false) async throws(AgentError) -> ResolvedContent {
        if anew, case .tag = reference.version {
            return try Self.content(await asking(reference, anew: true).value(within: Hush.longest))
        }
        let known = known
        var (meaning, fixed): (KnownReplies.TagMeaning?, Reference?) = (nil, reference)
        if case .tag = reference.version {
            meaning = known.meaning(of: reference)
            fixed = meaning.map { Reference(name: reference.name, version: .digest($0.digest)) }
        }
        var content = fixed.flatMap { known.remembered($0) }
        if content == nil, let fixed { content = await Threads.offload { known.content(fixed) } }
        if let content, meaning?.isMutable != true { return content }
        // What is part of a known content does not change either.
        if content == nil, case .digest(let digest) = reference.version,
            let part = known.rememberedPart(digest, of: reference.name)
        {
            return part
        }
        let question = asking(reference)
        let found = await answer(to: question)
        if case .failure(.unknown(let text))? = found { throw .registry(.unknown(text)) }
        if case .success(let new)? = found { return new }
        // If the registry does not answer, a tag's last known content is better than an error, and so is what the disk knows
        // of a digest.
        if content == nil, case .digest(let digest) = reference.version {
            content = await Threads.offload { known.part(digest, of: reference.name) }
        }
        if let content { return content }
        // The same question: it was asked before whatever happens meanwhile.
        let late = if let found { found } else { await question.value(within: Hush.longest) }
        return try Self.content(late)
    }

    /// - Parameter answer: nil if it did not come.
    private static func content(
        _ answer: Result<ResolvedContent, RegistryError>?
    ) throws(AgentError) -> ResolvedContent {
        do throws(RegistryError) { return try (answer ?? .failure(.cancelled)).get() } catch { throw .registry(error) }
    }

    /// The registry's answer, unless it is too long in coming.
    private func answer(
        to question: Task<Result<ResolvedContent, RegistryError>, Never>
    ) async -> Result<ResolvedContent, RegistryError>? {
        let patience = hush.withLock { $0.patience(Clocks.steadySeconds) }
        let found = await question.value(within: patience)
        if found == nil, !Task.isCancelled { hush.withLock { $0.until = Clocks.steadySeconds + Hush.length } }
        return found
    }

    /// The question about a reference, once for all who ask.
    /// - Parameter anew: asks once more, though such a question is under way. Others join the new one from now on.
    private func asking(
        _ reference: Reference, anew: Bool = false
    ) -> Task<Result<ResolvedContent, RegistryError>, Never> {
        questions.withLock { questions in
            if !anew, let question = questions.last[reference] { return question.answer }
            questions.serials += 1
            let serial = questions.serials
            let answer = Task {
                let found = await asked(reference, serial)
                self.questions.withLock { if $0.last[reference]?.serial == serial { $0.last[reference] = nil } }
                return found
            }
            questions.last[reference] = (serial, answer)
            return answer
        }
    }

    /// Whether no later question about a reference was asked.
    private func isLast(_ serial: UInt64, about reference: Reference) -> Bool {
        questions.withLock { $0.last[reference]?.serial == serial }
    }

    /// Asks the registry, and keeps its answer. What a tag means is kept of the last question alone: an earlier one may be
    /// answered after it, with what the tag meant before.
    private func asked(_ reference: Reference, _ serial: UInt64) async -> Result<ResolvedContent, RegistryError> {
        let known = known
        do throws(RegistryError) {
            let (new, bytes) = try await view.resolution(of: reference, now: Clocks.steadySeconds)
            let fixed = Reference(name: reference.name, version: .digest(new.digest))
            await Threads.offload { [self] in
                known.keep(new, for: isLast(serial, about: reference) ? reference : fixed, bytes: bytes)
            }
            hush.withLock { $0.until = 0 }
            return .success(new)
        } catch {
            switch error {
            case .silent, .cancelled: break
            default: hush.withLock { $0.until = 0 }
            }
            if error.isUnknown, isLast(serial, about: reference) {
                await Threads.offload { known.forget(reference) }
            }
            return .failure(error)
        }
    }

    /// Fetches a blob of a manifest into the cache.
    package func obtain(
        _ digest: BlobDigest, in manifest: BlobDigest, of name: ContentName
    ) async throws(AgentError) {
        let content = try await resolve(Reference(name: name, version: .digest(manifest)))
        guard let blob = content.blobs[digest] else {
            throw .registry(.unknown("the manifest \(manifest) has no blob \(digest)"))
        }
        try await obtain(blob, of: name)
    }

    /// Fetches all blobs of a content into the cache, the largest first, eight at a time.
    package func obtainAll(_ content: ResolvedContent, of name: ContentName) async throws(AgentError) {
        // What one blob needs must not push out another of the same content: all of it is to be here in the end.
        let leases = content.blobs.keys.map { node.catalogue.reserve($0.sha256) }
        defer { withExtendedLifetime(leases) {} }
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

    /// Removes a blob from the cache.
    /// - Returns: false if the blob is being read, and so stays.
    package func remove(_ digest: SHA256Digest) async -> Bool {
        guard !node.catalogue.isOnLease(digest) else { return false }
        await fetches.forget(digest)
        await Threads.offload { [node] in _ = try? node.remove(digest) }
        return node.catalogue.entryOfAny(digest) == nil
    }

    /// Fetches a blob into the cache. Returns when it is whole and durable.
    package func obtain(_ blob: ResolvedContent.Blob, of name: ContentName) async throws(AgentError) {
        let digest = blob.digest.sha256
        note(digest, of: name)
        if node.catalogue.touch(digest, at: Clocks.wallSeconds) != nil { return }
        if blob.content != nil || blob.size == 0 { return try await store(blob.content ?? [], digest) }
        let plan = try await plan(for: blob, of: name)
        do {
            try await fetches.fetch(plan)
        } catch {
            throw .fetch(blob.digest, error)
        }
    }

    /// Begins to read a blob that may still be arriving. Returns when the first byte of the range has arrived.
    /// - Returns: nil if the whole blob is in the cache.
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
        // A client may read a blob in many ranges: ask the registry only for the first.
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

    /// Orders trackers by the info hash, so that all agents that want a blob ask the same tracker first and find each
    /// other.
    private static func order(_ trackers: [String], _ infoHash: SHA1Digest) -> [String] {
        Rendezvous.order(trackers, for: infoHash.bytes)
    }

    /// Stores a small blob that came inside an answer of the registry. Its digest was checked when the answer was
    /// parsed.
    private func store(_ content: [UInt8], _ digest: SHA256Digest) async throws(AgentError) {
        // Until the catalogue has it, a removal that is under way would take the file with it.
        let lease = node.catalogue.reserve(digest)
        defer { withExtendedLifetime(lease) {} }
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
