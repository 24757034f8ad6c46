import Address
import Hashing
import Metainfo
import Registry
import RegistryClient
import Swarm
import Threads

/// Files of a pull on a host without an agent, which are given on from where they are now.
package struct PulledContent: Sendable {
    private let view: RegistryView
    private let swarm: SwarmNode
    private let name: ContentName
    private let content: ResolvedContent

    /// Torrents that are asked for, and announces, at a time.
    private static let atOnce = 8
    /// Seconds until the next announce: the longest, and when no tracker answered.
    private static let (longest, retry) = (600.0, 10.0)

    /// - Parameter content: what was pulled.
    package init(view: RegistryView, swarm: SwarmNode, name: ContentName, content: ResolvedContent) {
        self.view = view
        self.swarm = swarm
        self.name = name
        self.content = content
    }

    private struct Given: Sendable {
        let torrent: Torrent
        let digest: SHA256Digest
        let path: String
    }

    /// Gives files to whoever asks for them, until its task is cancelled.
    /// - Parameter files: paths by what is in them.
    /// - Returns: false where nothing can be given: the swarm goes by a secret that this host was not told, or the engine fails.
    package func give(_ files: [BlobDigest: String]) async -> Bool {
        guard let cluster = try? await view.parts(now: Clocks.steadySeconds), cluster.swarms.reaches(name) else {
            return false
        }
        let secret = cluster.swarms.isOpen(name) ? nil : cluster.swarms.secret
        let wanted = files.filter { (content.blobs[$0.key]?.size ?? 0) > 0 && content.blobs[$0.key]?.content == nil }
        let given = await each(Array(wanted)) { digest, path in
            await torrent(of: digest, at: path, cluster)
        }
        var byHash: [SHA1Digest: Given] = [:]
        for one in given {
            let hash = one.torrent.info.hashes.primary
            byHash[secret?.wireHash(of: hash) ?? hash] = one
        }
        do {
            try await swarm.serve(PulledShelf(given: byHash.mapValues { ($0.torrent, $0.path) }, secret: secret))
        } catch {
            return false
        }
        await withTaskGroup(of: Void.self) { group in
            for one in given { group.addTask { await keepAnnouncing(one, cluster, secret) } }
        }
        return true
    }

    private func torrent(of digest: BlobDigest, at path: String, _ cluster: Cluster) async -> Given? {
        guard let blob = content.blobs[digest],
            let info = try? await view.info(of: blob, in: name, now: Clocks.steadySeconds)
        else { return nil }
        let trackers = Rendezvous.order(cluster.trackers, for: info.infoHash.bytes)
        return Given(
            torrent: Torrent(info: info.info, trackers: [trackers]), digest: digest.sha256, path: path)
    }

    private func keepAnnouncing(_ given: Given, _ cluster: Cluster, _ secret: SwarmSecret?) async {
        var options = TransferOptions().forBlob(given.digest)
        options.swarmSecret = secret
        options.trackerSecret = cluster.swarms.secret
        while !Task.isCancelled {
            let next = await swarm.announce(given.torrent, options: options)
            try? await Task.sleep(for: .seconds(min(Self.longest, max(1, next ?? Self.retry))))
        }
    }

    private func each<Element: Sendable, Value: Sendable>(
        _ elements: [Element], _ body: @escaping @Sendable (Element) async -> Value?
    ) async -> [Value] {
        await withTaskGroup(of: Value?.self) { group in
            var waiting = elements.makeIterator()
            func startOne() {
                if let element = waiting.next() { group.addTask { await body(element) } }
            }
            for _ in 0..<Self.atOnce { startOne() }
            var values: [Value] = []
            for await value in group {
                if let value { values.append(value) }
                startOne()
            }
            return values
        }
    }
}

/// Pulled files as the engine serves them. Peers verify what they are given.
private struct PulledShelf: Shelf {
    /// By the hash that a handshake has.
    let given: [SHA1Digest: (torrent: Torrent, path: String)]
    let secret: SwarmSecret?

    func mayHave(_ hash: SHA1Digest) -> Bool { given[hash] != nil }

    func open(_ hash: SHA1Digest) throws -> ShelvedContent? {
        given[hash].map { ShelvedContent(torrent: $0.torrent, path: $0.path, swarmSecret: secret) }
    }
}
