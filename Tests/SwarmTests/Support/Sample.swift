import Foundation
import Hashing
import Metainfo
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
    var name: String { info.name.display }

    static let tree = [
        ("a/deep/down/first.bin", 50_000), ("a/empty", 0), ("a/second.bin", 16_384), ("b/third.bin", 270_001),
        ("last", 3), ("none", 0),
    ]

    static func directory(
        _ files: [(String, Int)] = tree, name: String = "content", pieceLength: Int = 32_768,
        version: Info.Version = .hybrid, isPrivate: Bool = false
    ) throws -> Sample {
        var random = SeededGenerator(seed: 7)
        var content: [String: [UInt8]] = [:]
        for (path, length) in files { content[path] = random.bytesWithoutZeros(length) }
        let entries = try files.map { TorrentBuilder.File(path: try SafePath($0), length: Int64($1)) }
        var builder = try TorrentBuilder(
            name: try PathComponent(name), files: entries, pieceLength: pieceLength, version: version)
        builder.isPrivate = isPrivate
        return try Sample(builder, content)
    }

    static func single(
        _ length: Int = 1_000_000, name: String = "content", pieceLength: Int = 65_536, version: Info.Version = .hybrid,
        isPrivate: Bool = false, seed: UInt64 = 1
    ) throws -> Sample {
        var random = SeededGenerator(seed: seed)
        var builder = try TorrentBuilder(
            name: try PathComponent(name), length: Int64(length), pieceLength: pieceLength, version: version)
        builder.isPrivate = isPrivate
        return try Sample(builder, ["": random.bytesWithoutZeros(length)])
    }

    /// A blob and its torrent, whose SHA-1s are those of other bytes: only the chain can verify it.
    static func blob(_ length: Int = 1_000_000, pieceLength: Int = 65_536, seed: UInt64 = 1) throws -> Sample {
        var random = SeededGenerator(seed: seed)
        return try blob(random.bytesWithoutZeros(length), pieceLength: pieceLength)
    }

    /// - Parameter states: the chain; nil for the right one.
    static func blob(_ bytes: [UInt8], pieceLength: Int, states: [UInt8]? = nil) throws -> Sample {
        let pieces = stride(from: 0, to: bytes.count, by: pieceLength).map {
            Array(bytes[$0..<min($0 + pieceLength, bytes.count)])
        }
        let info = try BlobInfo(
            digest: SHA256.digest(bytes), length: Int64(bytes.count), pieceLength: pieceLength,
            pieces: [UInt8](repeating: 7, count: 20 * pieces.count), states: states ?? self.states(between: pieces))
        return Sample(torrent: Torrent(info: info.info), files: ["": bytes], pieces: pieces)
    }

    static func states(between pieces: [[UInt8]]) -> [UInt8] {
        var stream = SHA256Stream()
        return pieces.dropLast().flatMap { piece in
            stream.update(piece)
            return stream.state?.bytes ?? []
        }
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
        let contents = layout.files.indices.map(bytes)
        pieces = layout.pieces.map { piece in
            layout.spans(of: piece).flatMap { span in
                contents[span.file][Int(span.fileOffset)..<Int(span.fileOffset) + span.length]
            }
        }
        var v2: [Int: TorrentBuilder.V2Hashes] = [:]
        if builder.version.hasV2 {
            for (index, entry) in layout.files.enumerated() where !entry.isPadding && entry.length > 0 {
                v2[index] = Self.v2Hashes(contents[index], pieceLength: layout.pieceLength)
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

    // MARK: On disk

    /// Writes the content into `directory`.
    /// - Returns: its path.
    @discardableResult
    func write(into directory: String) throws -> String {
        let root = "\(directory)/\(name)"
        for (path, bytes) in files {
            let full = path.isEmpty ? root : "\(root)/\(path)"
            try FileManager.default.createDirectory(
                atPath: (full as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
            try Data(bytes).write(to: URL(fileURLWithPath: full))
        }
        return root
    }

    /// Whether `directory` holds exactly this content, or the named files of it.
    func isThere(in directory: String, only paths: Set<String>? = nil) -> Bool {
        files.allSatisfy { path, bytes in
            let full = path.isEmpty ? "\(directory)/\(name)" : "\(directory)/\(name)/\(path)"
            guard paths?.contains(path) ?? true else { return !FileManager.default.fileExists(atPath: full) }
            return FileManager.default.contents(atPath: full).map { [UInt8]($0) } == bytes
        }
    }
}
