import Registry

/// Where an index keeps tags, their history, manifests and what blobs each NAME has.
///
/// A change is durable when its call returns, and each call after that sees it. Calls may come at any time from any task. Whether
/// a tag may move is decided in the transaction that moves it. Times are milliseconds since 1970. Lists are in the order of
/// their bytes, and begin after `after`.
///
/// A NAME exists from the first time that something comes under it. A blob or manifest exists only under NAMEs that have it.
package protocol TagStore: ReplicationStore {
    var rules: TagRules { get }

    // MARK: Tags

    /// Has the tag name a manifest or blob that the NAME has. A digest that the tag has already succeeds, whatever the rules.
    /// - Parameter linking: the NAME is to have the blob from now on, if the tag comes to name it.
    func put(
        _ tag: Tag, of name: ContentName, digest: BlobDigest, linking: Bool, expecting: Expectation, by act: Act
    ) async throws(TagStoreError) -> TagPutOutcome

    /// The tag names nothing any more; what it named stays.
    func delete(
        _ tag: Tag, of name: ContentName, expecting: Expectation, by act: Act
    ) async throws(TagStoreError) -> TagDeleteOutcome

    /// Nil if the tag names nothing.
    func record(of tag: Tag, of name: ContentName) async throws(TagStoreError) -> TagRecord?
    /// What a tag or digest leads to.
    func resolve(_ reference: Reference) async throws(TagStoreError) -> Resolved?

    func tags(of name: ContentName, after: Tag?, limit: Int) async throws(TagStoreError) -> [TagRecord]
    /// The ones put last, the newest first.
    func newestTags(of name: ContentName, limit: Int) async throws(TagStoreError) -> [TagRecord]
    /// Changes of a tag, or of all tags of the NAME, the newest first; those before the one with the id `before`.
    func history(
        of name: ContentName, tag: Tag?, before: Int64?, limit: Int
    ) async throws(TagStoreError) -> [TagEvent]

    /// Tags of all names at or below a path, as `team` is of `team` and `team/app`; all for an empty path.
    /// - Parameter after: a reference by tag.
    func tags(below path: String, after: Reference?, limit: Int) async throws(TagStoreError) -> [Reference]

    // MARK: Names

    /// Names with a tag, a manifest or a blob.
    /// - Parameter prefix: only names that begin with this text.
    func names(prefix: String, after: ContentName?, limit: Int) async throws(TagStoreError) -> [ContentName]
    /// Whether anything ever came under it.
    func exists(_ name: ContentName) async throws(TagStoreError) -> Bool

    // MARK: Manifests

    /// Stores a manifest, if the NAME has all that it needs, and has the tags name it, all or none. Touches it and what it refers to.
    /// - Parameter expecting: the state of each of the tags.
    func put(
        _ manifest: Manifest, under name: ContentName, tags: [Tag], expecting: Expectation, by act: Act
    ) async throws(TagStoreError) -> ManifestPutOutcome

    /// Deletes a manifest and the tags that name it; false if the NAME does not have it.
    func deleteManifest(
        _ digest: BlobDigest, of name: ContentName, by act: Act
    ) async throws(TagStoreError) -> Bool

    /// Manifests of the NAME whose `subject` is this, by digest.
    /// - Parameter artifactType: only those of this type.
    func referrers(
        of subject: BlobDigest, under name: ContentName, artifactType: String?, after: BlobDigest?, limit: Int
    ) async throws(TagStoreError) -> [StoredManifest]

    // MARK: Blobs

    /// The NAME has these blobs from now on. Touches them.
    func link(_ digests: [BlobDigest], to name: ContentName, at: Int64) async throws(TagStoreError)
    /// False if the NAME does not have it.
    func unlink(_ digest: BlobDigest, from name: ContentName) async throws(TagStoreError) -> Bool
    /// Those that the NAME has as blobs.
    func linked(_ digests: [BlobDigest], to name: ContentName) async throws(TagStoreError) -> Set<BlobDigest>
    /// Names that have the blob.
    func names(having digest: BlobDigest, limit: Int) async throws(TagStoreError) -> [ContentName]
    /// Blobs and manifests of the NAME are in use: collection leaves them for its time. Digests that the NAME does not have are
    /// passed over. What was touched within the last hour is not written again.
    func touch(_ digests: [BlobDigest], of name: ContentName, at: Int64) async throws(TagStoreError)

    // MARK: Collection

    /// All digests that some tag reaches: manifests, what they refer to, and manifests about those.
    func reached() async throws(TagStoreError) -> Set<BlobDigest>
    /// Of these, the ones that some NAME has, as blob or manifest: an origin asks as it deletes.
    func held(_ digests: [BlobDigest]) async throws(TagStoreError) -> Set<BlobDigest>
    /// Takes from each NAME what none of its tags reaches and nobody touched since that time.
    /// - Parameter dryRun: only counts.
    func collect(untouchedSince: Int64, dryRun: Bool) async throws(TagStoreError) -> Collected

    /// Whether a collection is due. If so it counts as begun now: of the indexes of a store that ask, one hears so.
    /// - Parameters:
    ///   - now: milliseconds since 1970.
    ///   - period: milliseconds from one collection to the next, and from the first of these calls to the first collection.
    func claimCollection(now: Int64, period: Int64) async throws(TagStoreError) -> Bool
    /// The last collection counts as begun then: it failed, and the next is to come sooner.
    func setLastCollection(_ time: Int64) async throws(TagStoreError)

    func counts() async throws(TagStoreError) -> StoreCounts
    /// Ends all that is under way.
    func close() async
}

/// How long what was touched is not touched again, in milliseconds: collection keeps everything so much longer.
let touchInterval: Int64 = 3_600_000
