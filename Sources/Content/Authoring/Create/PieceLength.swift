/// How long pieces are to be.
package enum PieceLength {
    /// In bytes; what `automatic` chooses among.
    package static let automaticRange = (256 << 10)...(16 << 20)
    /// In bytes; what a caller may choose. Only powers of two: BEP 52 demands it, and v1 clients expect it.
    package static let allowedRange = (16 << 10)...(256 << 20)

    /// The shortest power of two that makes no more than 2,000 pieces of `totalLength` bytes: 1,000 to 2,000 of them,
    /// more or fewer only at the ends of `automaticRange`. More pieces make a longer torrent and more messages; fewer
    /// make receivers wait longer before they can pass something on.
    package static func automatic(totalLength: Int64) -> Int {
        var length = automaticRange.lowerBound
        while length < automaticRange.upperBound, totalLength / Int64(length) >= 2000 { length *= 2 }
        return length
    }

    static func isAllowed(_ length: Int) -> Bool {
        allowedRange.contains(length) && length.nonzeroBitCount == 1
    }
}
