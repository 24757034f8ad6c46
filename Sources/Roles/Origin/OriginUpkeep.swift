import BlobNode
import ColdStore
import Logging
import Synchronization
import Threads
import Upkeep

/// The upkeep of an origin's disk: frees space, verifies blobs, and removes unused ones.
package final class OriginUpkeep: Sendable {
    package let space: SpaceKeeper
    package let scrubber: Scrubber
    package let sweep: BlobSweep
    private let node: BlobNode
    private let logger: Logger
    /// Seconds of the steady clock.
    private let begunAt: Double
    private let looking = Mutex<[Task<Void, Never>]>([])

    /// Time between two checks of the free space.
    private static let pause = Duration.seconds(10)
    /// Time between two searches for downloads that nobody goes on with.
    private static let downloadPause = Duration.seconds(600)
    /// The age in seconds at which they are removed, and the same while this process is younger than that.
    private static let (downloadAge, earlyDownloadAge) = (86_400.0, 7 * 86_400.0)

    /// - Parameters:
    ///   - sources: sources of replacements for corrupt pieces, tried before the back ends: other owners.
    ///   - begunAt: seconds of the steady clock.
    package init(
        node: BlobNode, cold: ColdStore?, holders: any BlobHolders, sources: [any PieceSource] = [],
        rules: SpaceRules = SpaceRules(), scrubbing: ScrubSettings = ScrubSettings(),
        begunAt: Double = Clocks.steadySeconds, logger: Logger
    ) {
        self.begunAt = begunAt
        self.node = node
        self.logger = logger
        space = SpaceKeeper(node: node, cold: cold, holders: holders, rules: rules, logger: logger)
        sweep = BlobSweep(node: node, cold: cold, holders: holders, logger: logger)
        scrubber = Scrubber(
            node: node, cold: cold, holders: holders, sources: sources + (cold.map { [ColdPieces($0)] } ?? []),
            settings: scrubbing, logger: logger)
    }

    package func start() async {
        await scrubber.start()
        let space = space
        node.onNeedOfRoom { await space.look(for: $0) }
        let tasks = [
            Task {
                while !Task.isCancelled {
                    await space.look()
                    try? await Task.sleep(for: Self.pause)
                }
            },
            Task {
                while !Task.isCancelled {
                    await removeOldDownloads(now: Clocks.wallSeconds, steady: Clocks.steadySeconds)
                    try? await Task.sleep(for: Self.downloadPause)
                }
            },
        ]
        looking.withLock { $0 = tasks }
    }

    /// Removes what came of blobs whose download ended early more than a day ago. In the first day of this process, only what is
    /// a week old: it may have been off since, and nobody could go on with a download then.
    /// - Parameters:
    ///   - now: seconds since 1970.
    ///   - steady: seconds of the steady clock.
    package func removeOldDownloads(now: Double, steady: Double) async {
        let age = steady - begunAt < Self.downloadAge ? Self.earlyDownloadAge : Self.downloadAge
        let removed = await Threads.offload { [node] in node.removeDownloads(unchangedSince: now - age) }
        guard removed.count > 0 else { return }
        logger.notice(
            "downloads that nobody went on with were removed",
            metadata: ["downloads": "\(removed.count)", "bytes": "\(removed.bytes)"])
    }

    package func stop() async {
        for task in looking.withLock({ $0 }) { task.cancel() }
        await scrubber.stop()
    }
}
