import S3

/// How a file is divided into parts. The same for the same size and setting, so that an upload can be resumed.
package struct UploadPlan: Sendable, Hashable {
    package let size: Int64
    package let partSize: Int64

    /// S3's minimum for all parts except the last.
    package static let smallestPart: Int64 = 5 << 20

    /// Parts of at least `wanted` bytes, longer if there would be more than 10,000. A negative size counts as 0.
    package init(size: Int64, wanted: Int64) {
        let size = max(0, size)
        self.size = size
        let least = size / Int64(S3Part.most) + 1
        let mebibyte: Int64 = 1 << 20
        partSize = max(wanted, UploadPlan.smallestPart, (least + mebibyte - 1) / mebibyte * mebibyte)
    }

    package var partCount: Int { Int(size / partSize) + (size % partSize == 0 ? 0 : 1) }

    /// - Parameter part: 1 to `partCount`. The first part of an empty file is empty.
    package func range(ofPart part: Int) -> Range<Int64> {
        let start = min(size, Int64(part - 1) * partSize)
        return start..<start + min(partSize, size - start)
    }

    /// Whether a stored part has the length of the planned one.
    package func fits(_ part: S3Part) -> Bool {
        guard (1...max(1, partCount)).contains(part.number) else { return false }
        let range = range(ofPart: part.number)
        return part.size == range.upperBound - range.lowerBound
    }
}
