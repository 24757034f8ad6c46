import Registry

/// The store of an index: tags with their history, manifests, and which blobs each NAME has.
///
/// A change is durable when its call returns, and is visible to all later calls. Calls may be made at any time from any
/// task. Whether a tag may move is decided in the transaction that moves it. Times are milliseconds since 1970. Lists are
/// ordered by bytes, and begin after the entry `after`.
///
/// A NAME exists once a tag, manifest or blob was first put under it. A blob or manifest exists only under the NAMEs that
/// have it.
package protocol TagStore: ReplicationStore {
    var rules: TagRules { get }

    // MARK: Tags

    /// Puts a tag on a manifest or blob that the NAME has. The digest that the tag already has is always accepted, whatever
    /// the rules.
    /// - Parameter linking: whether the blob is added to the NAME if the tag is put.
    func put(
        _ tag: Tag, of name: ContentName, digest: BlobDigest, linking: Bool, expecting: Expectation, by act: Act
    ) async throws(TagStoreError) -> TagPutOutcome

    /// Deletes a tag. The manifest or blob that it was on stays.
    func delete(
        _ tag: Tag, of name: ContentName, expecting: Expectation, by act: Act
    ) async throws(TagStoreError) -> TagDeleteOutcome

    /// The present state of a tag; nil if there is no such tag.
    func record(of tag: Tag, of name: ContentName) async throws(TagStoreError) -> TagRecord?
    /// Resolves a tag or digest; nil if the NAME does not have it.
    func resolve(_ reference: Reference) async throws(TagStoreError) -> Resolved?

    func tags(of name: ContentName, after: Tag?, limit: Int) async throws(TagStoreError) -> [TagRecord]
    /// The tags that were put last, newest first.
    func newestTags(of name: ContentName, limit: Int) async throws(TagStoreError) -> [TagRecord]
    /// The changes of a tag, or of all tags of the NAME, newest first.
    /// - Parameter before: the id of a change, to continue with the changes before it.
    func history(
        of name: ContentName, tag: Tag?, before: Int64?, limit: Int
    ) async throws(TagStoreError) -> [TagEvent]

    /// The tags of all names at or below a path: `team` matches `team` and `team/app`. An empty path matches all names.
    /// - Parameter after: a reference with a tag.
    func tags(below path: String, after: Reference?, limit: Int) async throws(TagStoreError) -> [Reference]

    // MARK: Names

    /// The names that have a tag, a manifest or a blob.
    /// - Parameter prefix: the text with which the names begin.
    func names(prefix: String, after: ContentName?, limit: Int) async throws(TagStoreError) -> [ContentName]
    /// Whether a tag, manifest or blob was ever put under the NAME.
    func exists(_ name: ContentName) async throws(TagStoreError) -> Bool

    // MARK: Manifests

    /// Stores a manifest, if the NAME has all that it needs, and puts all of the tags on it, or none. Touches the manifest
    /// and all that it needs.
    /// - Parameter expecting: the expected state of each of the tags.
    func put(
        _ manifest: Manifest, under name: ContentName, tags: [Tag], expecting: Expectation, by act: Act
    ) async throws(TagStoreError) -> ManifestPutOutcome

    /// Deletes a manifest and the tags on it; false if the NAME does not have the manifest.
    func deleteManifest(
        _ digest: BlobDigest, of name: ContentName, by act: Act
    ) async throws(TagStoreError) -> Bool

    /// The manifests of the NAME whose `subject` is this digest, in order of their digests.
    /// - Parameter artifactType: the type of the manifests; nil for any.
    func referrers(
        of subject: BlobDigest, under name: ContentName, artifactType: String?, after: BlobDigest?, limit: Int
    ) async throws(TagStoreError) -> [StoredManifest]

    // MARK: Blobs

    /// Adds blobs to the NAME, and touches them.
    func link(_ digests: [BlobDigest], to name: ContentName, at: Int64) async throws(TagStoreError)
    /// Takes a blob from the NAME; false if the NAME does not have it.
    func unlink(_ digest: BlobDigest, from name: ContentName) async throws(TagStoreError) -> Bool
    /// The digests that the NAME has as blobs.
    func linked(_ digests: [BlobDigest], to name: ContentName) async throws(TagStoreError) -> Set<BlobDigest>
    /// The names that have the blob, at most `limit` of them.
    func names(having digest: BlobDigest, limit: Int) async throws(TagStoreError) -> [ContentName]
    /// Marks blobs and manifests of the NAME as used, so that garbage collection leaves them for its period. Digests that
    /// the NAME does not have are ignored. Rows that were touched within the last hour are not written again.
    func touch(_ digests: [BlobDigest], of name: ContentName, at: Int64) async throws(TagStoreError)

    // MARK: Collection

    /// All digests that a tag reaches: manifests, the blobs and manifests that they need, and manifests whose `subject` is
    /// reached.
    func reached() async throws(TagStoreError) -> Set<BlobDigest>
    /// The digests that at least one NAME has, as a blob or a manifest. Origins ask for this before they delete blobs.
    func held(_ digests: [BlobDigest]) async throws(TagStoreError) -> Set<BlobDigest>
    /// Takes from each NAME the manifests and blobs that none of its tags reaches and that were not touched since a time.
    /// - Parameter dryRun: only counts.
    func collect(untouchedSince: Int64, dryRun: Bool) async throws(TagStoreError) -> Collected

    /// Whether a collection is due. If so, its time is recorded as now, so that only one of the indexes of a store gets
    /// true.
    /// - Parameters:
    ///   - now: milliseconds since 1970.
    ///   - period: milliseconds from one collection to the next, and from the first of these calls to the first collection.
    func claimCollection(now: Int64, period: Int64) async throws(TagStoreError) -> Bool
    /// Changes the recorded time of the last collection: after a failure, so that the next one is due sooner.
    func setLastCollection(_ time: Int64) async throws(TagStoreError)

    func counts() async throws(TagStoreError) -> StoreCounts
    /// Ends all calls that are under way, and closes the store.
    func close() async
}

/// Milliseconds after a touch in which further touches are not written. Collection keeps everything for this much longer.
let touchInterval: Int64 = 3_600_000
