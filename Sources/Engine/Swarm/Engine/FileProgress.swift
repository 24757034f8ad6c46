import Metainfo

/// Tracks which files of a content are complete, piece by piece.
struct FileProgress {
    /// Number of missing pieces of each selected file; nil for files not selected.
    private var lacking: [Int?]
    /// Verified bytes of the selected files.
    private(set) var bytes: Int64 = 0
    private let layout: ContentLayout

    /// - Parameters:
    ///   - selected: one flag for each file of the layout.
    init(layout: ContentLayout, selected: [Bool], have: (Int) -> Bool) {
        self.layout = layout
        lacking = layout.files.indices.map { file in
            guard selected[file] else { return nil }
            return layout.files[file].length == 0 ? 0 : layout.pieces(ofFile: file).count { !have($0) }
        }
        for piece in layout.pieces where have(piece.value) { bytes += selectedBytes(of: piece) }
    }

    private func selectedBytes(of piece: PieceIndex) -> Int64 {
        layout.spans(of: piece).reduce(0) {
            $1.isPadding || lacking[$1.file] == nil ? $0 : $0 + Int64($1.length)
        }
    }

    func isComplete(_ file: Int) -> Bool { lacking.indices.contains(file) && lacking[file] == 0 }
    func isSelected(_ file: Int) -> Bool { lacking.indices.contains(file) && lacking[file] != nil }
    var completeFiles: Set<Int> { Set(lacking.indices.filter { lacking[$0] == 0 }) }

    /// - Returns: files that are complete with this piece.
    mutating func stored(_ piece: PieceIndex) -> [Int] {
        bytes += selectedBytes(of: piece)
        var complete: [Int] = []
        for span in layout.spans(of: piece) where !span.isPadding {
            guard let count = lacking[span.file], count > 0 else { continue }
            lacking[span.file] = count - 1
            if count == 1 { complete.append(span.file) }
        }
        return complete
    }

    mutating func lost(_ piece: PieceIndex) {
        bytes -= selectedBytes(of: piece)
        for span in layout.spans(of: piece) where !span.isPadding {
            if let count = lacking[span.file] { lacking[span.file] = count + 1 }
        }
    }

    /// Verified bytes of each selected file.
    func bytes(in layout: ContentLayout, have: (Int) -> Bool) -> [Int: Int64] {
        var result: [Int: Int64] = [:]
        for (file, count) in lacking.enumerated() {
            guard let count else { continue }
            let entry = layout.files[file]
            if count == 0 {
                result[file] = entry.length
                continue
            }
            var bytes: Int64 = 0
            for raw in layout.pieces(ofFile: file) where have(raw) {
                let start = layout.offset(of: PieceIndex(unchecked: raw))
                let end = start + Int64(layout.length(of: PieceIndex(unchecked: raw)))
                bytes += max(0, min(end, entry.end) - max(start, entry.offset))
            }
            result[file] = bytes
        }
        return result
    }
}
