import Address
import BlobNode
import Files
import Logging
import Registry
import Threads
import Upkeep

/// Brings every blob to the origins that are to store it: offers blobs to other origins, copies blobs that this origin
/// is to store, and removes blobs that it is not to store, once all owners have them.
///
/// An origin that has a blob offers it to all origins that are to store it: each new blob at once; all blobs when the
/// placement has changed or an origin has restarted; and blobs that are still missing somewhere again after a while. No
/// state survives a restart, which begins with an offer of all blobs.
package actor Repair {
    private let watch: ClusterWatch
    private let peers: OriginPeers
    private let node: BlobNode
    private let taking: Taking
    private let tasks: BackendTasks
    private let logger: Logger

    /// New blobs that are to be offered.
    private var fresh: Set<BlobDigest> = []
    /// Blobs that some origin still lacks, or that could not be removed here yet; and whether there are more of them than
    /// are remembered one by one.
    private var open: Set<BlobDigest> = []
    private var isMoreOpen = false
    private var isAllDue = true
    /// Blobs of pushes that this origin passed on while it was in no list: it lets go of them when their owners have them.
    private var passed: Set<BlobDigest> = []
    /// Rounds in a row that did not empty `open`.
    private var rounds = 0
    /// Whether a blob could not be removed only because it is being read, which is over soon.
    private var isSomethingRead = false
    private var sleeper: CheckedContinuation<Void, Never>?
    private var isStopped = false
    private var running: Task<Void, Never>?

    private static let mostFresh = 100_000
    private static let batch = 512
    private static let backoff = Backoff(first: 2, longest: 300)

    init(
        watch: ClusterWatch, peers: OriginPeers, node: BlobNode, tasks: BackendTasks, space: SpaceKeeper?, repairs: Int,
        logger: Logger
    ) {
        self.watch = watch
        self.peers = peers
        self.node = node
        self.tasks = tasks
        self.logger = logger
        taking = Taking(
            watch: watch, peers: peers, node: node, tasks: tasks, space: space, atOnce: repairs, logger: logger)
    }

    func start() {
        watch.onChange { [weak self] in Task { await self?.changed() } }
        running = Task { await self.run() }
    }

    func stop() async {
        isStopped = true
        running?.cancel()
        wake()
        await taking.stop()
        await running?.value
    }

    /// Number of blobs that this origin still has to copy from others.
    package var missing: Int { get async { await taking.count } }

    /// Offers a blob that is new on this disk.
    /// - Parameter isPassedOn: whether it is a push that this origin, which is in no list, has passed on to the owners.
    func mark(_ digest: BlobDigest, isPassedOn: Bool = false) {
        guard watch.placement.hosts.count > 1 || isPassedOn else { return }
        if isPassedOn, passed.count < Self.mostFresh { passed.insert(digest) }
        if fresh.count < Self.mostFresh { fresh.insert(digest) } else { isAllDue = true }
        wake()
    }

    /// Takes an offer of another origin, which has these blobs and expects them to be stored here too. Begins to copy
    /// those that belong here.
    /// - Returns: the blobs that this origin has already.
    func offered(_ blobs: [OfferedBlob], by host: String) async -> [BlobDigest] {
        let placement = watch.placement
        var have: [BlobDigest] = []
        for blob in blobs {
            if node.catalogue.entry(of: blob.digest.sha256) != nil {
                have.append(blob.digest)
            } else if placement.keeps(blob.digest) {
                await taking.want(blob, from: host)
            }
        }
        return have
    }

    /// Copies a blob here again that this disk has lost, from whichever origin has it.
    func bring(_ digest: BlobDigest) async {
        let placement = watch.placement
        guard placement.keeps(digest) else { return }
        for host in placement.sources(of: digest) { await taking.want(OfferedBlob(digest, names: []), from: host) }
    }

    private func changed() {
        isAllDue = true
        rounds = 0
        wake()
    }

    // MARK: The loop

    private func run() async {
        while !isStopped {
            if isAllDue {
                isAllDue = false
                (fresh, open, isMoreOpen) = ([], [], false)
                await offerAll()
            } else if !fresh.isEmpty {
                let batch = Array(fresh.prefix(Self.batch))
                fresh.subtract(batch)
                await offer(batch)
            } else {
                if open.isEmpty { rounds = 0 }
                await rest(open.isEmpty ? 3_600 : Self.backoff.pause(afterFailures: rounds + 1))
                guard fresh.isEmpty, !isAllDue, !isStopped, !open.isEmpty else { continue }
                rounds = isSomethingRead ? 0 : rounds + 1
                isSomethingRead = false
                if isMoreOpen { isAllDue = true } else { (fresh, open) = (open, []) }
            }
        }
    }

    private func rest(_ seconds: Double) async {
        if isStopped || isAllDue || !fresh.isEmpty { return }
        let timer = Task {
            try? await Task.sleep(for: .seconds(seconds))
            if !Task.isCancelled { self.wake() }
        }
        await withCheckedContinuation { sleeper = $0 }
        timer.cancel()
    }

    private func wake() {
        sleeper?.resume()
        sleeper = nil
    }

    private func offerAll() async {
        guard watch.placement.hosts.count > 1 || !passed.isEmpty else { return }
        var place: UInt32? = 0
        while place != nil {
            // If the placement changes meanwhile, the loop starts again from the first blob.
            if isAllDue || isStopped { return }
            await offer(
                node.catalogue.some(from: &place, limit: Self.batch) { _ in true }.map { BlobDigest($0.digest) })
        }
    }

    // MARK: One batch

    private func offer(_ digests: [BlobDigest]) async {
        let placement = watch.placement
        guard let own = placement.own, placement.hosts.contains(own) else { return await passOn(digests, placement) }
        passed = []
        let here = digests.filter { node.catalogue.entry(of: $0.sha256) != nil }
        var plan = OfferPlan(here, placement)
        let names = await tasks.waiting(here)
        await withTaskGroup(of: (String, Set<BlobDigest>).self) { group in
            for (host, digests) in plan.offers {
                let blobs = digests.map { OfferedBlob($0, names: names[$0] ?? []) }
                group.addTask { [peers] in (host, (try? await peers.offer(blobs, from: own, to: host)) ?? []) }
            }
            for await (host, have) in group { plan.answered(host, have) }
        }
        leaveOpen(plan.unfinished)
        for digest in plan.released where await !letGo(digest) {
            leaveOpen([digest])
            if node.catalogue.isOnLease(digest.sha256) { isSomethingRead = true }
        }
    }

    /// The same while this origin is in no list. Lets go of what it has only passed on. All else stays: a list may lack an
    /// origin for a while.
    private func passOn(_ digests: [BlobDigest], _ placement: Placement) async {
        let here = digests.filter { passed.contains($0) && node.catalogue.entry(of: $0.sha256) != nil }
        var holders: [BlobDigest: Set<String>] = [:]
        for host in placement.hosts where placement.isUp(host) {
            let asked = here.filter { placement.owners(of: $0).contains(host) }
            // The host may be this process, which does not know its name in the list yet.
            guard !asked.isEmpty, let member = try? await peers.member(host, within: 5),
                member.instance != watch.instance,
                let notes = try? await peers.notes(asked, at: host, contents: false)
            else { continue }
            for note in notes { holders[note.digest, default: []].insert(host) }
        }
        leaveOpen(digests.filter { !passed.contains($0) })
        for digest in here {
            if placement.mayLetGo(digest, heldBy: holders[digest] ?? []), await letGo(digest) {
                passed.remove(digest)
            } else {
                leaveOpen([digest])
                if node.catalogue.isOnLease(digest.sha256) { isSomethingRead = true }
            }
        }
    }

    private func leaveOpen(_ digests: some Sequence<BlobDigest>) {
        for digest in digests {
            guard open.count < Self.mostFresh else {
                isMoreOpen = true
                return
            }
            open.insert(digest)
        }
    }

    /// Removes a blob that does not belong here, and that all owners have.
    /// - Returns: whether the blob was removed.
    private func letGo(_ digest: BlobDigest) async -> Bool {
        guard await !tasks.isWaiting(digest), watch.placement.keeps(digest) == false else { return false }
        let isGone = await Threads.offload { [node, logger] () -> Bool in
            do throws(SystemError) {
                return try node.remove(digest.sha256)
            } catch {
                logger.warning("a blob cannot be removed", metadata: ["blob": "\(digest)", "reason": "\(error)"])
                return false
            }
        }
        if isGone { await taking.forget(digest) }
        return isGone
    }
}
