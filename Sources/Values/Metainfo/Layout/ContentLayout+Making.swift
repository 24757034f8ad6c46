extension ContentLayout {
    /// A layout of files in the given order. Their `offset`s are ignored and computed anew. Torrents build their own
    /// layout; use this in tests and for content without a torrent.
    /// - Throws: `MetainfoError` if lengths, files or pieces exceed the limits.
    public init(
        pieceLength: Int, files: [FileEntry], alignsFiles: Bool = false, limits: MetainfoLimits = .standard
    ) throws(MetainfoError) {
        let unplaced = files.map {
            Unplaced(
                path: $0.path, length: $0.length, isPadding: $0.isPadding, isExecutable: $0.isExecutable,
                piecesRoot: $0.piecesRoot)
        }
        try self.init(pieceLength: pieceLength, files: unplaced, alignsFiles: alignsFiles, limits: limits)
    }
}
