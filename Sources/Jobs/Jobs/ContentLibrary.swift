import Hashing

/// What jobs ask of the library of hashes. A protocol, so that a process can also run without one.
package protocol ContentLibrary: Sendable {
    /// A local file of this digest and size, if there is one.
    func find(_ digest: SHA1Digest, size: Int64) async -> String?
    /// The digest of a file that has not changed since it was hashed.
    func digest(of path: String) async -> SHA1Digest?
    /// Copies a file by the fastest available method, and verifies the copy. False if the file cannot be copied or has
    /// changed.
    func copy(from path: String, to target: String, expecting digest: SHA1Digest, size: Int64) async -> Bool
    /// Records a file that was verified elsewhere, as at the end of a delivery, so that it is not read again.
    func note(_ path: String, digest: SHA1Digest, size: Int64) async
}

/// For a process that keeps none.
package struct NoLibrary: ContentLibrary {
    package init() {}

    package func find(_ digest: SHA1Digest, size: Int64) async -> String? { nil }
    package func digest(of path: String) async -> SHA1Digest? { nil }
    package func copy(from path: String, to target: String, expecting digest: SHA1Digest, size: Int64) async -> Bool {
        false
    }
    package func note(_ path: String, digest: SHA1Digest, size: Int64) async {}
}
