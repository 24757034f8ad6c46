// Upkeep: maintenance of an origin's disk.
//
// Purpose: makes room for pushes by removing blobs that their back ends have; removes blobs that no name has any more;
// checks every blob periodically and mends damaged pieces. Must never: remove a blob that a name, a push or a reader may
// still need from this disk; report a piece as intact that was not verified.

import Registry

/// The index's knowledge of which names have which blobs. Implemented by the index in the same process, or by requests to
/// indexes.
package protocol BlobHolders: Sendable {
    /// The names that have a blob, at most `limit` of them.
    func names(having digest: BlobDigest, limit: Int) async throws(UpkeepProblem) -> [ContentName]
    /// The blobs among `digests` that at least one name has.
    func held(_ digests: [BlobDigest]) async throws(UpkeepProblem) -> Set<BlobDigest>
    /// All blobs that a tag reaches; nil where the index cannot be asked for this.
    func reached() async throws(UpkeepProblem) -> Set<BlobDigest>?
}

/// Why an operation failed. Nothing was removed.
package struct UpkeepProblem: Error, Sendable, Hashable, CustomStringConvertible {
    package let description: String
    package init(_ description: String) { self.description = description }
}
