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
    private let looking = Mutex<Task<Void, Never>?>(nil)

    /// Time between two checks of the free space.
    private static let pause = Duration.seconds(10)

    /// - Parameter sources: sources of replacements for corrupt pieces, tried before the back ends: other owners.
    package init(
        node: BlobNode, cold: ColdStore?, holders: any BlobHolders, sources: [any PieceSource] = [],
        rules: SpaceRules = SpaceRules(), scrubbing: ScrubSettings = ScrubSettings(), logger: Logger
    ) {
        self.node = node
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
        let task = Task {
            while !Task.isCancelled {
                await space.look()
                try? await Task.sleep(for: Self.pause)
            }
        }
        looking.withLock { $0 = task }
    }

    package func stop() async {
        looking.withLock { $0.take() }?.cancel()
        await scrubber.stop()
    }
}
