/// Limits and choice of the piece length.
package enum PieceLength {
    /// In bytes; the range of `automatic`.
    package static let automaticRange = (256 << 10)...(16 << 20)
    /// In bytes; the range that a caller may choose from. Only powers of two: BEP 52 requires them, and v1 clients
    /// expect them.
    package static let allowedRange = (16 << 10)...(256 << 20)

    /// The shortest power of two with at most so many pieces for `totalLength` bytes: half as many to that many pieces, more
    /// or fewer only at the ends of `automaticRange`. More pieces mean a larger torrent and more messages; fewer make
    /// receivers wait longer before they have a piece to pass on.
    package static func automatic(totalLength: Int64, most: Int64 = 2000) -> Int {
        var length = automaticRange.lowerBound
        while length < automaticRange.upperBound, totalLength / Int64(length) >= most { length *= 2 }
        return length
    }

    package static func isAllowed(_ length: Int) -> Bool {
        allowedRange.contains(length) && length.nonzeroBitCount == 1
    }
}
