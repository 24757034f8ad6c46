import Registry

/// Who changes something, when and from where: what the history of a tag says.
package struct Act: Hashable, Sendable {
    /// The name of the caller's token; never a secret.
    package let who: String
    /// The caller's address.
    package let address: String
    /// Milliseconds since 1970.
    package let at: Int64
    /// Other registries that it has come through.
    package let via: ClusterPath

    package init(who: String, address: String, at: Int64, via: ClusterPath = .none) {
        self.who = who
        self.address = address
        self.at = at
        self.via = via
    }
}

/// What a caller takes for a tag's present state: `If-Match`, or `If-None-Match: *`.
package enum Expectation: Hashable, Sendable {
    case anything
    case digest(BlobDigest)
    /// It names something.
    case present
    case absent
}

/// A tag that names something.
package struct TagRecord: Hashable, Sendable {
    package let tag: Tag
    package let digest: BlobDigest
    /// When it came to name that, in milliseconds since 1970.
    package let at: Int64

    package init(tag: Tag, digest: BlobDigest, at: Int64) {
        self.tag = tag
        self.digest = digest
        self.at = at
    }
}

/// One change of a tag.
package struct TagEvent: Hashable, Sendable {
    /// Rises with each change.
    package let id: Int64
    package let tag: Tag
    /// Nil for a deletion.
    package let digest: BlobDigest?
    package let act: Act

    package init(id: Int64, tag: Tag, digest: BlobDigest?, act: Act) {
        self.id = id
        self.tag = tag
        self.digest = digest
        self.act = act
    }
}

/// What came of a tag that was to name a digest.
package enum TagPutOutcome: Hashable, Sendable {
    /// It names that already; nothing changed.
    case same
    case put
    /// It is immutable and names, or once named, another digest.
    case taken(BlobDigest)
    /// The caller expected another state; this is what the tag names.
    case moved(BlobDigest?)
    /// The NAME has neither manifest nor blob of that digest.
    case unknown
}

package enum TagDeleteOutcome: Hashable, Sendable {
    /// It named this.
    case deleted(BlobDigest)
    case unknown
    /// The caller expected another state; this is what the tag names.
    case moved(BlobDigest)
}

/// What came of a manifest that was put. Nothing changed but where it is `stored`.
package enum ManifestPutOutcome: Hashable, Sendable {
    case stored
    /// The NAME lacks blobs or manifests that it refers to.
    case missing([BlobDigest])
    /// A tag that it was to have is immutable and names, or once named, another digest.
    case taken(Tag, BlobDigest)
    /// The caller expected another state of a tag; this is what the tag names.
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

/// What a tag or digest of a NAME leads to.
package enum Resolved: Hashable, Sendable {
    case manifest(StoredManifest)
    /// A blob that the NAME has, or that a tag of it names.
    case blob(BlobDigest)

    package var digest: BlobDigest {
        switch self {
        case .manifest(let manifest): manifest.digest
        case .blob(let digest): digest
        }
    }
}

/// What collection took away.
package struct Collected: Hashable, Sendable {
    package var manifests = 0
    /// Blobs that left a NAME. One that no NAME has any more is for origins to delete.
    package var links = 0

    package init(manifests: Int = 0, links: Int = 0) {
        self.manifests = manifests
        self.links = links
    }
}

/// How much a store holds.
package struct StoreCounts: Hashable, Sendable {
    package let names: Int
    /// That name something.
    package let tags: Int
    package let manifests: Int

    package init(names: Int, tags: Int, manifests: Int) {
        self.names = names
        self.tags = tags
        self.manifests = manifests
    }
}
