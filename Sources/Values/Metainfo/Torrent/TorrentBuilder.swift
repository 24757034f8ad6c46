import Bencode
import Hashing

/// Makes torrents in two steps: `init` sorts the files and defines what is to be hashed (`layout`); `build` makes the
/// torrent from the hashes. The same input gives the same bytes.
///
/// In every format, files are sorted by path, component by component as bytes: v2 requires it, and the v1 half of a
/// hybrid must have the same order. Hybrid torrents get a padding file `.pad/N` (BEP 47) before each file that would
/// not start a piece.
public struct TorrentBuilder: Sendable {
    /// A file to put into a torrent.
    public struct File: Sendable, Hashable {
        /// Path below the top-level name; ignored in a single-file torrent.
        public var path: SafePath
        /// In bytes.
        public var length: Int64
        public var isExecutable: Bool

        public init(path: SafePath, length: Int64, isExecutable: Bool = false) {
            self.path = path
            self.length = length
            self.isExecutable = isExecutable
        }
    }

    /// The v2 hashes of a file.
    public struct V2Hashes: Sendable, Hashable {
        /// Root of the file's Merkle tree.
        public var root: SHA256Digest
        /// 32 bytes for each piece. Not used (and best left empty) for a file of one piece or less.
        public var pieceLayer: [UInt8]

        public init(root: SHA256Digest, pieceLayer: [UInt8] = []) {
            self.root = root
            self.pieceLayer = pieceLayer
        }
    }

    public let name: PathComponent
    public let version: Info.Version
    public let isSingleFile: Bool
    /// The files in content order, including padding. v1 hashes cover its pieces (padding is zeros); v2 hashes cover
    /// each file that is not empty and not padding.
    public let layout: ContentLayout

    public var isPrivate = false
    public var source: String?
    public var trackers: [[String]] = []
    public var webSeeds: [String] = []
    public var comment: String?
    public var createdBy: String?
    /// Seconds since 1970. Nil by default, so that the output does not depend on the time.
    public var creationDate: Int64?

    /// A torrent of a directory called `name`.
    /// - Parameter pieceLength: in bytes; for v2 and hybrid torrents a power of two of at least 16 KiB.
    /// - Throws: `MetainfoError` if the files cannot be in one torrent.
    public init(
        name: PathComponent, files: [File], pieceLength: Int, version: Info.Version
    ) throws(MetainfoError) {
        let sorted = files.sorted { $0.path < $1.path }
        var unplaced: [ContentLayout.Unplaced] = []
        unplaced.reserveCapacity(version == .hybrid ? files.count * 2 : files.count)
        var cursor: Int64 = 0
        for file in sorted {
            guard !file.path.isEmpty else { throw .notRepresentable("a file without a path in a directory") }
            if version.hasV1, V1Files.isPaddingName(file.path) {
                throw .notRepresentable(
                    "'\(file.path.display)' has the name of a padding file, which v1 clients do not write; use v2")
            }
            if version == .hybrid, file.length > 0, let gap = Self.gap(at: cursor, pieceLength: pieceLength) {
                unplaced.append(.init(path: SafePath(checked: Array(".pad/\(gap)".utf8)), length: gap, isPadding: true))
                cursor += gap
            }
            unplaced.append(.init(path: file.path, length: file.length, isExecutable: file.isExecutable))
            let (end, overflow) = cursor.addingReportingOverflow(max(0, file.length))
            guard !overflow, end <= Int64.max / 2 else { throw .contentTooLarge }
            cursor = end
        }
        try PathSetCheck.check(unplaced)
        if version == .v2, unplaced.count == 1, unplaced[0].path.bytes == name.bytes {
            // BEP 52 encodes both cases the same way, and readers would take it for the single file.
            throw .notRepresentable(
                "a directory with one file of its own name, in v2; use another name, the file itself, v1 or hybrid")
        }
        try self.init(name: name, files: unplaced, isSingleFile: false, pieceLength: pieceLength, version: version)
    }

    /// A torrent of one file called `name`.
    public init(
        name: PathComponent, length: Int64, isExecutable: Bool = false, pieceLength: Int, version: Info.Version
    ) throws(MetainfoError) {
        let file = ContentLayout.Unplaced(path: .empty, length: length, isExecutable: isExecutable)
        try self.init(name: name, files: [file], isSingleFile: true, pieceLength: pieceLength, version: version)
    }

    private init(
        name: PathComponent, files: [ContentLayout.Unplaced], isSingleFile: Bool, pieceLength: Int,
        version: Info.Version
    ) throws(MetainfoError) {
        let limits = MetainfoLimits.standard
        let smallest = version.hasV2 ? MerkleTree.leafSize : limits.minPieceLength
        guard pieceLength >= smallest, pieceLength <= limits.maxPieceLength,
            !version.hasV2 || pieceLength & (pieceLength - 1) == 0
        else { throw .badPieceLength(Int64(pieceLength)) }
        self.name = name
        self.version = version
        self.isSingleFile = isSingleFile
        layout = try ContentLayout(
            pieceLength: pieceLength, files: files, alignsFiles: version == .v2, limits: limits)
    }

    private static func gap(at cursor: Int64, pieceLength: Int) -> Int64? {
        guard pieceLength > 0 else { return nil }
        let over = cursor % Int64(pieceLength)
        return over == 0 ? nil : Int64(pieceLength) - over
    }

    /// Builds the torrent.
    /// - Parameters:
    ///   - v1: the SHA-1 of each piece of `layout`, 20 bytes each; not used in v2 torrents.
    ///   - v2: hashes by index in `layout.files`, one for each file that is not empty and not padding; not used in v1
    ///     torrents.
    /// - Throws: `MetainfoError` if hashes are missing, superfluous, or inconsistent.
    public func build(v1: [UInt8] = [], v2: [Int: V2Hashes] = [:]) throws(MetainfoError) -> Torrent {
        if version.hasV1 {
            guard v1.count % SHA1Digest.byteCount == 0 else { throw .badPieceHashes(bytes: v1.count) }
            let found = v1.count / SHA1Digest.byteCount
            guard found == layout.pieceCount else { throw .wrongPieceCount(expected: layout.pieceCount, found: found) }
        }
        let info = try info(v1: v1, v2: v2)
        var layers = PieceLayers()
        if version.hasV2 {
            for (index, file) in info.layout.files.enumerated() where file.length > Int64(layout.pieceLength) {
                guard !file.isPadding else { continue }
                guard let hashes = v2[index] else { throw .missingPieceLayer(info.displayPath(of: file)) }
                try layers.add(hashes.pieceLayer[...], file: file, pieceLength: layout.pieceLength)
            }
        }
        return Torrent(
            info: info, pieceLayers: layers, trackers: trackers, webSeeds: webSeeds, comment: comment,
            createdBy: createdBy, creationDate: creationDate)
    }

    /// The same `Info` as parsing the written dictionary would give. Parsing would take several times the memory.
    private func info(v1: [UInt8], v2: [Int: V2Hashes]) throws(MetainfoError) -> Info {
        let (bytes, pieceHashes) = InfoWriter(builder: self, v1: v1, v2: v2).write()
        var full = layout
        if version.hasV2 {
            var files = layout.files
            for index in files.indices where !files[index].isPadding && files[index].length > 0 {
                guard let root = v2[index]?.root else { throw .missingPiecesRoot(files[index].path.display) }
                files[index].piecesRoot = root
            }
            full = layout.replacingFiles(with: files)
        }
        let hashes = InfoHashes(
            v1: version.hasV1 ? SHA1.digest(bytes) : nil, v2: version.hasV2 ? SHA256.digest(bytes) : nil)
        guard let hashes else { throw .missing(key: "pieces") }
        return Info(
            name: name, version: version, isSingleFile: isSingleFile, isPrivate: isPrivate, source: source,
            layout: full, hashes: hashes, bytes: bytes, v1PieceHashes: pieceHashes.map { bytes[$0] }, chain: nil)
    }
}
