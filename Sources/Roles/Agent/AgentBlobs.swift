import BlobNode
import Blobs
import HTTPServing
import HTTPTypes
import Hummingbird
import OCI
import Registry
import RegistryClient
import Threads

/// The blobs of an agent, for the OCI distribution API: read-only, and fetched from the registry's swarm on request.
package struct AgentBlobs: OCIBlobs {
    let answer: BlobAnswer
    var agent: Agent { answer.agent }

    package var directory: BlobDirectory { agent.node.directory }
    package var uploads: UploadTable? { nil }

    package func obtain(_ digest: BlobDigest, for name: ContentName) async throws(OCIError) -> Int64? {
        if let entry = agent.node.catalogue.touch(digest.sha256, at: Clocks.wallSeconds) { return entry.size }
        do throws(AgentError) {
            let content = try await agent.resolve(Reference(name: name, version: .digest(digest)))
            guard let blob = content.blobs[digest] else { return nil }
            try await agent.obtain(blob, of: name)
            return blob.size
        } catch {
            throw Self.error(error) ?? OCIError(404, .blobUnknown, RegistryText.noBlob(digest))
        }
    }

    package func response(
        _ digest: BlobDigest, for name: ContentName, to head: HTTPRequest, headers: HTTPFields,
        in context: ServiceContext
    ) async throws(OCIError) -> Response? {
        if let response = await answer.cached(digest, head, headers, context) { return response }
        do throws(AgentError) {
            let content = try await agent.resolve(Reference(name: name, version: .digest(digest)))
            guard let blob = content.blobs[digest] else { return nil }
            return try await answer.response(blob, of: name, to: head, headers: headers, in: context)
        } catch {
            throw Self.error(error) ?? OCIError(404, .blobUnknown, RegistryText.noBlob(digest))
        }
    }

    package func pushed(_ blob: FinishedBlob, to name: ContentName) async throws(OCIError) {}

    /// Nil if the registry has no such name, tag or blob.
    static func error(_ error: AgentError) -> OCIError? {
        switch error {
        case .registry(.unknown): nil
        case _ where error.isLackOfRoom: OCIError(507, .denied, "no space is left in the agent's cache")
        default: OCIError(503, .unavailable, error.description)
        }
    }
}

/// The names of the registry, for the OCI distribution API of an agent: read-only.
package struct AgentIndex: OCIIndex {
    let agent: Agent
    /// Whether callers may have any blob that is cached, under whichever name it came. Callers with tokens may be limited to
    /// some names.
    let givesAnyCached: Bool

    package init(_ agent: Agent, givesAnyCached: Bool) {
        self.agent = agent
        self.givesAnyCached = givesAnyCached
    }

    package func manifest(_ name: ContentName, _ version: Reference.Version) async throws(OCIError) -> Manifest? {
        do throws(AgentError) {
            let content = try await agent.resolve(Reference(name: name, version: version))
            return content.manifests[content.digest]
        } catch {
            if let error = AgentBlobs.error(error) { throw error }
            return nil
        }
    }

    /// Whether a name has a blob: resolves NAME@DIGEST at the registry to find out.
    package func hasBlob(_ digest: BlobDigest, in name: ContentName) async throws(OCIError) -> Bool {
        do throws(AgentError) {
            return try await agent.resolve(Reference(name: name, version: .digest(digest))).blobs[digest] != nil
        } catch {
            guard let error = AgentBlobs.error(error) else { return false }
            // While the registry does not answer, what is cached is available.
            guard agent.node.catalogue.entry(of: digest.sha256) != nil else { throw error }
            if givesAnyCached { return true }
            throw error
        }
    }

    private static let readOnly = OCIError(405, .unsupported, "this is an agent: push to the registry")

    package func put(
        _ manifest: Manifest, in name: ContentName, tags: [Tag], by author: Author
    ) async throws(OCIError) { throw Self.readOnly }
    package func removeManifest(
        _ name: ContentName, _ digest: BlobDigest, by author: Author
    ) async throws(OCIError) -> Bool { throw Self.readOnly }
    package func removeTag(_ name: ContentName, _ tag: Tag, by author: Author) async throws(OCIError) -> Bool {
        throw Self.readOnly
    }
    package func tags(of name: ContentName, after: String?, limit: Int) async throws(OCIError) -> [Tag]? {
        try await asked { () throws(RegistryError) in
            try await agent.view.tags(of: name, after: after, limit: limit, now: Clocks.steadySeconds)
        }
    }
    package func referrerList(to digest: BlobDigest, in name: ContentName) async throws(OCIError) -> [Descriptor] {
        try await asked { () throws(RegistryError) in
            try await agent.view.referrers(to: digest, in: name, now: Clocks.steadySeconds)
        }
    }
    private func asked<Value>(
        _ body: () async throws(RegistryError) -> Value
    ) async throws(OCIError) -> Value {
        do throws(RegistryError) {
            return try await body()
        } catch {
            throw AgentBlobs.error(.registry(error)) ?? OCIError(404, .nameUnknown, error.description)
        }
    }
    package func names(after: String?, limit: Int) async throws(OCIError) -> [ContentName] {
        throw OCIError(405, .unsupported, "this is an agent: ask the registry for its names")
    }
    package func referrers(to digest: BlobDigest, in name: ContentName) async throws(OCIError) -> [Manifest] {
        throw Self.readOnly
    }
    package func addBlob(_ digest: BlobDigest, to name: ContentName) async throws(OCIError) { throw Self.readOnly }
    package func removeBlob(_ digest: BlobDigest, from name: ContentName) async throws(OCIError) -> Bool {
        throw Self.readOnly
    }
}
