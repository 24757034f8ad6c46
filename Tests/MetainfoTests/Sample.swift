import Bencode
import Hashing
import Metainfo

/// Small torrents of known content.
enum Sample {
    /// A file of a sample directory.
    struct File {
        var path: String
        var length: Int
        var isExecutable = false
    }

    /// Bytes that differ from file to file and repeat with no power of two.
    static func content(of path: String, length: Int) -> [UInt8] {
        let seed = path.utf8.reduce(7) { ($0 &* 31 &+ Int($1)) & 0xffff }
        return (0..<length).map { UInt8(truncatingIfNeeded: ($0 &* 7 &+ seed) % 251) }
    }

    static let pieceLength = 32768

    static let files = [
        File(path: "a.bin", length: 100_000), File(path: "b.bin", length: 40_000, isExecutable: true),
        File(path: "empty", length: 0), File(path: "sub/c.bin", length: 70_000),
        File(path: "sub/d.txt", length: 10), File(path: "sub.bin", length: 32_768),
    ]

    /// A torrent of `files` in a directory `d`, hashed.
    static func directory(
        _ version: Info.Version, files: [File] = files, pieceLength: Int = pieceLength,
        change: (inout TorrentBuilder) -> Void = { _ in }
    ) throws -> Torrent {
        let builderFiles = try files.map {
            TorrentBuilder.File(
                path: try SafePath($0.path), length: Int64($0.length), isExecutable: $0.isExecutable)
        }
        var builder = try TorrentBuilder(
            name: try PathComponent("d"), files: builderFiles, pieceLength: pieceLength, version: version)
        change(&builder)
        return try hashed(builder)
    }

    /// A torrent of one file `one.bin`.
    static func single(
        _ version: Info.Version, length: Int = 300_000, pieceLength: Int = pieceLength,
        change: (inout TorrentBuilder) -> Void = { _ in }
    ) throws -> Torrent {
        var builder = try TorrentBuilder(
            name: try PathComponent("one.bin"), length: Int64(length), pieceLength: pieceLength, version: version)
        change(&builder)
        return try hashed(builder)
    }

    static func content(of file: FileEntry) -> [UInt8] {
        if file.isPadding { return [UInt8](repeating: 0, count: Int(file.length)) }
        return content(of: file.path.string ?? "", length: Int(file.length))
    }

    /// The bytes of a piece, as the wire sees them.
    static func content(of piece: PieceIndex, in layout: ContentLayout) -> [UInt8] {
        layout.spans(of: piece).flatMap { span -> ArraySlice<UInt8> in
            let start = Int(span.fileOffset)
            return content(of: layout.files[span.file])[start..<start + span.length]
        }
    }

    /// Hashes the sample content the plain way, one piece and one block at a time.
    static func hashed(_ builder: TorrentBuilder) throws -> Torrent {
        let layout = builder.layout
        var v1: [UInt8] = []
        if builder.version.hasV1 {
            let all = layout.files.flatMap(content(of:))
            for start in stride(from: 0, to: all.count, by: layout.pieceLength) {
                v1 += SHA1.digest(Array(all[start..<min(start + layout.pieceLength, all.count)])).bytes
            }
        }
        var v2: [Int: TorrentBuilder.V2Hashes] = [:]
        if builder.version.hasV2 {
            for (index, file) in layout.files.enumerated() where !file.isPadding && file.length > 0 {
                v2[index] = v2Hashes(content(of: file), pieceLength: layout.pieceLength)
            }
        }
        return try builder.build(v1: v1, v2: v2)
    }

    private static func v2Hashes(_ data: [UInt8], pieceLength: Int) -> TorrentBuilder.V2Hashes {
        let blocks = stride(from: 0, to: data.count, by: 16384).map {
            SHA256.digest(Array(data[$0..<min($0 + 16384, data.count)]))
        }
        let perPiece = pieceLength / 16384
        var width = 1
        while width < blocks.count { width *= 2 }
        let layer = stride(from: 0, to: blocks.count, by: perPiece).map {
            MerkleTree.root(ofLeaves: Array(blocks[$0..<min($0 + perPiece, blocks.count)]), leafCount: perPiece)
        }
        return .init(
            root: MerkleTree.root(ofLeaves: blocks, leafCount: width), pieceLayer: layer.flatMap(\.bytes))
    }
}

extension BencodeValue {
    /// A copy with the value at a path of keys and list positions replaced; nil removes it.
    func replacing(_ path: [String], with value: BencodeValue?) -> BencodeValue {
        guard let first = path.first else { return value ?? self }
        let rest = Array(path.dropFirst())
        switch self {
        case .dictionary(var dictionary):
            if rest.isEmpty {
                dictionary[first] = value
            } else {
                dictionary[first] = (dictionary[first] ?? [:]).replacing(rest, with: value)
            }
            return .dictionary(dictionary)
        case .list(var list):
            guard let index = Int(first), list.indices.contains(index) else { return self }
            if rest.isEmpty, value == nil {
                list.remove(at: index)
            } else {
                list[index] = list[index].replacing(rest, with: value)
            }
            return .list(list)
        default: return self
        }
    }
}
