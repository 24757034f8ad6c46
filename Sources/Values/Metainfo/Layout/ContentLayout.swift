import Hashing

/// How pieces map to files.
///
/// The content space is one range of bytes; piece `i` starts at `i * pieceLength`. In v1 and hybrid torrents the files,
/// including padding files, follow each other in it. In v2-only torrents each file starts at a multiple of the piece
/// length; the gap before the next file belongs to no piece.
public struct ContentLayout: Sendable, Equatable {
    /// In bytes.
    public let pieceLength: Int
    public let pieceCount: Int
    /// In content order, including padding.
    public private(set) var files: [FileEntry]
    /// Bytes of all files, without padding.
    public let totalLength: Int64
    /// Whether every file starts a new piece without padding files (v2 only).
    public let alignsFiles: Bool
    /// End of the last file in the content space, in bytes.
    public let extent: Int64

    /// A file whose offset in the content space has not been computed yet.
    struct Unplaced {
        var path: SafePath
        var length: Int64
        var isPadding = false
        var isExecutable = false
        var piecesRoot: SHA256Digest?
    }

    /// - Throws: `MetainfoError` if a length is negative, or lengths, files or pieces exceed the limits.
    init(
        pieceLength: Int, files: [Unplaced], alignsFiles: Bool, limits: MetainfoLimits = .standard
    ) throws(MetainfoError) {
        guard pieceLength > 0 else { throw .badPieceLength(Int64(pieceLength)) }
        guard files.count <= limits.maxFiles else { throw .tooManyFiles(limit: limits.maxFiles) }
        let step = Int64(pieceLength)
        var cursor: Int64 = 0
        var total: Int64 = 0
        var extent: Int64 = 0
        var placed: [FileEntry] = []
        placed.reserveCapacity(files.count)
        for file in files {
            guard file.length >= 0 else { throw .badLength(file.path.display) }
            placed.append(
                FileEntry(
                    path: file.path, length: file.length, isPadding: file.isPadding, isExecutable: file.isExecutable,
                    offset: cursor, piecesRoot: file.piecesRoot))
            let (end, overflow) = cursor.addingReportingOverflow(file.length)
            // Half of the range is left free, so that rounding up to a piece cannot overflow.
            guard !overflow, end <= Int64.max / 2 else { throw .contentTooLarge }
            if file.length > 0 { extent = end }
            if !file.isPadding { total += file.length }
            cursor = alignsFiles ? (end + step - 1) / step * step : end
        }
        let pieces = (extent + step - 1) / step
        guard pieces <= Int64(limits.maxPieces) else { throw .tooManyPieces(limit: limits.maxPieces) }
        guard total > 0 else { throw .noContent }
        self.pieceLength = pieceLength
        self.files = placed
        self.alignsFiles = alignsFiles
        self.extent = extent
        pieceCount = Int(pieces)
        totalLength = total
    }

    /// The same layout for files that differ only in fields that do not affect offsets, such as their roots.
    func replacingFiles(with files: [FileEntry]) -> ContentLayout {
        var copy = self
        copy.files = files
        return copy
    }

    /// The checked index of piece `raw`; nil if there is no such piece.
    public func piece(_ raw: Int) -> PieceIndex? {
        raw >= 0 && raw < pieceCount ? PieceIndex(unchecked: raw) : nil
    }

    /// All pieces, in order.
    public var pieces: PieceIndices { PieceIndices(count: pieceCount) }

    /// Start of a piece in the content space, in bytes.
    public func offset(of piece: PieceIndex) -> Int64 { Int64(piece.value) * Int64(pieceLength) }

    /// Length of a piece in bytes, as used by the peer protocol and the v1 hash: includes padding. In v2-only torrents
    /// a piece ends with its file.
    public func length(of piece: PieceIndex) -> Int {
        let start = offset(of: piece)
        guard piece.value >= 0, piece.value < pieceCount else { return 0 }
        let end = alignsFiles ? (fileIndex(at: start).map { files[$0].end } ?? start) : extent
        return Int(min(Int64(pieceLength), max(0, end - start)))
    }

    /// The file that holds the byte at `offset`, found by binary search. Empty files hold no byte.
    public func fileIndex(at offset: Int64) -> Int? {
        guard offset >= 0, offset < extent else { return nil }
        var low = 0
        var high = files.count
        while low < high {
            let middle = low + (high - low) / 2
            if files[middle].offset <= offset { low = middle + 1 } else { high = middle }
        }
        // The last file that starts at or before `offset`. An empty file has the same offset as the file after it, so
        // this file is never empty, except in the gap before an aligned file.
        guard low > 0, offset < files[low - 1].end else { return nil }
        return low - 1
    }

    /// The parts of files that make up `range` of a piece, in order and without gaps. `range` is in bytes from the
    /// start of the piece and is clamped to the piece. Padding appears as spans of its own.
    public func spans(of piece: PieceIndex, in range: Range<Int>) -> [FileSpan] {
        let range = range.clamped(to: 0..<length(of: piece))
        let start = offset(of: piece)
        guard !range.isEmpty, var file = fileIndex(at: start + Int64(range.lowerBound)) else { return [] }
        var spans: [FileSpan] = []
        var position = range.lowerBound
        while true {
            let entry = files[file]
            let fileOffset = start + Int64(position) - entry.offset
            let length = Int(min(entry.length - fileOffset, Int64(range.upperBound - position)))
            if length > 0 {
                spans.append(
                    FileSpan(
                        file: file, fileOffset: fileOffset, length: length, pieceOffset: position,
                        isPadding: entry.isPadding))
                position += length
            }
            guard position < range.upperBound, let next = fileWithBytes(after: file) else { break }
            file = next
        }
        return spans
    }

    /// The next file after `file` (an index in range) that is not empty; nil if there is none. Skips empty files
    /// without visiting each: there may be a million of them.
    public func fileWithBytes(after file: Int) -> Int? {
        guard file + 1 < files.count else { return nil }
        return files[file + 1].length > 0 ? file + 1 : fileIndex(at: files[file + 1].offset)
    }

    /// The parts of files that make up a piece.
    public func spans(of piece: PieceIndex) -> [FileSpan] { spans(of: piece, in: 0..<length(of: piece)) }

    /// The pieces that hold bytes of a file; empty for an empty file and for an index out of range.
    public func pieces(ofFile file: Int) -> Range<Int> {
        guard files.indices.contains(file), files[file].length > 0 else { return 0..<0 }
        let step = Int64(pieceLength)
        return Int(files[file].offset / step)..<Int((files[file].end - 1) / step) + 1
    }

    /// Whether `range` of a piece is only padding. Padding is never requested: its bytes are zeros.
    public func isPadding(_ piece: PieceIndex, _ range: Range<Int>) -> Bool {
        guard !alignsFiles else { return false }
        let range = range.clamped(to: 0..<length(of: piece))
        let end = offset(of: piece) + Int64(range.upperBound)
        guard !range.isEmpty, var file = fileIndex(at: offset(of: piece) + Int64(range.lowerBound)) else {
            return false
        }
        while files[file].offset < end {
            guard files[file].isPadding else { return false }
            guard let next = fileWithBytes(after: file) else { break }
            file = next
        }
        return true
    }
}
