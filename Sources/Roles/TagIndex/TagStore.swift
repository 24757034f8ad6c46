import Registry

// TagIndex: which manifest each tag names, and what each name has.
//
// Purpose: the store of names, tags, manifests and their history, and its doors over HTTP. Must never: say that a tag was put
// before that is durable; let an immutable tag name another digest.

/// Why a store does not answer.
package enum StoreProblem: Error, Sendable, Hashable {
    /// It cannot be reached, or does not work.
    case unavailable(String)
    /// No space left, or its disk fails.
    case disk(String)
}

/// A tag as a list has it.
package struct TagEntry: Sendable, Hashable {
    package let tag: Tag
    package let digest: BlobDigest
    /// When it was put last, in seconds since 1970.
    package let at: Double
}

/// One change of a tag.
package struct TagChange: Sendable, Hashable {
    package let tag: Tag
    /// Nil where the tag was deleted.
    package let digest: BlobDigest?
    /// Seconds since 1970.
    package let at: Double
    package let author: Author
}

/// What became of a request that tags shall name something.
package enum PutOutcome: Sendable, Hashable {
    /// The tags name it; at least one did not before.
    case put
    /// They did already.
    case same
    /// This tag is immutable and names, or named last, another digest. Nothing was changed.
    case taken(Tag, BlobDigest)
    /// The tag does not name what the caller takes it to name, but this. Nothing was changed.
    case moved(Tag, BlobDigest?)
}

/// Names, tags and manifests. Every change is durable when its call returns, and is seen by every later read.
package protocol TagStore: Sendable {
    /// What a tag names; nil when there is no such tag.
    func digest(of tag: Tag, in name: ContentName) async throws(StoreProblem) -> BlobDigest?
    /// A manifest that a name has.
    func manifest(_ digest: BlobDigest, in name: ContentName) async throws(StoreProblem) -> Manifest?

    /// Lets tags name a manifest or a blob that the name has.
    /// - Parameters:
    ///   - manifest: stored with them; nil for a blob, or a manifest that is there.
    ///   - expected: what the caller takes the tags to name now; nil if it does not say.
    ///   - at: seconds since 1970.
    func put(
        _ tags: [Tag], digest: BlobDigest, manifest: Manifest?, in name: ContentName, expected: BlobDigest?,
        by author: Author, at: Double
    ) async throws(StoreProblem) -> PutOutcome
    /// - Returns: false when there was no such tag.
    func removeTag(_ tag: Tag, in name: ContentName, by author: Author, at: Double) async throws(StoreProblem) -> Bool
    /// Removes a manifest from a name, and the tags that name it.
    func removeManifest(
        _ digest: BlobDigest, in name: ContentName, by author: Author, at: Double
    ) async throws(StoreProblem) -> Bool

    /// In the order of their bytes, after one of them; nil for a name that has nothing.
    func tags(of name: ContentName, after: String?, limit: Int) async throws(StoreProblem) -> [TagEntry]?
    func names(after: String?, limit: Int) async throws(StoreProblem) -> [ContentName]
    /// The latest change first.
    /// - Parameter tag: nil for all tags of the name.
    func history(of tag: Tag?, in name: ContentName, limit: Int) async throws(StoreProblem) -> [TagChange]
    /// The tag of a name that was put last; nil for a name without one.
    func newestTag(of name: ContentName) async throws(StoreProblem) -> Tag?
    /// The manifests under a name that are about another one.
    func referrers(to digest: BlobDigest, in name: ContentName) async throws(StoreProblem) -> [Manifest]

    func hasBlob(_ digest: BlobDigest, in name: ContentName) async throws(StoreProblem) -> Bool
    func addBlob(_ digest: BlobDigest, to name: ContentName) async throws(StoreProblem)
    func removeBlob(_ digest: BlobDigest, from name: ContentName) async throws(StoreProblem) -> Bool
}
