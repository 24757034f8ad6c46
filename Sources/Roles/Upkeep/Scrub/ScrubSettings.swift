import Registry

/// When blobs are looked at.
package struct ScrubSettings: Sendable, Hashable {
    /// Seconds within which each blob is looked at, and after which it is due, so that all have their turn.
    package var period = 30 * 86_400.0
    package var due = 15 * 86_400.0
    /// Bytes per second.
    package var rate = 20e6
    /// Seconds between two attempts to mend a blob, at first and at most.
    package var firstPause = 5.0
    package var longestPause = 600.0

    package init() {}
}

/// What scrubbing has come to.
package struct ScrubFigures: Sendable, Hashable {
    /// Since the start.
    package var blobs = 0
    package var bytes: Int64 = 0
    /// Pieces that were found wrong, and that were mended.
    package var bad = 0
    package var mended = 0
    /// Blobs that are still to be looked at of those that somebody asked for.
    package var left = 0
    /// Seconds since 1970 when the blob was looked at that waits for longest; nil without blobs.
    package var oldest: Double?
    package init() {}
}

/// Somewhere to fetch a piece from: other owners of a blob, its back ends.
package protocol PieceSource: Sendable {
    /// Exactly the bytes of a range, right or not; nil when it has none.
    func bytes(of digest: BlobDigest, size: Int64, range: Range<Int64>, names: [ContentName]) async -> [UInt8]?
}
