import Metainfo

/// The selected files of a content. Padding is never selected.
package struct FileSelection: Sendable, Equatable {
    /// One flag for each file of the layout.
    private let flags: [Bool]
    /// Whether all real files are selected.
    package let isEverything: Bool

    /// All files of the layout.
    package init(all layout: ContentLayout) { self.init(layout) { _ in true } }

    /// The files for which `isWanted` returns true.
    package init(_ layout: ContentLayout, where isWanted: (FileEntry) -> Bool) {
        flags = layout.files.map { !$0.isPadding && isWanted($0) }
        isEverything = zip(flags, layout.files).allSatisfy { $0 || $1.isPadding }
    }

    /// The files with these indices; padding and indices out of range are ignored.
    package init(_ layout: ContentLayout, indices: Set<Int>) {
        self.init(flags: layout.files.indices.map { indices.contains($0) && !layout.files[$0].isPadding }, layout)
    }

    init(flags: [Bool], _ layout: ContentLayout) {
        self.flags = flags
        isEverything = zip(flags, layout.files).allSatisfy { $0 || $1.isPadding }
    }

    /// False for padding and for an index out of range.
    package func contains(_ file: Int) -> Bool { flags.indices.contains(file) && flags[file] }

    /// One flag for each file of the layout.
    package var allFlags: [Bool] { flags }

    /// Indices of the selected files, ascending.
    package var files: some BidirectionalCollection<Int> { flags.indices.lazy.filter { flags[$0] } }

    /// Bytes of the selected files.
    package func length(in layout: ContentLayout) -> Int64 {
        files.reduce(0) { $0 + (layout.files.indices.contains($1) ? layout.files[$1].length : 0) }
    }

    /// The pieces that hold a byte of a selected file: what has to be fetched.
    package func pieces(of layout: ContentLayout) -> PieceSet {
        if isEverything { return PieceSet(full: layout.pieceCount) }
        var wanted = PieceSet(size: layout.pieceCount)
        for file in files { wanted.insert(layout.pieces(ofFile: file)) }
        return wanted
    }

    /// Whether a piece lies completely in selected files and padding. Only such a piece can be served or hashed again:
    /// for others, the part in unselected files is not on disk.
    package func holdsWhole(_ piece: PieceIndex, of layout: ContentLayout) -> Bool {
        isEverything || layout.spans(of: piece).allSatisfy { $0.isPadding || contains($0.file) }
    }
}
