import NameIndex
import OCI
import Registry
import Threads

/// An index in the same process, for the OCI distribution API of an origin.
package struct StoredIndex: OCIIndex {
    package typealias Joining = @Sendable (BlobDigest, ContentName) async throws(OCIError) -> Void

    private let service: IndexService
    private let joining: Joining?

    /// - Parameter joining: called before a blob is linked to a name, be it pushed or mounted. An error prevents the
    ///   link.
    package init(_ service: IndexService, joining: Joining? = nil) {
        self.service = service
        self.joining = joining
    }

    private var store: any TagStore { service.store }

    // MARK: Manifests and tags

    package func manifest(_ name: ContentName, _ version: Reference.Version) async throws(OCIError) -> Manifest? {
        // A client that finds a manifest by its digest does not push it again, and may refer to it in its next request.
        // So garbage collection must not remove it in between.
        if case .digest(let digest) = version { try? await store.touch([digest], of: name, at: Self.now) }
        let found = try await asked { () throws(TagStoreError) in
            try await store.resolve(Reference(name: name, version: version))
        }
        guard case .manifest(let stored)? = found else { return nil }
        return try? Manifest(stored.bytes, type: stored.mediaType)
    }

    package func put(_ manifest: Manifest, in name: ContentName, tags: [Tag], by author: Author) async throws(OCIError)
    {
        do throws(IndexError) {
            try await service.put(manifest, under: name, tags: tags, expecting: .anything, by: Self.act(author))
        } catch {
            throw OCIError(error)
        }
    }

    package func removeManifest(
        _ name: ContentName, _ digest: BlobDigest, by author: Author
    ) async throws(OCIError) -> Bool {
        try await asked { () throws(TagStoreError) in
            try await store.deleteManifest(digest, of: name, by: Self.act(author))
        }
    }

    package func removeTag(_ name: ContentName, _ tag: Tag, by author: Author) async throws(OCIError) -> Bool {
        let outcome = try await asked { () throws(TagStoreError) in
            try await store.delete(tag, of: name, expecting: .anything, by: Self.act(author))
        }
        if case .deleted = outcome { return true } else { return false }
    }

    // MARK: Lists

    package func tags(of name: ContentName, after: String?, limit: Int) async throws(OCIError) -> [Tag]? {
        let after = try Self.place(after) { Tag($0) }
        let tags = try await asked { () throws(TagStoreError) in
            try await store.tags(of: name, after: after, limit: limit)
        }
        guard tags.isEmpty else { return tags.map(\.tag) }
        return try await asked { () throws(TagStoreError) in try await store.exists(name) } ? [] : nil
    }

    package func names(after: String?, limit: Int) async throws(OCIError) -> [ContentName] {
        let after = try Self.place(after) { ContentName($0) }
        return try await asked { () throws(TagStoreError) in
            try await store.names(prefix: "", after: after, limit: limit)
        }
    }

    /// The entry after which a list continues; nil for the start of the list.
    private static func place<Entry>(_ text: String?, _ parse: (String) -> Entry?) throws(OCIError) -> Entry? {
        guard let text, !text.isEmpty else { return nil }
        guard let entry = parse(text) else { throw OCIError(400, .unsupported, "last is no entry of this list") }
        return entry
    }

    package func referrers(to digest: BlobDigest, in name: ContentName) async throws(OCIError) -> [Manifest] {
        try await referrers(to: digest, in: name) { $0 }
    }

    package func referrerList(to digest: BlobDigest, in name: ContentName) async throws(OCIError) -> [Descriptor] {
        try await referrers(to: digest, in: name, \.referrer)
    }

    /// Reads the manifests in pages, so that only `make`'s results stay in memory.
    private func referrers<Entry>(
        to digest: BlobDigest, in name: ContentName, _ make: (Manifest) -> Entry
    ) async throws(OCIError) -> [Entry] {
        var found: [Entry] = []
        var last: BlobDigest?
        while found.count < Self.mostReferrers {
            let page = try await asked { [last] () throws(TagStoreError) in
                try await store.referrers(
                    of: digest, under: name, artifactType: nil, after: last, limit: Self.referrersAtOnce)
            }
            found += page.compactMap { try? Manifest($0.bytes, type: $0.mediaType) }.map(make)
            guard page.count == Self.referrersAtOnce else { break }
            last = page.last?.digest
        }
        return found
    }

    private static let mostReferrers = 10_000
    private static let referrersAtOnce = 50

    // MARK: Blobs

    package func hasBlob(_ digest: BlobDigest, in name: ContentName) async throws(OCIError) -> Bool {
        // A client that finds the blob may refer to it next, so collection must leave it for another day. Touch it
        // before the look-up, so that collection cannot come in between. If the store cannot be written, the look-up
        // still works.
        try? await store.touch([digest], of: name, at: Self.now)
        return try await asked { () throws(TagStoreError) in try await !store.linked([digest], to: name).isEmpty }
    }

    package func addBlob(_ digest: BlobDigest, to name: ContentName) async throws(OCIError) {
        try await joining?(digest, name)
        try await asked { () throws(TagStoreError) in
            try await store.touch([digest], of: name, at: Self.now)
            guard try await store.linked([digest], to: name).isEmpty else { return }
            try await store.link([digest], to: name, at: Self.now)
        }
    }

    package func removeBlob(_ digest: BlobDigest, from name: ContentName) async throws(OCIError) -> Bool {
        try await asked { () throws(TagStoreError) in try await store.unlink(digest, from: name) }
    }

    // MARK: Parts

    private func asked<Value>(_ body: () async throws(TagStoreError) -> Value) async throws(OCIError) -> Value {
        do { return try await body() } catch { throw OCIError(.store(error)) }
    }

    /// Milliseconds since 1970.
    package static var now: Int64 { Clocks.wallMilliseconds }

    package static func act(_ author: Author) -> Act {
        Act(who: author.name, address: author.address, at: now, via: author.via)
    }
}

extension OCIError {
    /// An error of an index as clients of the OCI distribution API read it.
    package init(_ error: IndexError) {
        switch error {
        case .missing(_, let blobs, let manifests):
            self.init(
                400, .manifestBlobUnknown, "the manifest refers to what is not here: push that first",
                detail: .array((blobs + manifests).map { .object(["digest": .string($0.description)]) }))
        case .wrongSize: self.init(400, .sizeInvalid, error.description)
        case .taken: self.init(409, .denied, error.description)
        case .moved: self.init(412, .denied, error.description)
        case .noTag, .noDigest: self.init(404, .manifestUnknown, error.description)
        case .noName: self.init(404, .nameUnknown, error.description)
        case .unseen: self.init(403, .denied, error.description)
        case .malformed, .manifest, .body: self.init(error.status, .manifestInvalid, error.description)
        case .store(.disk): self.init(507, .denied, "no space is left at the registry's index")
        case .store: self.init(503, .tooManyRequests, "the registry's index does not answer: try again")
        case .origins(let problem):
            switch problem.kind {
            case .unavailable, .fetching: self.init(503, .tooManyRequests, error.description)
            case .full: self.init(507, .denied, error.description)
            case .wrong: self.init(502, .blobUnknown, error.description)
            }
        }
    }
}
