import Blobs
import Files
import Hashing

extension BlobNode {
    /// Removes a blob that nobody has on lease, from the catalogue and from the disk. Nothing can be published as this blob in
    /// between. If the disk refuses, the blob stays in the catalogue. Blocks.
    /// - Parameter time: seconds since 1970; a blob that was used after it stays.
    /// - Returns: whether it was here and is gone.
    package func remove(
        _ digest: SHA256Digest, unlessUsedAfter time: Double = .infinity
    ) throws(SystemError) -> Bool {
        var removed: BlobCatalogue.Removed?
        do throws(SystemError) {
            return try directory.remove(digest) {
                removed = catalogue.take(digest, unlessUsedAfter: time)
                return removed != nil
            }
        } catch {
            if let removed, (try? directory.size(of: digest)) != nil { catalogue.restore(removed) }
            throw error
        }
    }
}
