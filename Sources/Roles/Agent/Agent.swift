import Address
import BlobNode
import Blobs
import Files
import Hashing
import Logging
import Metainfo
import Registry
import RegistryClient
import Synchronization
import Threads

/// Why a blob could not be had.
package enum AgentError: Error, Sendable, CustomStringConvertible {
    case registry(RegistryError)
    case fetch(BlobDigest, FetchProblem)
    case disk(SystemError)

    package var description: String {
        switch self {
        case .registry(let error): error.description
        case .fetch(let digest, let problem): "\(digest): \(problem)"
        case .disk(let error): "the agent's cache: \(error)"
        }
    }
}

extension AgentError {
    /// Whether the registry does not know what is asked for.
    var isUnknown: Bool { if case .registry(.unknown) = self { true } else { false } }
}

/// Pulls for a host: resolves at the registry, fetches from the swarm into the cache, each blob once.
package final class Agent: Sendable {
    package let node: BlobNode
    package let view: RegistryView
    package let fetches: BlobFetches
    private let logger: Logger
    /// What manifests need does not change. The newest are last.
    private let known = Mutex<[(reference: Reference, content: ResolvedContent)]>([])
    private static let mostKnown = 64

    package init(node: BlobNode, view: RegistryView, logger: Logger) {
        self.node = node
        self.view = view
        self.logger = logger
        fetches = BlobFetches(node)
    }

    package func start() async throws { try await node.start() }

    package func stop() async {
        await fetches.stop()
        await view.shutdown()
    }

    package func resolve(_ reference: Reference) async throws(AgentError) -> ResolvedContent {
        if let content = known.withLock({ $0.last { $0.reference == reference }?.content }) { return content }
        let content: ResolvedContent
        do {
            content = try await view.resolve(reference, now: Clocks.steadySeconds)
        } catch {
            throw .registry(error)
        }
        let fixed = Reference(name: reference.name, version: .digest(content.digest))
        known.withLock { known in
            known.removeAll { $0.reference == fixed }
            known.append((fixed, content))
            if known.count > Self.mostKnown { known.removeFirst() }
        }
        return content
    }

    /// Brings a blob of a manifest into the cache.
    package func obtain(
        _ digest: BlobDigest, in manifest: BlobDigest, of name: ContentName
    ) async throws(AgentError) {
        let content = try await resolve(Reference(name: name, version: .digest(manifest)))
        guard let blob = content.blobs[digest] else {
            throw .registry(.unknown("the manifest \(manifest) has no blob \(digest)"))
        }
        try await obtain(blob, of: name)
    }

    /// Brings all blobs of a content into the cache, several at a time.
    package func obtainAll(_ content: ResolvedContent, of name: ContentName) async throws(AgentError) {
        let failure = await withTaskGroup(of: AgentError?.self) { group in
            var waiting = content.blobs.values.sorted { $0.size > $1.size }[...]
            var failure: AgentError?
            func startNext() {
                guard failure == nil, let blob = waiting.popFirst() else { return }
                group.addTask {
                    do throws(AgentError) {
                        try await self.obtain(blob, of: name)
                        return nil
                    } catch {
                        return error
                    }
                }
            }
            for _ in 0..<8 { startNext() }
            for await problem in group {
                failure = failure ?? problem
                startNext()
            }
            return failure
        }
        if let failure { throw failure }
    }

    /// Takes a blob out of the cache. Whoever reads it at this moment reads it to its end.
    package func remove(_ digest: SHA256Digest) async {
        await fetches.forget(digest)
        node.catalogue.remove(digest)
        await Threads.offload { [node] in _ = try? node.directory.remove(digest) }
    }

    /// Brings a blob into the cache. Returns when it is whole and durable.
    package func obtain(_ blob: ResolvedContent.Blob, of name: ContentName) async throws(AgentError) {
        let digest = blob.digest.sha256
        if node.catalogue.entry(of: digest) != nil {
            return node.catalogue.touch(digest, at: Clocks.wallSeconds)
        }
        if let content = blob.content { return try await store(content, digest) }
        let now = Clocks.steadySeconds
        let plan: BlobFetches.Plan
        do {
            let info = try await view.info(of: blob, in: name, now: now)
            let cluster = try await view.parts(now: now)
            let owners = cluster.owners(of: blob.digest).compactMap(\.peers)
            plan = BlobFetches.Plan(info: info, peers: owners, trackers: Self.order(cluster.trackers, info.infoHash))
        } catch {
            throw .registry(error)
        }
        do {
            try await fetches.fetch(plan)
        } catch {
            throw .fetch(blob.digest, error)
        }
    }

    /// All agents that want a blob ask the same tracker first, so that they find each other.
    private static func order(_ trackers: [String], _ infoHash: SHA1Digest) -> [String] {
        Rendezvous.order(trackers, for: infoHash.bytes)
    }

    /// Keeps a small blob that came with an answer; it was held against its digest there.
    private func store(_ content: [UInt8], _ digest: SHA256Digest) async throws(AgentError) {
        let result = await Threads.offload { [node] in
            Result {
                let upload = try BlobUpload(in: node.directory)
                try upload.enter(at: nil)
                try content.withUnsafeBytes { bytes in Result { try upload.append([bytes]) } }.get()
                return try upload.finish(digest)
            }
        }
        switch result {
        case .success(let blob): node.catalogue.add(digest, blob.info, usedAt: Clocks.wallSeconds)
        case .failure(UploadProblem.disk(let error)): throw .disk(error)
        case .failure(let error as SystemError): throw .disk(error)
        case .failure: throw .disk(SystemError.input)
        }
    }
}
