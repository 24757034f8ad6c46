import HTTPServing
import MetricFamilies
import Registry
import Synchronization
import Threads

/// The metrics of an index for Prometheus.
package final class IndexMetrics: Sendable {
    /// The metrics of replication.
    package struct Replication: Sendable, Hashable {
        package let tasks: Int
        /// Tags that another registry already has with another digest, counted since the start.
        package let conflicts: Int

        package init(tasks: Int, conflicts: Int) {
            self.tasks = tasks
            self.conflicts = conflicts
        }
    }

    package let counters = RequestCounters(name: "swoop_index_requests_total")
    private let store: any TagStore
    private let replication: (@Sendable () async -> Replication)?
    /// The last counts of the store, and when they were made, in seconds of a monotonic clock.
    private let counted = Mutex<(counts: StoreCounts, at: Double)?>(nil)

    /// Seconds for which counts are reused, because counting reads whole tables.
    private static let countedFor = 30.0

    /// - Parameter replication: the metrics of replication; nil where there are no remotes.
    package init(_ store: any TagStore, replication: (@Sendable () async -> Replication)? = nil) {
        self.store = store
        self.replication = replication
    }

    package func families() async -> [MetricFamily] {
        var families = [counters.family]
        if let counts = await counts() {
            families += [
                MetricFamily("swoop_index_names", .gauge, "Names that are known.", Double(counts.names)),
                MetricFamily("swoop_index_tags", .gauge, "Tags that name something.", Double(counts.tags)),
                MetricFamily("swoop_index_manifests", .gauge, "Manifests of all names.", Double(counts.manifests)),
            ]
        }
        let replication = await replication?() ?? Replication(tasks: 0, conflicts: 0)
        return families + [
            MetricFamily(
                "swoop_index_replication_tasks", .gauge, "Tags that are still to be brought to other registries.",
                Double(replication.tasks)),
            MetricFamily(
                "swoop_index_conflicts_total", .counter,
                "Tags that another registry has with another digest already.", Double(replication.conflicts)),
        ]
    }

    private func counts() async -> StoreCounts? {
        let now = Clocks.steadySeconds
        if let last = counted.withLock({ $0 }), now - last.at < Self.countedFor { return last.counts }
        guard let counts = try? await store.counts() else { return counted.withLock { $0?.counts } }
        counted.withLock { $0 = (counts, now) }
        return counts
    }
}
