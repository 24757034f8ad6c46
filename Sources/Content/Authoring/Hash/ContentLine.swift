import Metainfo

/// The content as one line of bytes cut into pieces: `ContentLayout` reduced to what reading needs, and made before
/// there are hashes to put into a torrent.
struct ContentLine: Sendable {
    /// A file of one byte or more, or a stretch of padding.
    struct Stretch: Sendable {
        /// Which file it is, by the caller's count; nil for padding, which is zeros.
        let file: Int?
        /// In the line, in bytes.
        let offset: Int64
        let length: Int64
        var end: Int64 { offset + length }
    }

    let pieceLength: Int
    /// Whether a piece ends with its file (v2 only).
    let alignsFiles: Bool
    let stretches: [Stretch]
    let pieceCount: Int
    private let extent: Int64

    init(_ layout: ContentLayout) {
        let stretches = layout.files.indices.compactMap { index -> Stretch? in
            let file = layout.files[index]
            guard file.length > 0 else { return nil }
            return Stretch(file: file.isPadding ? nil : index, offset: file.offset, length: file.length)
        }
        self.init(stretches, pieceLength: layout.pieceLength, alignsFiles: layout.alignsFiles)
    }

    init(_ stretches: [Stretch], pieceLength: Int, alignsFiles: Bool) {
        self.pieceLength = pieceLength
        self.alignsFiles = alignsFiles
        self.stretches = stretches
        extent = stretches.last?.end ?? 0
        pieceCount = Int((extent + Int64(pieceLength) - 1) / Int64(pieceLength))
    }

    /// Bytes of all pieces.
    var byteCount: Int64 { alignsFiles ? stretches.reduce(0) { $0 + $1.length } : extent }

    /// A piece's range of the line, and the stretch in which it begins.
    func piece(_ index: Int) -> (stretch: Int, range: Range<Int64>) {
        let start = Int64(index) * Int64(pieceLength)
        var low = 0
        var high = stretches.count
        while low < high {
            let middle = low + (high - low) / 2
            if stretches[middle].offset <= start { low = middle + 1 } else { high = middle }
        }
        let stretch = max(0, low - 1)
        let limit = alignsFiles ? stretches[stretch].end : extent
        return (stretch, start..<max(start, min(start + Int64(pieceLength), limit)))
    }
}
