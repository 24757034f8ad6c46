import HTTPServing
import Registry
import RegistryAccess

/// Why a call of an index was refused or failed.
package enum IndexError: Error, Hashable, Sendable {
    /// Blobs or manifests that the request refers to are at no origin, or the NAME does not have them.
    case missing(ContentName, blobs: [BlobDigest], manifests: [BlobDigest])
    /// A manifest has a wrong size for a blob.
    case wrongSize(BlobDigest, said: Int64, found: Int64)
    /// The tag is immutable and has, or had before it was deleted, another digest.
    case taken(ContentName, Tag, BlobDigest)
    /// The tag's present digest is this one (nil: there is no such tag), and not the one that the caller requires.
    case moved(ContentName, Tag, BlobDigest?)
    /// - Parameter newest: the tags of the NAME that were put last, newest first.
    case noTag(ContentName, Tag, newest: [Tag])
    case noName(ContentName)
    /// The NAME has neither a manifest nor a blob with this digest.
    case noDigest(ContentName, BlobDigest)
    /// The caller's token does not give access to the NAME.
    case unseen(ContentName)
    /// The request is malformed. `advice` tells what would be right.
    case malformed(String, advice: String)
    case manifest(ManifestError)
    /// The body of the request was too long or ended early.
    case body(String, status: Int)
    case store(TagStoreError)
    case origins(BlobFactsError)
}

/// The parts of an error response.
extension IndexError: CustomStringConvertible {
    /// The HTTP status.
    package var status: Int {
        switch self {
        case .missing, .wrongSize, .malformed, .manifest: 400
        case .unseen: 403
        case .noTag, .noName, .noDigest: 404
        case .taken: 409
        case .moved: 412
        case .body(_, let status): status
        case .store(.disk): 507
        case .store: 503
        case .origins(let error): error.status
        }
    }

    /// The error code for programs. Codes never change.
    package var code: String {
        switch self {
        case .missing(_, let blobs, _): blobs.isEmpty ? "MANIFEST_MISSING" : "BLOB_MISSING"
        case .wrongSize: "SIZE_INVALID"
        case .taken: "TAG_IMMUTABLE"
        case .moved: "TAG_MOVED"
        case .noTag: "TAG_UNKNOWN"
        case .noName: "NAME_UNKNOWN"
        case .noDigest: "DIGEST_UNKNOWN"
        case .unseen: "NAME_REFUSED"
        case .malformed: "REQUEST_INVALID"
        case .manifest: "MANIFEST_INVALID"
        case .body: "BODY_INVALID"
        case .store(.disk): "INDEX_DISK"
        case .store: "INDEX_UNAVAILABLE"
        case .origins(let error): error.code
        }
    }

    /// The message for people: what happened, and for some errors what to do.
    package var description: String {
        switch self {
        case .missing(let name, let blobs, let manifests):
            switch blobs.count {
            case 0: "\(name) has no manifest \(Self.list(manifests)): push it first"
            case 1: RegistryText.noBlob(blobs[0])
            default: "blobs \(Self.list(blobs)) are at no origin: push them again"
            }
        case .wrongSize(let digest, let said, let found): "\(digest) has \(found) bytes, and the manifest says \(said)"
        case .taken(let name, let tag, let digest): RegistryText.immutable(name, tag, digest)
        case .moved(let name, let tag, let digest?): "\(name):\(tag) is \(digest) by now"
        case .moved(let name, let tag, nil): "\(name):\(tag) names nothing"
        case .noTag(let name, let tag, let newest) where newest.isEmpty: "no tag \(name):\(tag)"
        case .noTag(let name, let tag, let newest):
            "no tag \(name):\(tag); newest: \(newest.map(\.text).joined(separator: ", "))"
        case .noName(let name): "nothing was ever pushed as \(name)"
        case .noDigest(let name, let digest): "\(name) has no manifest and no blob \(digest)"
        case .unseen(let name): ServiceContext.unseenText(name)
        case .malformed(let text, _): text
        case .manifest(let error): "\(error)"
        case .body(let text, _): text
        case .store(let error): "\(error)"
        case .origins(let error): "\(error)"
        }
    }

    package var advice: String {
        switch self {
        case .missing(_, let blobs, _):
            switch blobs.count {
            case 0: "push these manifests under this name first"
            case 1: "push it again"
            default: "push them again"
            }
        case .wrongSize: "make the manifest anew"
        case .taken: "choose another tag, or add a pattern to \"mutable\""
        case .moved: "look at the tag again, and decide anew"
        case .noTag(_, _, let newest): newest.isEmpty ? "push something as this tag" : "ask for one of the newest tags"
        case .noName: "look at the list of names"
        case .noDigest: "push it under this name"
        case .unseen: "use a token that is for this name"
        case .malformed(_, let advice): advice
        case .body: "send the whole body, within its limit"
        case .manifest: "send an OCI image manifest or index, with digests by sha256"
        case .store(.disk): "make room on the index's disk; nothing was changed"
        case .store, .origins: "try again"
        }
    }

    /// The digests that the error is about.
    package var digests: [BlobDigest] {
        switch self {
        case .missing(_, let blobs, let manifests): blobs + manifests
        case .wrongSize(let digest, _, _): [digest]
        case .taken(_, _, let digest), .noDigest(_, let digest): [digest]
        case .moved(_, _, let digest): digest.map { [$0] } ?? []
        default: []
        }
    }

    /// The seconds of `Retry-After`; nil where repeating the request does not help.
    package var retryAfter: Int? {
        switch self {
        case .origins(let error) where error.kind == .fetching: 2
        case .store, .origins: status == 503 ? 1 : nil
        default: nil
        }
    }

    /// The first three of some digests. A response has all of them in ``digests``.
    private static func list(_ digests: [BlobDigest]) -> String {
        let shown = digests.prefix(3).map(\.description).joined(separator: ", ")
        return digests.count > 3 ? shown + " and \(digests.count - 3) more" : shown
    }
}
