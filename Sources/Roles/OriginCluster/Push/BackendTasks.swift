import ColdStore
import Database
import Registry
import Synchronization

/// This origin's tasks to write blobs to back ends.
package final class BackendTasks: Sendable {
    private struct Key: Hashable {
        let digest: BlobDigest
        let name: ContentName
    }

    private let cold: ColdStore?
    private let watch: ClusterWatch
    /// Tasks of pushes that have not been answered yet.
    private let fresh = Mutex<Set<Key>>([])
    private static let mostFresh = 65_536

    /// - Parameter cold: nil without back ends.
    init(cold: ColdStore?, watch: ClusterWatch) {
        self.cold = cold
        self.watch = watch
    }

    var areNeeded: Bool { cold != nil }

    /// Makes the task durable, if this origin is to store the blob. Does nothing otherwise.
    func add(_ digest: BlobDigest, for name: ContentName) async throws(OCIError) {
        guard let cold else { return }
        let placement = watch.placement
        guard placement.keeps(digest) || placement.takers(of: digest).first == placement.own else { return }
        // An origin that stands in for an owner has the last rank, after all owners.
        let rank = placement.rank(for: digest) ?? placement.replicas + 1
        do throws(DatabaseFileError) {
            try await cold.writeBack.add(digest, for: name, rank: rank)
        } catch {
            throw error.isDisk
                ? OCIError(507, .denied, "no space is left at the registry")
                : OCIError(503, .unavailable, "the registry's database does not answer: try again")
        }
        fresh.withLock { fresh in
            if fresh.count >= Self.mostFresh { fresh.removeAll() }
            fresh.insert(Key(digest: digest, name: name))
        }
    }

    /// Whether a push made the task a moment ago. Returns true only once for each task.
    func wasJustAdded(_ digest: BlobDigest, for name: ContentName) -> Bool {
        fresh.withLock { $0.remove(Key(digest: digest, name: name)) != nil }
    }

    /// For each of these blobs, the names whose back ends still lack it. Blobs without such a name are left out.
    func waiting(_ digests: [BlobDigest]) async -> [BlobDigest: [ContentName]] {
        guard let cold else { return [:] }
        return (try? await cold.writeBack.names(of: digests)) ?? [:]
    }

    /// Whether a back end still lacks the blob, so that it must stay on this disk. True if the database does not
    /// answer.
    func isWaiting(_ digest: BlobDigest) async -> Bool {
        guard let cold else { return false }
        return (try? await cold.writeBack.isWaiting(digest)) ?? true
    }
}
