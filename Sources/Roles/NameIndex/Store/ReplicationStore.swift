import Registry

/// A tag that another registry is to get.
package struct ReplicationTask: Hashable, Sendable {
    /// The URL of the other registry.
    package let remote: String
    package let name: ContentName
    package let tag: Tag
    package let digest: BlobDigest
    /// The registries that it has come through, this one last.
    package let via: ClusterPath
    /// When it is tried next, in milliseconds since 1970; nil for one that has ended with a problem.
    package let due: Int64?
    /// In a row.
    package let failures: Int
    /// Why it failed last; empty if it did not.
    package let problem: String
    /// A blob that is being sent, and where: what an earlier try began. Empty for none.
    package let upload: String

    package init(
        remote: String, name: ContentName, tag: Tag, digest: BlobDigest, via: ClusterPath, due: Int64?,
        failures: Int = 0, problem: String = "", upload: String = ""
    ) {
        self.remote = remote
        self.name = name
        self.tag = tag
        self.digest = digest
        self.via = via
        self.due = due
        self.failures = failures
        self.problem = problem
        self.upload = upload
    }
}

/// The tags that other registries are still to get. A tag that comes to name something has its tasks in the same transaction. There is
/// one task for a tag at a remote: that for what it names last.
package protocol ReplicationStore: Sendable {
    var remotes: Remotes { get }
    /// The name of this registry, which it gave itself: letters and digits.
    func cluster() async throws(TagStoreError) -> String

    /// Has all remotes that are to get a tag get it now, whatever came of it before.
    /// - Returns: false if the tag names nothing.
    func replicate(_ tag: Tag, of name: ContentName, at: Int64) async throws(TagStoreError) -> Bool
    /// Those of a tag that have not succeeded.
    func replications(of tag: Tag, of name: ContentName) async throws(TagStoreError) -> [ReplicationTask]

    /// Tasks that are due, which are nobody else's until `lease`.
    func takeReplications(
        to remote: String, now: Int64, lease: Int64, limit: Int
    ) async throws(TagStoreError) -> [ReplicationTask]
    /// The remote has it, unless the tag names something else by now.
    func endReplication(_ task: ReplicationTask) async throws(TagStoreError)
    /// - Parameter due: nil to try no more.
    func postponeReplication(
        _ task: ReplicationTask, to due: Int64?, failures: Int, problem: String
    ) async throws(TagStoreError)
    func noteUpload(_ upload: String, of task: ReplicationTask) async throws(TagStoreError)
    /// After a start: what an earlier process had taken is due. Only where no other index has the same store.
    func releaseReplications(now: Int64) async throws(TagStoreError)
    /// Tasks that have not ended.
    func countReplications() async throws(TagStoreError) -> Int
}
