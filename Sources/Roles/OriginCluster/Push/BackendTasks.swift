import ColdStore
import Database
import Registry
import Synchronization

/// The tasks of this origin to bring blobs to back ends.
package final class BackendTasks: Sendable {
    private struct Key: Hashable {
        let digest: BlobDigest
        let name: ContentName
    }

    private let cold: ColdStore?
    private let watch: ClusterWatch
    /// Those of pushes that are not answered yet.
    private let fresh = Mutex<Set<Key>>([])
    private static let mostFresh = 65_536

    /// - Parameter cold: nil where nothing has a back end.
    init(cold: ColdStore?, watch: ClusterWatch) {
        self.cold = cold
        self.watch = watch
    }

    var areNeeded: Bool { cold != nil }

    /// When this returns, the task is durable, if this origin is to have the blob.
    func add(_ digest: BlobDigest, for name: ContentName) async throws(OCIError) {
        guard let cold else { return }
        let placement = watch.placement
        guard placement.keeps(digest) || placement.takers(of: digest).first == placement.own else { return }
        // Who stands in for an owner comes after all of them.
        let rank = placement.rank(for: digest) ?? placement.replicas + 1
        do throws(DatabaseFileError) {
            try await cold.writeBack.add(digest, for: name, rank: rank)
        } catch {
            throw error.isDisk
                ? OCIError(507, .denied, "no space is left at the registry")
                : OCIError(503, .tooManyRequests, "the registry's database does not answer: try again")
        }
        fresh.withLock { fresh in
            if fresh.count >= Self.mostFresh { fresh.removeAll() }
            fresh.insert(Key(digest: digest, name: name))
        }
    }

    /// Whether the task was made a moment ago, by a push: asked once.
    func wasJustAdded(_ digest: BlobDigest, for name: ContentName) -> Bool {
        fresh.withLock { $0.remove(Key(digest: digest, name: name)) != nil }
    }

    /// Names to whose back ends each of some blobs is still to be brought.
    func waiting(_ digests: [BlobDigest]) async -> [BlobDigest: [ContentName]] {
        guard let cold else { return [:] }
        return (try? await cold.writeBack.names(of: digests)) ?? [:]
    }

    /// Whether a blob must stay, as it is not yet where it is to be.
    func isWaiting(_ digest: BlobDigest) async -> Bool {
        guard let cold else { return false }
        return (try? await cold.writeBack.isWaiting(digest)) ?? true
    }
}
