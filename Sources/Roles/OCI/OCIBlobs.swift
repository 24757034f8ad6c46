import Blobs
import HTTPServing
import HTTPTypes
import Hummingbird
import Registry
import Threads

/// The blobs behind the API.
package protocol OCIBlobs: Sendable {
    var directory: BlobDirectory { get }
    /// Nil where nothing is pushed: at an agent.
    var uploads: UploadTable? { get }
    /// Brings a blob to this host's directory, if it is not there and others have it.
    /// - Returns: its size; nil when nobody has it.
    func obtain(_ digest: BlobDigest, for name: ContentName) async throws(OCIError) -> Int64?
    /// Answers a GET or HEAD of a blob; nil where that is done with the file in the directory, after `obtain`.
    /// - Parameter headers: what is said of the blob.
    func response(
        _ digest: BlobDigest, for name: ContentName, to head: HTTPRequest, headers: HTTPFields,
        in context: ServiceContext
    ) async throws(OCIError) -> Response?
    /// Refuses what is to be pushed when there is no room for it.
    func admitPush() async throws(OCIError)
    /// Keeps a blob, if it is here or once it is, from being removed as long as what is returned is kept.
    func hold(_ digest: BlobDigest) -> (any Sendable)?
    /// A blob was pushed and is durable here: called before the client hears of it.
    func pushed(_ blob: FinishedBlob, to name: ContentName) async throws(OCIError)
    /// The same, with the name of its upload.
    func pushed(_ blob: FinishedBlob, by id: String, to name: ContentName) async throws(OCIError)
    /// Where else the bytes of a request go; nil for nowhere.
    func tap(_ part: UploadPart) async -> (any UploadTap)?
    /// An upload has ended without a blob, and nothing of it is kept here.
    func dropped(_ id: String) async
}

extension OCIBlobs {
    package func admitPush() async throws(OCIError) {}
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
    /// A blob's file, for an answer over HTTP; nil when it is not here.
    package func served(_ digest: BlobDigest) async -> ServedFile? {
        let hex = Array(digest.hex.utf8)
        let root = path + "/blobs"
        return await Threads.offload {
            ServedFile(root: root, components: [Array(hex[0..<2]), Array(hex[2..<4]), hex])
        }
    }
}
