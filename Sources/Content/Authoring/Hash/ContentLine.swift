import Metainfo

/// The content as one range of bytes divided into pieces: a reduced `ContentLayout` with what reading needs, which can
/// be built before there are hashes for a torrent.
package struct ContentLine: Sendable {
    /// A file of one byte or more, or padding.
    struct Stretch: Sendable {
        /// The caller's index of the file; nil for padding, which is zeros.
        let file: Int?
        /// Offset in the content, in bytes.
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

    package init(_ layout: ContentLayout) {
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
    package var byteCount: Int64 { alignsFiles ? stretches.reduce(0) { $0 + $1.length } : extent }

    /// The byte range of a piece, and the stretch in which it begins.
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
