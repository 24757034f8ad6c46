// Origin: keeps what is pushed and gives it out.
//
// Purpose: the doors of a registry over the blobs of this host and an index of names: the OCI distribution API, what a pull
// needs in one request, torrents for any client. Must never: say that a push succeeded before it is durable and can be given.

import Backends
import BlobNode
import Blobs
import ColdStore
import Database
import OCI
import Registry
import TagIndex
import Threads

/// The blobs of an origin, as the OCI doors want them.
struct OriginBlobs: OCIBlobs {
    let node: BlobNode
    let uploads: UploadTable?
    /// Nil where nothing has a back end.
    let cold: ColdStore?
    var directory: BlobDirectory { node.directory }

    func obtain(_ digest: BlobDigest, for name: ContentName) async throws(OCIError) -> Int64? {
        if node.catalogue.entry(of: digest.sha256) == nil, let cold {
            let answer = await cold.reads.answer(
                for: digest, of: name, wish: .content, patience: ColdAnswers.patience)
            if let error = ColdAnswers.error(answer, digest) { throw error }
        }
        guard let entry = node.catalogue.entry(of: digest.sha256) else { return nil }
        node.catalogue.touch(digest.sha256, at: Clocks.wallSeconds)
        return entry.size
    }

    func size(of digest: BlobDigest, for name: ContentName) async throws(OCIError) -> Int64? {
        if let entry = node.catalogue.entry(of: digest.sha256) {
            node.catalogue.touch(digest.sha256, at: Clocks.wallSeconds)
            return entry.size
        }
        guard let cold else { return nil }
        do throws(BackendProblem) {
            return try await cold.reads.size(of: digest, in: name)
        } catch {
            throw ColdAnswers.error(.failed(error, again: 1), digest)
                ?? OCIError(503, .tooManyRequests, error.description)
        }
    }

    func pushed(_ blob: FinishedBlob, to name: ContentName) async throws(OCIError) {
        node.catalogue.add(blob.digest, blob.info, usedAt: Clocks.wallSeconds)
    }
}

/// A store of tags, as the OCI doors want it.
struct OriginIndex: OCIIndex {
    let store: any TagStore
    /// Nil where nothing has a back end.
    let cold: ColdStore?

    func manifest(_ name: ContentName, _ version: Reference.Version) async throws(OCIError) -> Manifest? {
        try await asked { store throws(StoreProblem) in
            switch version {
            case .digest(let digest): return try await store.manifest(digest, in: name)
            case .tag(let tag):
                guard let digest = try await store.digest(of: tag, in: name) else { return nil }
                return try await store.manifest(digest, in: name)
            }
        }
    }

    func put(_ manifest: Manifest, in name: ContentName, tags: [Tag], by author: Author) async throws(OCIError) {
        let outcome = try await asked { store throws(StoreProblem) in
            try await store.put(
                tags, digest: manifest.digest, manifest: manifest, in: name, expected: nil, by: author,
                at: Clocks.wallSeconds)
        }
        guard case .taken(let tag, let digest) = outcome else { return }
        throw OCIError(409, .denied, RegistryText.immutable(name, tag, digest))
    }

    func removeManifest(
        _ name: ContentName, _ digest: BlobDigest, by author: Author
    ) async throws(OCIError) -> Bool {
        try await asked { store throws(StoreProblem) in
            try await store.removeManifest(digest, in: name, by: author, at: Clocks.wallSeconds)
        }
    }

    func removeTag(_ name: ContentName, _ tag: Tag, by author: Author) async throws(OCIError) -> Bool {
        try await asked { store throws(StoreProblem) in
            try await store.removeTag(tag, in: name, by: author, at: Clocks.wallSeconds)
        }
    }

    func tags(of name: ContentName, after: String?, limit: Int) async throws(OCIError) -> [Tag]? {
        try await asked { store throws(StoreProblem) in
            try await store.tags(of: name, after: after, limit: limit)?.map(\.tag)
        }
    }

    func names(after: String?, limit: Int) async throws(OCIError) -> [ContentName] {
        try await asked { store throws(StoreProblem) in try await store.names(after: after, limit: limit) }
    }

    func referrers(to digest: BlobDigest, in name: ContentName) async throws(OCIError) -> [Manifest] {
        try await asked { store throws(StoreProblem) in try await store.referrers(to: digest, in: name) }
    }

    func hasBlob(_ digest: BlobDigest, in name: ContentName) async throws(OCIError) -> Bool {
        try await asked { store throws(StoreProblem) in try await store.hasBlob(digest, in: name) }
    }

    /// A name has a blob from now on, pushed or mounted: before that, the task is durable that brings it to its back end.
    func addBlob(_ digest: BlobDigest, to name: ContentName) async throws(OCIError) {
        do throws(DatabaseProblem) {
            try await cold?.writeBack.add(digest, for: name)
        } catch {
            throw error.isDisk
                ? OCIError(507, .denied, "no space is left at the registry")
                : OCIError(503, .tooManyRequests, "the registry's database does not answer: try again")
        }
        try await asked { store throws(StoreProblem) in try await store.addBlob(digest, to: name) }
    }

    func removeBlob(_ digest: BlobDigest, from name: ContentName) async throws(OCIError) -> Bool {
        try await asked { store throws(StoreProblem) in try await store.removeBlob(digest, from: name) }
    }

    private func asked<Value>(
        _ body: (any TagStore) async throws(StoreProblem) -> Value
    ) async throws(OCIError) -> Value {
        do {
            return try await body(store)
        } catch .disk {
            throw OCIError(507, .denied, "no space is left at the registry's index")
        } catch {
            throw OCIError(503, .tooManyRequests, "the registry's index does not answer: try again")
        }
    }
}
