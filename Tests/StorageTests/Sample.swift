import Hashing
import Metainfo
import Storage
import TestSupport
import Text

/// A small torrent and its content.
struct Sample: Sendable {
    let torrent: Torrent
    /// By path below the top-level name; "" for a single file.
    let files: [String: [UInt8]]
    /// As the wire sees them, padding included.
    let pieces: [[UInt8]]

    var info: Info { torrent.info }
    var layout: ContentLayout { torrent.info.layout }
    var hashes: PieceHashes { torrent.pieceHashes }
    var everything: PieceSet { PieceSet(full: layout.pieceCount) }

    func piece(_ index: Int) -> PieceIndex { PieceIndex(unchecked: index) }

    /// The index of a file in the layout.
    func file(_ path: String) -> Int { layout.files.firstIndex { $0.path.display == path } ?? -1 }

    func selection(_ paths: String...) -> FileSelection {
        FileSelection(layout) { paths.contains($0.path.display) }
    }

    static let tree = [
        ("a/deep/down/first.bin", 50_000), ("a/empty", 0), ("a/second.bin", 16_384), ("b/third.bin", 70_001),
        ("last", 3),
    ]

    static func directory(
        _ files: [(String, Int)] = tree, name: String = "content", pieceLength: Int = 16_384,
        version: Info.Version = .hybrid, seed: UInt64 = 1, executable: Set<String> = [], zeros: Set<String> = []
    ) throws -> Sample {
        var random = SeededGenerator(seed: seed)
        var content: [String: [UInt8]] = [:]
        for (path, length) in files {
            content[path] =
                zeros.contains(path) ? [UInt8](repeating: 0, count: length) : random.bytesWithoutZeros(length)
        }
        let entries = try files.map { path, length in
            TorrentBuilder.File(
                path: try SafePath(path), length: Int64(length), isExecutable: executable.contains(path))
        }
        let builder = try TorrentBuilder(
            name: try PathComponent(name), files: entries, pieceLength: pieceLength, version: version)
        return try Sample(builder, content)
    }

    static func single(
        _ length: Int = 100_000, name: String = "content", pieceLength: Int = 16_384, version: Info.Version = .hybrid,
        seed: UInt64 = 1
    ) throws -> Sample {
        var random = SeededGenerator(seed: seed)
        let builder = try TorrentBuilder(
            name: try PathComponent(name), length: Int64(length), pieceLength: pieceLength, version: version)
        return try Sample(builder, ["": random.bytesWithoutZeros(length)])
    }

    /// A blob of these bytes and its torrent.
    /// - Parameter sha1: of the pieces; nil for the right ones.
    static func blob(_ bytes: [UInt8], pieceLength: Int = 16_384, sha1: [UInt8]? = nil) throws -> Sample {
        let pieces = stride(from: 0, to: bytes.count, by: pieceLength).map {
            Array(bytes[$0..<min($0 + pieceLength, bytes.count)])
        }
        var stream = SHA256Stream()
        let states = pieces.dropLast().flatMap { piece in
            stream.update(piece)
            return stream.state?.bytes ?? []
        }
        let info = try BlobInfo(
            digest: SHA256.digest(bytes), length: Int64(bytes.count), pieceLength: pieceLength,
            pieces: sha1 ?? pieces.flatMap { SHA1.digest($0).bytes }, states: states)
        return Sample(torrent: Torrent(info: info.info), files: ["": bytes], pieces: pieces)
    }

    private init(torrent: Torrent, files: [String: [UInt8]], pieces: [[UInt8]]) {
        self.torrent = torrent
        self.files = files
        self.pieces = pieces
    }

    private init(_ builder: TorrentBuilder, _ content: [String: [UInt8]]) throws {
        let layout = builder.layout
        func bytes(_ file: Int) -> [UInt8] {
            let entry = layout.files[file]
            return entry.isPadding
                ? [UInt8](repeating: 0, count: Int(entry.length)) : content[entry.path.string ?? ""] ?? []
        }
        pieces = layout.pieces.map { piece in
            layout.spans(of: piece).flatMap { span in
                bytes(span.file)[Int(span.fileOffset)..<Int(span.fileOffset) + span.length]
            }
        }
        var v2: [Int: TorrentBuilder.V2Hashes] = [:]
        if builder.version.hasV2 {
            for (index, entry) in layout.files.enumerated() where !entry.isPadding && entry.length > 0 {
                v2[index] = Self.v2Hashes(bytes(index), pieceLength: layout.pieceLength)
            }
        }
        let v1 = builder.version.hasV1 ? pieces.flatMap { SHA1.digest($0).bytes } : []
        torrent = try builder.build(v1: v1, v2: v2)
        files = content
    }

    private static func v2Hashes(_ bytes: [UInt8], pieceLength: Int) -> TorrentBuilder.V2Hashes {
        let leaves = bytes.withUnsafeBytes { MerkleTree.blockHashes($0) }
        let perPiece = pieceLength / MerkleTree.leafSize
        guard bytes.count > pieceLength else {
            return .init(root: MerkleTree.root(ofLeaves: leaves, leafCount: MerkleTree.width(leaves.count)))
        }
        let roots = stride(from: 0, to: leaves.count, by: perPiece).map {
            MerkleTree.root(ofLeaves: Array(leaves[$0..<min($0 + perPiece, leaves.count)]), leafCount: perPiece)
        }
        let pad = MerkleTree.padHash(layer: perPiece.trailingZeroBitCount)
        return .init(
            root: MerkleTree.root(ofLeaves: roots, leafCount: MerkleTree.width(roots.count), pad: pad),
            pieceLayer: roots.flatMap(\.bytes))
    }
}
