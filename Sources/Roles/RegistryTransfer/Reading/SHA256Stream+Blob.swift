import Hashing
import NIOCore
import Registry

extension SHA256Stream {
    mutating func update(_ buffer: ByteBuffer) { buffer.withUnsafeReadableBytes { update($0) } }

    /// Of the bytes so far.
    var blobDigest: BlobDigest { BlobDigest(digest) }
}
