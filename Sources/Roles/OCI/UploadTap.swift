import NIOCore
import Registry

/// Takes the bytes of an upload as they come, to another host that is to have them too.
package protocol UploadTap: Sendable {
    /// Returns when there is room for more. A tap that fails takes nothing any more, and holds nobody up: its owner sees to it
    /// at the end of the upload.
    func pass(_ parts: [ByteBuffer]) async
    /// The request has ended, whether as its sender meant it or not.
    func end() async
}

/// What is known of a request that sends bytes of an upload.
package struct UploadPart: Sendable, Hashable {
    /// Of the upload.
    package let id: String
    /// Where the bytes begin in the blob.
    package let offset: Int64
    /// Of the whole blob, if the sender has said it.
    package let digest: BlobDigest?

    package init(id: String, offset: Int64, digest: BlobDigest?) {
        self.id = id
        self.offset = offset
        self.digest = digest
    }
}
