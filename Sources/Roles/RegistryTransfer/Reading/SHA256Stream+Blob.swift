import Hashing
import NIOCore
import Registry

extension SHA256Stream {
    mutating func update(_ buffer: ByteBuffer) { buffer.withUnsafeReadableBytes { update($0) } }

    /// The digest of the bytes that have been hashed.
    var blobDigest: BlobDigest { BlobDigest(digest) }
}
