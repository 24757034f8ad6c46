import Registry

/// How often and how fast blobs are checked.
package struct ScrubSettings: Sendable, Hashable {
    /// Seconds within which each blob is to be checked. A blob is due `due` seconds after its last check, which is earlier,
    /// so that all blobs are checked in time.
    package var period = 30 * 86_400.0
    package var due = 15 * 86_400.0
    /// The most bytes to read per second.
    package var rate = 20e6
    /// Seconds between two attempts to mend a blob: the first pause and the longest.
    package var firstPause = 5.0
    package var longestPause = 600.0

    package init() {}
}

/// The results of scrubbing.
package struct ScrubFigures: Sendable, Hashable {
    /// Blobs and bytes that were checked since the start.
    package var blobs = 0
    package var bytes: Int64 = 0
    /// Pieces that were found damaged, and pieces that were mended.
    package var bad = 0
    package var mended = 0
    /// Blobs whose check was requested and is still to be done.
    package var left = 0
    /// The earliest last check of all blobs, in seconds since 1970; nil without blobs.
    package var oldest: Double?
    package init() {}
}

/// A source of pieces for mending: another owner of a blob, or its back ends.
package protocol PieceSource: Sendable {
    /// The right bytes of a range; nil when the source does not have them.
    /// - Parameter isRight: verifies bytes. A source that asks several places goes on to the next one where it says no.
    func bytes(
        of digest: BlobDigest, size: Int64, range: Range<Int64>, names: [ContentName],
        isRight: @escaping @Sendable ([UInt8]) -> Bool
    ) async -> [UInt8]?
}
