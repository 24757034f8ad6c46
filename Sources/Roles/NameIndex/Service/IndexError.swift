import Registry

/// Why an index refused or could not do something.
package enum IndexError: Error, Hashable, Sendable {
    /// No origin has these blobs.
    case missingBlobs([BlobDigest])
    /// The NAME has no manifests of these digests.
    case missingManifests(ContentName, [BlobDigest])
    /// The tag is immutable and names, or once named, another digest.
    case taken(ContentName, Tag, BlobDigest)
    /// The tag is in another state than the caller expects.
    case moved(ContentName, Tag, BlobDigest?)
    /// - Parameter newest: tags that the NAME has, the newest first.
    case noTag(ContentName, Tag, newest: [Tag])
    case noName(ContentName)
    /// The NAME has neither manifest nor blob of that digest.
    case noDigest(ContentName, BlobDigest)
    /// The request says something that cannot be: what, and what would be right.
    case malformed(String, advice: String)
    case manifest(ManifestError)
    /// The body of a request did not come whole.
    case body(String, status: Int)
    case store(TagStoreError)
    case origins(BlobFactsError)
}

/// As people and programs read it.
extension IndexError: CustomStringConvertible {
    /// HTTP status.
    package var status: Int {
        switch self {
        case .missingBlobs, .missingManifests, .malformed, .manifest: 400
        case .noTag, .noName, .noDigest: 404
        case .taken: 409
        case .moved: 412
        case .body(_, let status): status
        case .store, .origins: 503
        }
    }

    /// For programs; never changes.
    package var code: String {
        switch self {
        case .missingBlobs: "BLOB_MISSING"
        case .missingManifests: "MANIFEST_MISSING"
        case .taken: "TAG_IMMUTABLE"
        case .moved: "TAG_MOVED"
        case .noTag: "TAG_UNKNOWN"
        case .noName: "NAME_UNKNOWN"
        case .noDigest: "DIGEST_UNKNOWN"
        case .malformed: "REQUEST_INVALID"
        case .manifest: "MANIFEST_INVALID"
        case .body: "BODY_INVALID"
        case .store, .origins: "UNAVAILABLE"
        }
    }

    /// What happened, and what to do where that is short.
    package var description: String {
        switch self {
        case .missingBlobs(let digests) where digests.count == 1:
            "blob \(Self.list(digests)) is at no origin: push it again"
        case .missingBlobs(let digests): "blobs \(Self.list(digests)) are at no origin: push them again"
        case .missingManifests(let name, let digests): "\(name) has no manifest \(Self.list(digests)): push it first"
        case .taken(let name, let tag, let digest): RegistryText.immutable(name, tag, digest)
        case .moved(let name, let tag, let digest?): "\(name):\(tag) is \(digest) by now"
        case .moved(let name, let tag, nil): "\(name):\(tag) names nothing"
        case .noTag(let name, let tag, let newest) where newest.isEmpty: "no tag \(name):\(tag)"
        case .noTag(let name, let tag, let newest):
            "no tag \(name):\(tag); newest: \(newest.map(\.text).joined(separator: ", "))"
        case .noName(let name): "nothing was ever pushed as \(name)"
        case .noDigest(let name, let digest): "\(name) has no \(digest)"
        case .malformed(let text, _): text
        case .manifest(let error): "\(error)"
        case .body(let text, _): text
        case .store(let error): "\(error)"
        case .origins(let error): "\(error)"
        }
    }

    package var advice: String {
        switch self {
        case .missingBlobs(let digests): digests.count == 1 ? "push it again" : "push them again"
        case .missingManifests: "push these manifests under this name first"
        case .taken: "choose another tag, or add a pattern to \"mutable\""
        case .moved: "look at the tag again, and decide anew"
        case .noTag(_, _, let newest): newest.isEmpty ? "push something as this tag" : "ask for one of the newest tags"
        case .noName: "look at the list of names"
        case .noDigest: "push it under this name"
        case .malformed(_, let advice): advice
        case .body: "send the whole body, within its limit"
        case .manifest: "send an OCI image manifest or index, with digests by sha256"
        case .store, .origins: "try again"
        }
    }

    /// What the error is about.
    package var digests: [BlobDigest] {
        switch self {
        case .missingBlobs(let digests), .missingManifests(_, let digests): digests
        case .taken(_, _, let digest), .noDigest(_, let digest): [digest]
        case .moved(_, _, let digest): digest.map { [$0] } ?? []
        default: []
        }
    }

    /// The first few: a reply has them all in `digests`.
    private static func list(_ digests: [BlobDigest]) -> String {
        let shown = digests.prefix(3).map(\.description).joined(separator: ", ")
        return digests.count > 3 ? shown + " and \(digests.count - 3) more" : shown
    }
}
