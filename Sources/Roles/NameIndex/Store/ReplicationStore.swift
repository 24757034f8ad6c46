import Registry

/// A task to replicate a tag to another registry.
package struct ReplicationTask: Hashable, Sendable {
    /// The URL of the other registry.
    package let remote: String
    package let name: ContentName
    package let tag: Tag
    package let digest: BlobDigest
    /// The registries through which the tag has come, this one last.
    package let via: ClusterPath
    /// When the task is tried next, in milliseconds since 1970; nil for a task that has ended with a problem.
    package let due: Int64?
    /// Failures in a row.
    package let failures: Int
    /// Why the task failed last; empty if it did not.
    package let problem: String
    /// The unfinished upload of a blob that an earlier attempt began: the blob and the upload's location. Empty for none.
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

/// The replication tasks of a store. They are added in the transaction that puts the tag. There is one task for each tag and
/// remote, for the tag's latest digest.
package protocol ReplicationStore: Sendable {
    var remotes: Remotes { get }
    /// The name of this registry, which is made at random once: letters and digits.
    func cluster() async throws(TagStoreError) -> String

    /// Adds tasks that are due now for all remotes that get a tag, even if earlier tasks succeeded or ended.
    /// - Returns: false if there is no such tag.
    func replicate(_ tag: Tag, of name: ContentName, at: Int64) async throws(TagStoreError) -> Bool
    /// The tasks of a tag that have not succeeded.
    func replications(of tag: Tag, of name: ContentName) async throws(TagStoreError) -> [ReplicationTask]

    /// Takes tasks that are due. No other caller gets them before the time `lease`, in milliseconds since 1970.
    func takeReplications(
        to remote: String, now: Int64, lease: Int64, limit: Int
    ) async throws(TagStoreError) -> [ReplicationTask]
    /// Removes a task that succeeded, unless the tag has another digest by now.
    func endReplication(_ task: ReplicationTask) async throws(TagStoreError)
    /// Records a failed attempt.
    /// - Parameter due: when the task is tried next; nil to end it.
    func postponeReplication(
        _ task: ReplicationTask, to due: Int64?, failures: Int, problem: String
    ) async throws(TagStoreError)
    func noteUpload(_ upload: String, of task: ReplicationTask) async throws(TagStoreError)
    /// Makes all tasks due that have not ended: those that an earlier process had taken cannot be told from those that wait
    /// after a failure. Called after a start. Does nothing where other indexes use the same store.
    func releaseReplications(now: Int64) async throws(TagStoreError)
    /// The number of tasks that have not ended.
    func countReplications() async throws(TagStoreError) -> Int
}
