import Hashing

/// The downloads whose files are in use: a fetch of the blob waits or runs, or its transfer goes on giving it. Shared by
/// all fetches of a host. Pure.
struct DownloadsInUse: Sendable {
    private var users: [SHA256Digest: Int] = [:]

    func contains(_ digest: SHA256Digest) -> Bool { users[digest] != nil }

    mutating func enter(_ digest: SHA256Digest) { users[digest, default: 0] += 1 }

    mutating func leave(_ digest: SHA256Digest) {
        guard let count = users[digest] else { return }
        users[digest] = count > 1 ? count - 1 : nil
    }
}

extension BlobNode {
    /// Removes the files of a download, unless they are in use. A fetch that begins meanwhile makes new ones. Blocks.
    /// - Returns: whether they are gone.
    @discardableResult
    package func removeDownload(_ digest: SHA256Digest) -> Bool {
        let downloads = Downloads(directory)
        let isSetAside = downloadsInUse.withLock { inUse in
            !inUse.contains(digest) && downloads.setAside(digest)
        }
        if isSetAside { downloads.removeSetAside() }
        return isSetAside
    }

    /// Removes the downloads that nobody uses, and that have got no byte since `cutoff`: fetches that ended early and were
    /// not taken up again. Blocks.
    /// - Parameter cutoff: seconds since 1970.
    /// - Returns: how many there were, and the bytes that they took on the disk.
    package func removeDownloads(unchangedSince cutoff: Double) -> (count: Int, bytes: Int64) {
        let downloads = Downloads(directory)
        // Those of a removal that was cut short.
        downloads.removeSetAside()
        var removed = (count: 0, bytes: Int64(0))
        for partial in downloads.all where partial.usedAt < cutoff && removeDownload(partial.digest) {
            removed = (removed.count + 1, removed.bytes + partial.bytes)
        }
        return removed
    }
}
