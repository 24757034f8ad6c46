import BlobNode
import Blobs
import ColdStore
import Files
import Hashing
import Logging
import Registry
import Threads

/// Keeps room on an origin's disk. A blob is removed only if the back ends of all its names have it.
package actor SpaceKeeper {
    private let node: BlobNode
    /// Nil where there are no back ends: then no blob is removed.
    private let cold: ColdStore?
    private let holders: any BlobHolders
    package nonisolated let rules: SpaceRules
    package nonisolated let measure: @Sendable () -> DiskUse?
    private let now: @Sendable () -> Double
    private let logger: Logger
    private var running: Task<Void, Never>?
    private var hasTold = false
    /// Questions of the present run that were not answered, by who was asked.
    private var failures: [String: Int] = [:]

    /// The most blobs that are chosen at a time; `atOnce` is how many of them are removed in parallel.
    private static let mostChosen = 10_000
    private static let atOnce = 8
    /// A blob with this many names or more is not removed.
    private static let mostNames = 64
    /// Seconds that a push waits for room.
    private static let patience = 5.0
    /// Questions that were not answered, after which a run asks that back end, or the index, no more: each may take a minute.
    private static let mostSilent = 3
    private static let index = "the index"

    package init(
        node: BlobNode, cold: ColdStore?, holders: any BlobHolders, rules: SpaceRules = SpaceRules(),
        measure: (@Sendable () -> DiskUse?)? = nil, now: @escaping @Sendable () -> Double = { Clocks.wallSeconds },
        logger: Logger
    ) {
        self.node = node
        self.cold = cold
        self.holders = holders
        self.rules = rules
        let path = node.directory.path
        self.measure = measure ?? { DiskUse.measured(at: path) }
        self.now = now
        self.logger = logger
    }

    /// Whether the disk is too full for new blobs, after an attempt to make room of at most 5 s.
    package nonisolated func isFull() async -> Bool {
        guard let use = measure(), rules.refuses(use) else { return false }
        // The run goes on for those who come later.
        let (ends, end) = AsyncStream.makeStream(of: Void.self)
        Task {
            await look()
            end.finish()
        }
        let limit = Task {
            try? await Task.sleep(for: .seconds(Self.patience))
            end.finish()
        }
        for await _ in ends {}
        limit.cancel()
        return measure().map { rules.refuses($0) } ?? false
    }

    /// Whether a blob that is not here may stay away: the disk is filling, and the back ends of all its names have it.
    package nonisolated func canDoWithout(_ digest: BlobDigest) async -> Bool {
        guard let use = measure(), rules.isFilling(use) else { return false }
        return await isStored(digest, bytes: nil) == .yes
    }

    /// Whether the back ends of all names of a blob have it.
    private nonisolated func isStored(
        _ digest: BlobDigest, bytes: Int64?, besides silent: Set<String> = []
    ) async -> StoredAnswer {
        guard let cold else { return .no }
        guard !silent.contains(Self.index) else { return .unknown(Self.index) }
        guard let names = try? await holders.names(having: digest, limit: Self.mostNames) else {
            return .unknown(Self.index)
        }
        guard !names.isEmpty, names.count < Self.mostNames else { return .no }
        return await cold.isStored(digest, bytes: bytes, for: names, besides: silent)
    }

    /// Removes blobs until there is room. Returns when that is done. Runs follow one after the other; a call without `bytes`
    /// shares the run that is under way.
    /// - Parameter bytes: the bytes that the caller is about to write.
    package func look(for bytes: Int64 = 0) async {
        while let running {
            await running.value
            if bytes == 0 { return }
            if self.running == running { self.running = nil }
        }
        let task = Task { await makeRoom(for: bytes) }
        running = task
        await task.value
        if running == task { running = nil }
    }

    private func makeRoom(for bytes: Int64) async {
        guard cold != nil else { return }
        failures = [:]
        if rules.tti != nil || rules.ttl != nil { await removeOld() }
        guard let use = measure() else { return }
        // Nothing goes for what could not have room even then.
        let lacking = bytes - use.free
        let excess = max(rules.excess(use), lacking > 0 && lacking <= storedBytes ? lacking : 0)
        guard excess > 0 else {
            hasTold = false
            return
        }
        var (freed, last, count) = (Int64(0), DatedBlob?.none, 0)
        while freed < excess, !isBlind, !Task.isCancelled {
            var choice = OldestBlobs(bytes: excess - freed, most: Self.mostChosen, after: last)
            node.catalogue.forEach { digest, entry in
                guard entry.size > 0 else { return }
                choice.add(DatedBlob(digest, size: entry.size, time: entry.usedAt))
            }
            let chosen = choice.chosen
            guard let end = chosen.last else { break }
            last = end
            let gone = await evict(chosen)
            freed += gone.bytes
            count += gone.blobs
        }
        if count > 0 {
            logger.notice("blobs made room", metadata: ["blobs": "\(count)", "bytes": "\(freed)"])
        }
        guard freed < excess, !hasTold else { return }
        hasTold = true
        logger.warning(
            "the disk is almost full, and nothing more can go: what is here is used, or in no back end",
            metadata: ["directory": "\(node.directory.path)"])
    }

    /// Bytes of all blobs in the catalogue.
    private var storedBytes: Int64 {
        var bytes: Int64 = 0
        node.catalogue.forEach { _, entry in bytes += max(0, entry.size) }
        return bytes
    }

    /// Removes the blobs that are too old by `tti` or `ttl`, even if there is room.
    private func removeOld() async {
        let (time, rules) = (now(), rules)
        var place: UInt32? = 0
        while place != nil, !isBlind, !Task.isCancelled {
            let old = node.catalogue.some(from: &place, limit: 1_000) { entry in
                guard entry.size > 0 else { return false }
                return rules.ttl != nil || rules.tti.map { time - entry.usedAt > $0 } ?? false
            }
            let directory = node.directory
            let chosen = await Threads.offload {
                old.filter { blob in
                    if let tti = rules.tti, time - blob.entry.usedAt > tti { return true }
                    guard let ttl = rules.ttl, let status = try? directory.status(of: blob.digest) else { return false }
                    return time - Double(status.modified) / 1e9 > ttl
                }
            }
            _ = await evict(chosen.map { DatedBlob($0.digest, size: $0.entry.size, time: $0.entry.usedAt) })
        }
    }

    /// Whether nobody is left who could say of any blob that it is stored.
    private var isBlind: Bool {
        let silent = silent
        return silent.contains(Self.index) || silent.contains(ColdStore.queue)
            || silent.isSuperset(of: cold?.labels ?? [])
    }

    /// What did not answer in this run.
    private var silent: Set<String> { Set(failures.filter { $0.value >= Self.mostSilent }.keys) }

    private func evict(_ blobs: [DatedBlob]) async -> (blobs: Int, bytes: Int64) {
        await withTaskGroup(of: (bytes: Int64, ending: Eviction).self) { group in
            var rest = blobs[...]
            var gone = (blobs: 0, bytes: Int64(0))
            func startOne() {
                let silent = silent
                guard !isBlind, let blob = rest.popFirst() else { return }
                group.addTask { (blob.size, await self.evict(blob, besides: silent)) }
            }
            for _ in 0..<Self.atOnce { startOne() }
            while let (bytes, ending) = await group.next() {
                switch ending {
                case .gone: gone = (gone.blobs + 1, gone.bytes + bytes)
                case .stays: break
                case .unknown(let who): failures[who, default: 0] += 1
                }
                startOne()
            }
            return gone
        }
    }

    private enum Eviction {
        case gone, stays
        /// Nobody could say whether its back ends have it: who was silent.
        case unknown(String)
    }

    /// Removes a blob, if it is not in use and its back ends have it.
    private nonisolated func evict(_ blob: DatedBlob, besides silent: Set<String>) async -> Eviction {
        let (digest, catalogue) = (BlobDigest(blob.digest), node.catalogue)
        guard !catalogue.isOnLease(blob.digest) else { return .stays }
        switch await isStored(digest, bytes: blob.size, besides: silent) {
        case .yes: break
        case .no: return .stays
        case .unknown(let who): return .unknown(who)
        }
        let isGone = await Threads.offload { [node, logger] in
            do throws(SystemError) {
                return try node.remove(blob.digest, unlessUsedAfter: blob.time)
            } catch {
                logger.warning("a blob cannot be removed", metadata: ["blob": "\(digest)", "reason": "\(error)"])
                return false
            }
        }
        if isGone { await node.endGiving(blob.digest) }
        return isGone ? .gone : .stays
    }
}
