import Files
import Hashing
import Metainfo

/// Reads blobs that are stored already.
package enum BlobReader {
    /// Reads a blob and makes its torrent. Blocks.
    /// - Returns: nil when it is not here, or not what its name says. The blob without bytes has no torrent, and nil too.
    package static func info(of digest: SHA256Digest, in directory: BlobDirectory) throws(SystemError) -> BlobInfo? {
        guard let file = try directory.open(digest) else { return nil }
        return try info(of: digest, in: file, directory.pieceLengths)
    }

    /// The same of an open file.
    static func info(
        of digest: SHA256Digest, in file: HeldFile, _ lengths: BlobPieceLengths
    ) throws(SystemError) -> BlobInfo? {
        file.willBeReadInOrder()
        let size = try file.status().size
        var hasher = BlobHasher(lengths: lengths, length: size)
        try file.forEachBlock(to: size) { hasher.update($0) }
        let result = hasher.finish()
        return result.digest == digest ? try? result.info() : nil
    }
}
