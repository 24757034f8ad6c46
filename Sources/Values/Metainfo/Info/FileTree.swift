import Bencode
import Hashing

/// The files of a v2 or hybrid info dictionary: its `file tree` (BEP 52), in the same order.
struct FileTree {
    private(set) var files: [ContentLayout.Unplaced] = []
    private let limits: MetainfoLimits

    init(_ root: BencodeDictionary, limits: MetainfoLimits) throws(MetainfoError) {
        self.limits = limits
        var path: [UInt8] = []
        try walk(root, path: &path, depth: 0)
    }

    /// Whether the tree holds only one top-level file with the torrent's name: a single-file torrent.
    func isSingleFile(named name: PathComponent) -> Bool {
        files.count == 1 && files[0].path.bytes == name.bytes
    }

    /// Recursion is bounded by the decoder's depth limit and by `SafePath.maxDepth`.
    private mutating func walk(_ directory: BencodeDictionary, path: inout [UInt8], depth: Int) throws(MetainfoError) {
        guard directory.keysWereSorted else { throw .unsortedKeys }
        for entry in directory.entries {
            let name = entry.key.slice
            let parentLength = path.count
            if let problem = PathComponent.problem(in: name) { throw .unsafeName(DisplayName.escape(name), problem) }
            guard depth < SafePath.maxDepth else { throw .unsafeName(DisplayName.escape(name), .tooDeep) }
            if !path.isEmpty { path.append(UInt8(ascii: "/")) }
            path.append(contentsOf: name)
            guard path.count <= SafePath.maxBytes else { throw .unsafeName(DisplayName.escape(name), .pathTooLong) }
            guard let node = entry.value.dictionaryValue, let first = node.entries.first else {
                throw .badFileTree(DisplayName.escape(path))
            }
            // The empty key sorts first; its value describes the file.
            if first.key.isEmpty {
                guard node.count == 1 else { throw .fileIsDirectory(DisplayName.escape(path)) }
                guard let description = first.value.dictionaryValue else {
                    throw .badFileTree(DisplayName.escape(path))
                }
                guard files.count < limits.maxFiles else { throw .tooManyFiles(limit: limits.maxFiles) }
                files.append(try Self.file(description, path: SafePath(checked: path)))
            } else {
                try walk(node, path: &path, depth: depth + 1)
            }
            path.removeSubrange(parentLength...)
        }
    }

    private static func file(
        _ entry: BencodeDictionary, path: SafePath
    ) throws(MetainfoError) -> ContentLayout.Unplaced {
        let attributes = FileAttributes(entry)
        guard !attributes.isSymlink else { throw .symlink(path.display) }
        guard !attributes.isPadding else { throw .paddingInFileTree(path.display) }
        guard let length = entry["length"]?.integerValue, length >= 0 else { throw .badLength(path.display) }
        var root: SHA256Digest?
        if length > 0 {
            guard let bytes = entry["pieces root"]?.bytesValue, let digest = SHA256Digest(bytes: bytes) else {
                throw .missingPiecesRoot(path.display)
            }
            root = digest
        }
        // An empty file has no tree. Some programs write a root for it; that root is ignored.
        return .init(path: path, length: length, isExecutable: attributes.isExecutable, piecesRoot: root)
    }
}

extension ContentLayout.Unplaced {
    /// The same file as the only file of a single-file torrent.
    var atTopLevel: Self {
        var file = self
        file.path = .empty
        return file
    }
}
