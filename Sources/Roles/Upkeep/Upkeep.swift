// Upkeep: the disk of an origin in good order.
//
// Purpose: room for what is pushed, by removing blobs that their back ends have; removal of what no name has any more; a look at
// every blob from time to time, and the mending of what is wrong. Must never: remove a blob that somebody may still come to
// need from here; give a piece for right that was not checked.

import Registry

/// What the index says of blobs. Implemented by the index in the same process, or by requests to it.
package protocol BlobHolders: Sendable {
    /// Names that have a blob, at most `limit` of them.
    func names(having digest: BlobDigest, limit: Int) async throws(UpkeepProblem) -> [ContentName]
    /// Those of these blobs that some name has.
    func held(_ digests: [BlobDigest]) async throws(UpkeepProblem) -> Set<BlobDigest>
    /// All that some tag reaches; nil where that cannot be asked.
    func reached() async throws(UpkeepProblem) -> Set<BlobDigest>?
}

/// Why something could not be done; nothing was removed then.
package struct UpkeepProblem: Error, Sendable, Hashable, CustomStringConvertible {
    package let description: String
    package init(_ description: String) { self.description = description }
}
