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
    /// Seconds since 1970.
    private let begunAt: Double
    private let looking = Mutex<[Task<Void, Never>]>([])

    /// Time between two checks of the free space.
    private static let pause = Duration.seconds(10)
    /// Time between two searches for downloads that nobody goes on with, and the age in seconds at which they go.
    private static let (downloadPause, downloadAge) = (Duration.seconds(600), 86_400.0)

    /// - Parameters:
    ///   - sources: sources of replacements for corrupt pieces, tried before the back ends: other owners.
    ///   - now: seconds since 1970.
    package init(
        node: BlobNode, cold: ColdStore?, holders: any BlobHolders, sources: [any PieceSource] = [],
        rules: SpaceRules = SpaceRules(), scrubbing: ScrubSettings = ScrubSettings(),
        now: Double = Clocks.wallSeconds, logger: Logger
    ) {
        begunAt = now
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
                    await removeOldDownloads(now: Clocks.wallSeconds)
                    try? await Task.sleep(for: Self.downloadPause)
                }
            },
        ]
        looking.withLock { $0 = tasks }
    }

    /// Removes what came of blobs whose download ended early more than a day ago. Time in which this process did not run
    /// does not count: nobody could go on with a download then.
    /// - Parameter now: seconds since 1970.
    package func removeOldDownloads(now: Double) async {
        guard now - begunAt >= Self.downloadAge else { return }
        let removed = await Threads.offload { [node] in node.removeDownloads(unchangedSince: now - Self.downloadAge) }
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
