import Bencode
import Hashing

/// Writes an info dictionary directly to bytes: `BencodeValue`s for 100,000 files would be larger than the result.
struct InfoWriter {
    let builder: TorrentBuilder
    let v1: [UInt8]
    let v2: [Int: TorrentBuilder.V2Hashes]

    private var files: [FileEntry] { builder.layout.files }

    /// The dictionary, and the range of the v1 piece hashes in it.
    func write() -> (bytes: [UInt8], pieceHashes: Range<Int>?) {
        var writer = BencodeWriter()
        var pieceHashes: Range<Int>?
        writer.reserve(v1.count + files.count * 128 + 1024)
        writer.beginDictionary()
        // Keys in byte order.
        if builder.version.hasV1, builder.isSingleFile { Self.writeAttributes(of: files[0], to: &writer) }
        if builder.version.hasV2 {
            writer.append("file tree")
            writeTree(to: &writer)
        }
        if builder.version.hasV1 {
            if builder.isSingleFile {
                writer.append("length")
                writer.append(files[0].length)
            } else {
                writer.append("files")
                writeV1Files(to: &writer)
            }
        }
        if builder.version.hasV2 {
            writer.append("meta version")
            writer.append(Int64(2))
        }
        writer.append("name")
        writer.append(bytes: builder.name.bytes)
        writer.append("piece length")
        writer.append(Int64(builder.layout.pieceLength))
        if builder.version.hasV1 {
            writer.append("pieces")
            writer.append(bytes: v1)
            pieceHashes = writer.bytes.count - v1.count..<writer.bytes.count
        }
        if builder.isPrivate {
            writer.append("private")
            writer.append(Int64(1))
        }
        if let source = builder.source {
            writer.append("source")
            writer.append(source)
        }
        writer.end()
        return (writer.bytes, pieceHashes)
    }

    private static func writeAttributes(of file: FileEntry, to writer: inout BencodeWriter) {
        let attributes = (file.isExecutable ? "x" : "") + (file.isPadding ? "p" : "")
        guard !attributes.isEmpty else { return }
        writer.append("attr")
        writer.append(attributes)
    }

    private func writeV1Files(to writer: inout BencodeWriter) {
        writer.beginList()
        for file in files {
            writer.beginDictionary()
            Self.writeAttributes(of: file, to: &writer)
            writer.append("length")
            writer.append(file.length)
            writer.append("path")
            writer.beginList()
            for component in file.path.bytes.split(separator: UInt8(ascii: "/")) { writer.append(bytes: component) }
            writer.end()
            writer.end()
        }
        writer.end()
    }

    /// Files are sorted by components, so each directory is one run of them: open and close directories as the path
    /// changes.
    private func writeTree(to writer: inout BencodeWriter) {
        writer.beginDictionary()
        var open: [ArraySlice<UInt8>] = []
        for (index, file) in files.enumerated() where !file.isPadding {
            let bytes = builder.isSingleFile ? builder.name.bytes : file.path.bytes
            let components = bytes.split(separator: UInt8(ascii: "/"))
            let directories = components.dropLast()
            var shared = 0
            while shared < open.count, shared < directories.count, open[shared] == directories[shared] { shared += 1 }
            for _ in shared..<open.count { writer.end() }
            open.removeSubrange(shared...)
            for directory in directories[shared...] {
                writer.append(bytes: directory)
                writer.beginDictionary()
                open.append(directory)
            }
            if let name = components.last { writer.append(bytes: name) }
            writer.beginDictionary()
            writer.append("")
            writer.beginDictionary()
            Self.writeAttributes(of: file, to: &writer)
            writer.append("length")
            writer.append(file.length)
            if file.length > 0, let root = v2[index]?.root {
                writer.append("pieces root")
                writer.append(bytes: root.bytes)
            }
            writer.end()
            writer.end()
        }
        for _ in open { writer.end() }
        writer.end()
    }
}
