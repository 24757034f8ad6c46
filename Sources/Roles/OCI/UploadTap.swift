import NIOCore
import Registry

/// Passes the bytes of an upload on to another host, while they arrive.
package protocol UploadTap: Sendable {
    /// Passes parts on, and returns when there is room for more. A tap that has failed drops all further parts without
    /// waiting; its owner handles the failure at the end of the upload.
    func pass(_ parts: [ByteBuffer]) async
    /// Called when the request has ended, completely or not.
    func end() async
}

/// A request that sends bytes of an upload.
package struct UploadPart: Sendable, Hashable {
    /// The id of the upload.
    package let id: String
    /// The position of the request's first byte in the blob.
    package let offset: Int64
    /// The digest of the whole blob; nil if the client has not sent it yet.
    package let digest: BlobDigest?

    package init(id: String, offset: Int64, digest: BlobDigest?) {
        self.id = id
        self.offset = offset
        self.digest = digest
    }
}
