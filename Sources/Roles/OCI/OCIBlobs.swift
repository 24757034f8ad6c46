import Blobs
import HTTPServing
import HTTPTypes
import Hummingbird
import Registry
import Threads

/// The store of blobs behind the API.
package protocol OCIBlobs: Sendable {
    var directory: BlobDirectory { get }
    /// The uploads that are under way; nil at an agent, to which nothing can be pushed.
    var uploads: UploadTable? { get }
    /// Fetches a blob into this host's directory if it is missing there.
    /// - Returns: the blob's size in bytes; nil when it cannot be had from anywhere.
    func obtain(_ digest: BlobDigest, for name: ContentName) async throws(OCIError) -> Int64?
    /// Whether a blob that can be had is durable at enough hosts for a further name to get it by a mount.
    func isSafe(_ digest: BlobDigest, for name: ContentName) async -> Bool
    /// Answers a GET or HEAD of a blob; nil where the caller is to answer with the file in the directory, after
    /// ``obtain(_:for:)``.
    /// - Parameter headers: the headers of the answer that describe the blob.
    func response(
        _ digest: BlobDigest, for name: ContentName, to head: HTTPRequest, headers: HTTPFields,
        in context: ServiceContext
    ) async throws(OCIError) -> Response?
    /// - Throws: an error for the client when there is no room for a push.
    func admitPush() async throws(OCIError)
    /// Keeps a blob from being removed while the returned value exists. The blob may still be missing.
    func hold(_ digest: BlobDigest) -> (any Sendable)?
    /// Called when a pushed blob is durable on this host, before the client gets its answer.
    func pushed(_ blob: FinishedBlob, to name: ContentName) async throws(OCIError)
    /// The same, with the id of the blob's upload.
    func pushed(_ blob: FinishedBlob, by id: String, to name: ContentName) async throws(OCIError)
    /// A second receiver of the bytes of a request; nil for none.
    func tap(_ part: UploadPart) async -> (any UploadTap)?
    /// Called when an upload has ended without a blob, and none of its bytes are kept.
    func dropped(_ id: String) async
}

extension OCIBlobs {
    package func admitPush() async throws(OCIError) {}
    package func isSafe(_ digest: BlobDigest, for name: ContentName) async -> Bool { true }
    package func hold(_ digest: BlobDigest) -> (any Sendable)? { nil }
    package func response(
        _ digest: BlobDigest, for name: ContentName, to head: HTTPRequest, headers: HTTPFields,
        in context: ServiceContext
    ) async throws(OCIError) -> Response? { nil }
    package func pushed(_ blob: FinishedBlob, by id: String, to name: ContentName) async throws(OCIError) {
        try await pushed(blob, to: name)
    }
    package func tap(_ part: UploadPart) async -> (any UploadTap)? { nil }
    package func dropped(_ id: String) async {}
}

extension BlobDirectory {
    /// A blob's file for an HTTP answer; nil when the directory does not have the blob.
    package func served(_ digest: BlobDigest) async -> ServedFile? {
        let hex = Array(digest.hex.utf8)
        let root = path + "/blobs"
        return await Threads.offload {
            ServedFile(root: root, components: [Array(hex[0..<2]), Array(hex[2..<4]), hex])
        }
    }
}
