import BlobNode
import Blobs
import Hashing
import Logging
import Metainfo
import Registry
import Threads
import Upkeep

/// Copies blobs from other origins to this one, a few at a time: large ones by the swarm.
actor Taking {
    private struct Wanted {
        var sources: Set<String>
        var names: Set<ContentName>
        var failures = 0
        var isRunning = false
    }

    private let watch: ClusterWatch
    private let peers: OriginPeers
    private let node: BlobNode
    private let fetches: BlobFetches
    private let tasks: BackendTasks
    private let space: SpaceKeeper?
    private let atOnce: Int
    private let logger: Logger

    private var wanted: [BlobDigest: Wanted] = [:]
    /// Blobs that are waiting for their turn, the oldest first. Entries before `head` are done with.
    private var queue: [BlobDigest] = []
    private var head = 0
    private var underWay = 0
    /// Blobs that were left to the back ends, and until when, in seconds of a monotonic clock.
    private var leftAway: [BlobDigest: Double] = [:]
    private var isStopped = false

    /// Blobs beyond this are dropped; other origins offer them again later.
    private static let mostWanted = 100_000
    /// Seconds after which it is looked again whether a blob should be here.
    private static let awayFor = 600.0
    private static let mostFailures = 6
    private static let backoff = Backoff(first: 0.5, longest: 30)

    init(
        watch: ClusterWatch, peers: OriginPeers, node: BlobNode, tasks: BackendTasks, space: SpaceKeeper?, atOnce: Int,
        logger: Logger
    ) {
        self.watch = watch
        self.peers = peers
        self.node = node
        self.tasks = tasks
        self.space = space
        self.logger = logger
        self.atOnce = max(1, atOnce)
        var settings = BlobFetches.Settings()
        settings.mostAtOnce = self.atOnce
        settings.linger = .seconds(1)
        fetches = BlobFetches(node, settings: settings)
    }

    func stop() async {
        isStopped = true
        await fetches.stop()
    }

    var count: Int { wanted.count }

    func forget(_ digest: BlobDigest) async { await fetches.forget(digest.sha256) }

    func want(_ blob: OfferedBlob, from host: String) {
        guard !isStopped, wanted[blob.digest] != nil || wanted.count < Self.mostWanted else { return }
        // It was left to the back ends a short while ago. Its holder offers it again.
        if let until = leftAway[blob.digest], until > Clocks.steadySeconds { return }
        if wanted[blob.digest] == nil {
            wanted[blob.digest] = Wanted(sources: [], names: [])
            queue.append(blob.digest)
        }
        wanted[blob.digest]?.sources.insert(host)
        wanted[blob.digest]?.names.formUnion(blob.names)
        startMore()
    }

    private func startMore() {
        while underWay < atOnce, head < queue.count, !isStopped {
            let digest = queue[head]
            head += 1
            if head > 1_000, head * 2 > queue.count {
                queue.removeFirst(head)
                head = 0
            }
            guard let entry = wanted[digest], !entry.isRunning else { continue }
            wanted[digest]?.isRunning = true
            underWay += 1
            Task { await self.run(digest) }
        }
    }

    private func run(_ digest: BlobDigest) async {
        let problem = await take(digest)
        underWay -= 1
        wanted[digest]?.isRunning = false
        if let problem {
            await failed(digest, problem)
        } else {
            let names = wanted.removeValue(forKey: digest)?.names ?? []
            // The origin that offered the blob has the same task, and keeps it until the back end has the blob. So a
            // failure here loses nothing.
            for name in names { try? await tasks.add(digest, for: name) }
        }
        startMore()
    }

    private func failed(_ digest: BlobDigest, _ problem: String) async {
        guard let failures = wanted[digest]?.failures, !isStopped else { return }
        guard failures < Self.mostFailures else {
            logger.warning(
                "a blob cannot be copied here: it is tried again when another origin offers it",
                metadata: ["blob": "\(digest)", "reason": "\(problem)"])
            wanted[digest] = nil
            return
        }
        wanted[digest]?.failures = failures + 1
        let pause = Self.backoff.pause(afterFailures: failures + 1)
        Task {
            try? await Task.sleep(for: .seconds(pause))
            self.again(digest)
        }
    }

    private func again(_ digest: BlobDigest) {
        guard wanted[digest] != nil else { return }
        queue.append(digest)
        startMore()
    }

    // MARK: One blob

    /// - Returns: the reason of a failure; nil if the blob is here, or does not belong here any more.
    private func take(_ digest: BlobDigest) async -> String? {
        guard let entry = wanted[digest], node.catalogue.entry(of: digest.sha256) == nil else { return nil }
        let placement = watch.placement
        guard placement.keeps(digest) else { return nil }
        if let space {
            // Otherwise what was removed to make room would come back as the newest, and what is in use would go.
            if await space.canDoWithout(digest) {
                let now = Clocks.steadySeconds
                if leftAway.count >= Self.mostWanted { leftAway = leftAway.filter { $0.value > now } }
                if leftAway.count < Self.mostWanted { leftAway[digest] = now + Self.awayFor }
                return nil
            }
            if await space.isFull() { return "no space is left on this origin's disk" }
        }
        let sources = entry.sources.filter { placement.isUp($0) }.sorted()
        var problem = "no origin that has it answers"
        for source in sources {
            do {
                guard let note = try await peers.notes([digest], at: source, contents: true).first else { continue }
                if note.size == 0 || note.content != nil {
                    return await store(note.content ?? [], digest)
                }
                let info = try BlobInfo.parse(
                    try await peers.info(of: digest, at: source),
                    expecting: InfoExpectation(infoDigest: note.infoDigest, blob: digest.sha256, length: note.size))
                // The engine must not go on serving an earlier copy, which has been removed from this disk.
                await fetches.forget(digest.sha256)
                // An origin may offer a blob before this one has learnt the address of its engine, and without that
                // address the download would find no peer.
                guard let engine = await watch.engine(of: source) else {
                    problem = "\(source) does not say where it takes peers"
                    continue
                }
                let addresses = [engine] + sources.compactMap { $0 == source ? nil : watch.member($0)?.peers }
                try await fetches.fetch(BlobFetches.Plan(info: info, peers: addresses, trackers: []))
                return nil
            } catch {
                problem = "\(error)"
            }
        }
        return problem
    }

    private func store(_ content: [UInt8], _ digest: BlobDigest) async -> String? {
        await Threads.offload { [node] () -> String? in
            let lease = node.catalogue.reserve(digest.sha256)
            defer { withExtendedLifetime(lease) {} }
            do {
                let upload = try BlobUpload(in: node.directory)
                try upload.enter(at: nil)
                try content.withUnsafeBytes { bytes in Result { try upload.append([bytes]) } }.get()
                let blob = try upload.finish(digest.sha256)
                node.catalogue.add(digest.sha256, blob.info, usedAt: Clocks.wallSeconds)
                return nil
            } catch {
                return "\(error)"
            }
        }
    }
}
