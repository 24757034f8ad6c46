import Hashing

/// A blob, and the time by which blobs are ordered: of its last use or its last check.
package struct DatedBlob: Sendable, Hashable, Comparable {
    package let digest: SHA256Digest
    /// Bytes.
    package let size: Int64
    /// Seconds since 1970.
    package let time: Double

    package init(_ digest: SHA256Digest, size: Int64, time: Double) {
        self.digest = digest
        self.size = size
        self.time = time
    }

    package static func < (left: Self, right: Self) -> Bool { (left.time, left.digest) < (right.time, right.digest) }
}

/// Chooses the oldest of any number of blobs. Memory is needed only for the chosen ones. Pure.
package struct OldestBlobs: Sendable {
    private let bytes: Int64
    private let most: Int
    /// The last blob of an earlier choice: it and older blobs are left out.
    private let after: DatedBlob?
    private var found: [DatedBlob] = []
    /// The youngest blob that can still be chosen; nil while there is no limit.
    private var youngest: DatedBlob?

    /// - Parameters:
    ///   - bytes: blobs are chosen until their sizes sum up to this, or there are no more.
    ///   - most: the most blobs to choose.
    ///   - after: the last blob of an earlier choice, to continue after it.
    package init(bytes: Int64, most: Int, after: DatedBlob? = nil) {
        self.bytes = bytes
        self.most = max(1, most)
        self.after = after
    }

    package mutating func add(_ blob: DatedBlob) {
        if let after, blob <= after { return }
        if let youngest, blob > youngest { return }
        found.append(blob)
        if found.count >= 2 * most { cut() }
    }

    private mutating func cut() {
        found.sort()
        var (count, sum) = (0, Int64(0))
        while count < min(found.count, most), sum < bytes {
            sum = sum.addingReportingOverflow(found[count].size).partialValue
            count += 1
        }
        guard count == most || sum >= bytes else { return }
        found.removeSubrange(count...)
        youngest = found.last
    }

    /// The chosen blobs, oldest first.
    package var chosen: [DatedBlob] {
        var copy = self
        copy.cut()
        return copy.found
    }
}
