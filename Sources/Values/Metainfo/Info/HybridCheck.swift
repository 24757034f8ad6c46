import Hashing

/// Checks that the two descriptions in a hybrid torrent agree (BEP 52). If they differed, v1 and v2 peers of one swarm
/// would write different files.
enum HybridCheck {
    /// The v1 files, including padding, completed with attributes and roots from the file tree.
    static func merge(
        v1: V1Files, v2: FileTree, name: PathComponent
    ) throws(MetainfoError) -> [ContentLayout.Unplaced] {
        var merged = v1.files
        var next = 0
        for index in merged.indices where !merged[index].isPadding {
            guard next < v2.files.count else {
                throw .hybridMismatch("v1 has the file '\(merged[index].path.display)', v2 ends before it")
            }
            let other = v2.files[next]
            next += 1
            let path = v1.isSingleFile ? SafePath(checked: name.bytes) : merged[index].path
            guard path == other.path else {
                throw .hybridMismatch("v1 has the file '\(path.display)' where v2 has '\(other.path.display)'")
            }
            guard merged[index].length == other.length else {
                throw .hybridMismatch("'\(path.display)' is \(merged[index].length) bytes in v1, \(other.length) in v2")
            }
            merged[index].piecesRoot = other.piecesRoot
            // BEP 47 puts the attribute in either half; a file is executable if one half says so.
            merged[index].isExecutable = merged[index].isExecutable || other.isExecutable
        }
        guard next == v2.files.count else {
            throw .hybridMismatch("v2 has the file '\(v2.files[next].path.display)', v1 ends before it")
        }
        return merged
    }

    /// Each file must start a piece, and padding must not make pieces of its own. Otherwise the halves would number
    /// pieces differently.
    static func checkAlignment(_ layout: ContentLayout) throws(MetainfoError) {
        let step = Int64(layout.pieceLength)
        var nextPiece: Int64 = 0
        for file in layout.files where !file.isPadding && file.length > 0 {
            guard file.offset == nextPiece * step else {
                throw .hybridMismatch("'\(file.path.display)' does not start where its v2 pieces do")
            }
            nextPiece += (file.length + step - 1) / step
        }
        guard nextPiece == Int64(layout.pieceCount) else { throw .hybridMismatch("padding adds pieces at the end") }
    }
}
