import Files
import Metainfo

/// The directories of a content's files, each once. Directory 0 contains the content; in a directory torrent, 1 is the
/// content's own directory.
struct DirectoryTree: Sendable {
    struct Node: Sendable {
        /// Index of the parent directory. Parents come before their children.
        let parent: Int
        let name: FileName
    }

    /// Node 0 is the directory that contains the content; its parent and name are meaningless.
    let nodes: [Node]
    /// For each file of the layout, the index of its directory.
    let directoryOfFile: [Int32]

    static let holder = 0

    init(_ layout: ContentLayout, name: FileName) {
        var nodes = [Node(parent: 0, name: .itself)]
        var known: [Key: Int] = [:]
        var directories: [Int32] = []
        directories.reserveCapacity(layout.files.count)
        var lastPrefix: ArraySlice<UInt8>?
        var lastDirectory = 0
        for file in layout.files {
            guard !file.path.isEmpty else {
                directories.append(Int32(Self.holder))
                continue
            }
            if nodes.count == 1 { nodes.append(Node(parent: Self.holder, name: name)) }
            let bytes = file.path.bytes
            let prefix = bytes[..<(bytes.lastIndex(of: UInt8(ascii: "/")) ?? bytes.startIndex)]
            // Files of one directory are usually adjacent: then one comparison replaces a lookup for each component.
            if prefix != lastPrefix {
                lastPrefix = prefix
                lastDirectory = 1
                for part in prefix.split(separator: UInt8(ascii: "/")) {
                    guard let name = FileName(part) else { continue }
                    let key = Key(parent: lastDirectory, name: name)
                    if let found = known[key] {
                        lastDirectory = found
                    } else {
                        nodes.append(Node(parent: lastDirectory, name: name))
                        lastDirectory = nodes.count - 1
                        known[key] = lastDirectory
                    }
                }
            }
            directories.append(Int32(truncatingIfNeeded: lastDirectory))
        }
        self.nodes = nodes
        directoryOfFile = directories
    }

    private struct Key: Hashable {
        let parent: Int
        let name: FileName
    }
}
