import Registry

/// The author, the address and the time of a change, as a tag's history records them.
package struct Act: Hashable, Sendable {
    /// The name of the caller's token, never the token's secret.
    package let who: String
    /// The caller's address.
    package let address: String
    /// Milliseconds since 1970.
    package let at: Int64
    /// The registries through which a replicated change came.
    package let via: ClusterPath

    package init(who: String, address: String, at: Int64, via: ClusterPath = .none) {
        self.who = who
        self.address = address
        self.at = at
        self.via = via
    }
}

/// The state that a caller requires a tag to have (`If-Match`, or `If-None-Match: *`).
package enum Expectation: Hashable, Sendable {
    case anything
    case digest(BlobDigest)
    /// The tag exists, with any digest.
    case present
    case absent
}

/// The present state of a tag.
package struct TagRecord: Hashable, Sendable {
    package let tag: Tag
    package let digest: BlobDigest
    /// When the tag got this digest, in milliseconds since 1970.
    package let at: Int64

    package init(tag: Tag, digest: BlobDigest, at: Int64) {
        self.tag = tag
        self.digest = digest
        self.at = at
    }
}

/// One change of a tag.
package struct TagEvent: Hashable, Sendable {
    /// Increases with each change.
    package let id: Int64
    package let tag: Tag
    /// The digest that the tag was put on; of a deletion the one that it had.
    package let digest: BlobDigest?
    package let isDeletion: Bool
    package let act: Act

    package init(id: Int64, tag: Tag, digest: BlobDigest?, isDeletion: Bool, act: Act) {
        self.id = id
        self.tag = tag
        self.digest = digest
        self.isDeletion = isDeletion
        self.act = act
    }
}

/// The outcome of putting a tag on a digest.
package enum TagPutOutcome: Hashable, Sendable {
    /// The tag already has this digest; nothing changed.
    case same
    case put
    /// The tag is immutable and has, or had before it was deleted, another digest.
    case taken(BlobDigest)
    /// The caller required another state; this is the tag's present digest.
    case moved(BlobDigest?)
    /// The NAME has neither a manifest nor a blob with this digest.
    case unknown
}

package enum TagDeleteOutcome: Hashable, Sendable {
    /// The tag is deleted; it had this digest.
    case deleted(BlobDigest)
    case unknown
    /// The caller required another state; this is the tag's present digest.
    case moved(BlobDigest)
}

/// The outcome of putting a manifest. Nothing changed, except for `stored`.
package enum ManifestPutOutcome: Hashable, Sendable {
    case stored
    /// The NAME lacks these blobs or manifests, which the manifest needs.
    case missing([BlobDigest])
    /// This tag is immutable and has, or had before it was deleted, another digest.
    case taken(Tag, BlobDigest)
    /// The caller required another state of this tag; this is the tag's present digest.
    case moved(Tag, BlobDigest?)
}

/// A manifest that a NAME has.
package struct StoredManifest: Hashable, Sendable {
    package let digest: BlobDigest
    package let mediaType: String
    package let artifactType: String?
    package let subject: BlobDigest?
    package let bytes: [UInt8]

    package init(
        digest: BlobDigest, mediaType: String, artifactType: String?, subject: BlobDigest?, bytes: [UInt8]
    ) {
        self.digest = digest
        self.mediaType = mediaType
        self.artifactType = artifactType
        self.subject = subject
        self.bytes = bytes
    }
}

/// The manifest or blob to which a tag or digest of a NAME resolves.
package enum Resolved: Hashable, Sendable {
    case manifest(StoredManifest)
    /// A blob that the NAME has, or that one of its tags is on.
    case blob(BlobDigest)

    package var digest: BlobDigest {
        switch self {
        case .manifest(let manifest): manifest.digest
        case .blob(let digest): digest
        }
    }
}

/// The numbers of manifests and blobs that garbage collection took from NAMEs.
package struct Collected: Hashable, Sendable {
    package var manifests = 0
    /// Blobs that were taken from a NAME. Origins delete a blob once no NAME has it.
    package var links = 0

    package init(manifests: Int = 0, links: Int = 0) {
        self.manifests = manifests
        self.links = links
    }
}

/// The numbers of a store's entries.
package struct StoreCounts: Hashable, Sendable {
    package let names: Int
    /// Tags that are not deleted.
    package let tags: Int
    package let manifests: Int

    package init(names: Int, tags: Int, manifests: Int) {
        self.names = names
        self.tags = tags
        self.manifests = manifests
    }
}
