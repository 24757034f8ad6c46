import Bencode
import Hashing

/// The files of a v2 or hybrid info dictionary: the `file tree` (BEP 52), in its order.
struct FileTree {
    private(set) var files: [ContentLayout.Unplaced] = []
    private let limits: MetainfoLimits

    init(_ root: BencodeDictionary, limits: MetainfoLimits) throws(MetainfoError) {
        self.limits = limits
        var path: [UInt8] = []
        try walk(root, path: &path, depth: 0)
    }

    /// Whether the tree is one file at its top that has the torrent's name: then there is no directory around it.
    func isSingleFile(named name: PathComponent) -> Bool {
        files.count == 1 && files[0].path.bytes == name.bytes
    }

    /// The recursion is as deep as the decoder allowed the input to be, and no deeper than `SafePath.maxDepth`.
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
            // The empty key sorts first: its value describes the file.
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
        // An empty file has no tree. What some programs write as its root says nothing.
        return .init(path: path, length: length, isExecutable: attributes.isExecutable, piecesRoot: root)
    }
}

extension ContentLayout.Unplaced {
    /// The same file as the only one of a single-file torrent.
    var atTopLevel: Self {
        var file = self
        file.path = .empty
        return file
    }
}
