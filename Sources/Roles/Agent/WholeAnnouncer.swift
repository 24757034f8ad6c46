import BlobNode
import Hashing
import Metainfo
import Registry
import RegistryClient
import Threads

/// Announces this host's whole blobs to the registry's trackers, so that other hosts find them.
struct WholeAnnouncer: Sendable {
    let agent: Agent

    private static let lookEvery = Duration.seconds(5)
    private static let atOnce = 4

    /// Runs until its task is cancelled.
    func run() async {
        var announcements = WholeAnnouncements()
        while !Task.isCancelled {
            try? await Task.sleep(for: Self.lookEvery)
            // Blobs whose transfers still run are announced by these.
            let given = await agent.fetches.digestsGiven
            let blobs = agent.node.catalogue.leastRecentlyUsed.filter {
                $0.entry.infoHash != nil && !given.contains($0.digest)
            }
            let due = announcements.due(blobs.map { ($0.digest, $0.entry.usedAt) }, now: Clocks.wallSeconds)
            guard !due.isEmpty, let cluster = try? await agent.view.parts(now: Clocks.steadySeconds),
                !cluster.trackers.isEmpty
            else { continue }
            for (digest, seconds) in await announce(due, to: cluster.trackers) {
                announcements.announced(digest, next: seconds, now: Clocks.wallSeconds)
            }
        }
    }

    private func announce(_ digests: [SHA256Digest], to trackers: [String]) async -> [(SHA256Digest, Double?)] {
        await withTaskGroup(of: (SHA256Digest, Double?).self) { group in
            var waiting = digests[...]
            func startNext() {
                guard !Task.isCancelled, let digest = waiting.popFirst() else { return }
                group.addTask { (digest, await announce(digest, to: trackers)) }
            }
            for _ in 0..<Self.atOnce { startNext() }
            var answers: [(SHA256Digest, Double?)] = []
            for await answer in group {
                answers.append(answer)
                startNext()
            }
            return answers
        }
    }

    private func announce(_ digest: SHA256Digest, to trackers: [String]) async -> Double? {
        let node = agent.node
        guard let info = await Threads.offload({ try? node.info(of: digest) }) else { return nil }
        // One tracker that answers is enough: agents that want the blob ask trackers in the same order.
        for tracker in Rendezvous.order(trackers, for: info.infoHash.bytes) {
            let torrent = Torrent(info: info.info, trackers: [[tracker]])
            if let seconds = await node.announce(torrent, of: digest) { return seconds }
        }
        return nil
    }
}
