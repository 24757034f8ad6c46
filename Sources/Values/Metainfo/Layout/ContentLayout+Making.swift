extension ContentLayout {
    /// A layout of files in the given order; their `offset`s are ignored and computed anew. Torrents make their own;
    /// this is for tests and for content that has no torrent yet.
    /// - Throws: `MetainfoError` if lengths, files or pieces exceed what is allowed.
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
