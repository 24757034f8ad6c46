import Metainfo

/// Chooses the format and the piece length of a new torrent from the sizes of its files.
///
/// In a hybrid torrent each file begins a new piece. The padding before it counts as zeros and is hashed for v1: for
/// many small files it can be many times their size, and every file costs a piece. If padding would exceed a tenth of
/// the content, pieces are made smaller, and if that does not help the format is v1. Explicit choices of the caller are
/// never changed. v2 alone has no padding that is stored or hashed, and v1 has none at all.
package struct FormatChoice: Sendable, Hashable {
    package let version: Info.Version
    /// In bytes.
    package let pieceLength: Int
    /// Why the choice is not the default, or what it costs; nil if there is nothing to report.
    package let reason: Reason?

    package enum Reason: Sendable, Hashable {
        /// Pieces are shorter than usual for this size, because usual ones would need this much padding.
        case smallerPieces(usual: Int, padding: Int64)
        /// The format is v1, because a hybrid torrent with this piece length would need this much padding.
        case v1(pieceLength: Int, padding: Int64)
        /// The caller requires a hybrid torrent, and it needs this much padding.
        case padded(padding: Int64)
    }

    /// Padding of up to a tenth of the content is accepted, and so is this many bytes, which cost a few milliseconds.
    static let freePadding: Int64 = 1 << 20
    /// Maximum number of pieces for the sake of less padding: some 13 MB of hashes.
    static let mostPieces: Int64 = 1 << 18

    /// - Parameters:
    ///   - lengths: file lengths in bytes, in the order of the torrent.
    ///   - version: the format that the caller requires; nil for hybrid unless that is wasteful.
    ///   - pieceLength: the piece length that the caller requires, in bytes; nil to choose.
    package init(lengths: [Int64], version: Info.Version? = nil, pieceLength: Int? = nil) {
        let content = Content(lengths: lengths)
        let usual = pieceLength ?? PieceLength.automatic(totalLength: content.total)
        let padding = content.padding(usual)
        guard version ?? .hybrid == .hybrid, padding > content.tolerated else {
            self.init(version ?? .hybrid, usual, nil)
            return
        }
        let shorter = pieceLength == nil ? Self.shorter(than: usual) : []
        if let length = shorter.first(where: { content.isFine($0) }) {
            self.init(.hybrid, length, .smallerPieces(usual: usual, padding: padding))
        } else if version == nil {
            self.init(.v1, usual, .v1(pieceLength: usual, padding: padding))
        } else {
            // The smallest padding that does not need too many pieces.
            let most = max(Self.mostPieces, content.pieces(usual))
            let length = shorter.last { content.pieces($0) <= most } ?? usual
            self.init(.hybrid, length, .padded(padding: content.padding(length)))
        }
    }

    private init(_ version: Info.Version, _ pieceLength: Int, _ reason: Reason?) {
        self.version = version
        self.pieceLength = pieceLength
        self.reason = reason
    }

    /// Half of the length, a quarter of it, and so on.
    private static func shorter(than length: Int) -> [Int] {
        sequence(first: length / 2) { $0 / 2 }.prefix { $0 >= PieceLength.allowedRange.lowerBound }.map { $0 }
    }

    /// Files by length. Empty ones have neither pieces nor padding.
    private struct Content {
        let lengths: [Int64]
        let total: Int64

        init(lengths: [Int64]) {
            self.lengths = lengths.filter { $0 > 0 }
            total = lengths.reduce(0) { $0.addingReportingOverflow($1).overflow ? .max : $0 + $1 }
        }

        var tolerated: Int64 { max(total / 10, FormatChoice.freePadding) }

        /// Bytes of padding in a hybrid torrent: after each file except the last.
        func padding(_ pieceLength: Int) -> Int64 {
            let step = Int64(pieceLength)
            return lengths.dropLast().reduce(0) { $0 + (step - $1 % step) % step }
        }

        func pieces(_ pieceLength: Int) -> Int64 {
            lengths.reduce(0) { $0 + ($1 - 1) / Int64(pieceLength) + 1 }
        }

        func isFine(_ pieceLength: Int) -> Bool {
            padding(pieceLength) <= tolerated && pieces(pieceLength) <= FormatChoice.mostPieces
        }
    }
}
