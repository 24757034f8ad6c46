import Address
import BlobNode
import Hashing
import Registry
import SwarmCore
import Synchronization
import Threads

/// Tells the engine which pieces of a blob this origin sends first, and which peers are other origins. Answers come
/// from memory. A background task asks the other owners whether they have the blob.
package final class OwnerShares: Sendable {
    private struct Entry {
        let digest: BlobDigest
        /// Other origins that have the blob; nil before they were asked.
        var holders: Set<String>?
        var askedAt = -Double.infinity
        var wantedAt: Double
    }

    private struct Parts {
        let watch: ClusterWatch
        let node: BlobNode
    }

    private let parts = Mutex<Parts?>(nil)
    private let entries = Mutex<[SHA1Digest: Entry]>([:])
    private let asking = Mutex<Task<Void, Never>?>(nil)

    /// Most blobs remembered at a time.
    private static let most = 8_192
    /// Seconds between two questions about a blob, and seconds without interest after which it is forgotten.
    private static let (interval, memory) = (5.0, 15.0)
    private static let look = Duration.milliseconds(500)

    /// Begins to ask the other owners. Before this call, this origin sends all pieces.
    func start(watch: ClusterWatch, peers: OriginPeers, node: BlobNode) {
        parts.withLock { $0 = Parts(watch: watch, node: node) }
        let task = Task { [weak self] in
            while !Task.isCancelled {
                await self?.askDue(watch.placement, peers)
                try? await Task.sleep(for: Self.look)
            }
        }
        asking.withLock { $0 = task }
    }

    func stop() { asking.withLock { $0.take() }?.cancel() }

    deinit { asking.withLock { $0 }?.cancel() }

    // MARK: Questions of the engine

    func isOrigin(_ address: PeerAddress) -> Bool { parts.withLock { $0?.watch }?.isEngine(address) ?? false }

    func share(of infoHash: SHA1Digest) -> OwnerShare {
        guard let parts = parts.withLock({ $0 }) else { return OwnerShare() }
        let placement = parts.watch.placement
        guard placement.hosts.count > 1, let digest = parts.node.catalogue.swarm(of: infoHash)?.digest else {
            return OwnerShare()
        }
        let now = Clocks.steadySeconds
        let holders = entries.withLock { entries -> Set<String>? in
            guard entries[infoHash] == nil else {
                entries[infoHash]?.wantedAt = now
                return entries[infoHash]?.holders
            }
            if entries.count < Self.most {
                entries[infoHash] = Entry(digest: BlobDigest(digest), wantedAt: now)
            }
            return nil
        }
        return Self.share(of: BlobDigest(digest), placement, holders: holders)
    }

    /// This origin's share of a blob's pieces.
    /// - Parameter holders: other origins that have the blob; nil if unknown: then every origin that is to store it
    ///   counts.
    package static func share(of digest: BlobDigest, _ placement: Placement, holders: Set<String>?) -> OwnerShare {
        let givers = placement.givers(of: digest).filter {
            $0 == placement.own || (placement.isUp($0) && holders?.contains($0) ?? true)
        }
        guard let index = givers.firstIndex(where: { $0 == placement.own }) else {
            // This origin is not among the givers, and has the blob only for a while: the others do not leave it a
            // share.
            return OwnerShare(index: givers.count, of: givers.count + 1)
        }
        return OwnerShare(index: index, of: givers.count)
    }

    // MARK: Asking other owners

    private func askDue(_ placement: Placement, _ peers: OriginPeers) async {
        let now = Clocks.steadySeconds
        let due = entries.withLock { entries -> [(SHA1Digest, BlobDigest)] in
            if !entries.isEmpty { entries = entries.filter { now - $0.value.wantedAt < Self.memory } }
            let due = entries.filter { now - $0.value.askedAt >= Self.interval }.map { ($0.key, $0.value.digest) }
            for (hash, _) in due { entries[hash]?.askedAt = now }
            return due
        }
        var questions: [String: [BlobDigest]] = [:]
        for (_, digest) in due {
            for host in placement.givers(of: digest) where host != placement.own && placement.isUp(host) {
                questions[host, default: []].append(digest)
            }
        }
        guard !questions.isEmpty else { return }
        // An origin that does not answer now keeps its last state.
        var known: [BlobDigest: Set<String>] = [:]
        var silent: Set<String> = []
        await withTaskGroup(of: (String, [BlobNote]?).self) { group in
            for (host, digests) in questions {
                group.addTask { (host, try? await peers.notes(digests, at: host, contents: false)) }
            }
            for await (host, notes) in group {
                guard let notes else {
                    silent.insert(host)
                    continue
                }
                for note in notes { known[note.digest, default: []].insert(host) }
            }
        }
        entries.withLock { entries in
            for (hash, digest) in due {
                guard let before = entries[hash] else { continue }
                let kept = (before.holders ?? silent).intersection(silent)
                entries[hash]?.holders = (known[digest] ?? []).union(kept)
            }
        }
    }
}
