import Hashing

/// A file of a torrent, or the padding between two files.
public struct FileEntry: Sendable, Hashable {
    /// Path below the top-level name; empty for the one file of a single-file torrent.
    public let path: SafePath
    /// In bytes, 0 or more.
    public let length: Int64
    /// Padding: zeros that only align the next file (BEP 47). Never written and never requested.
    public let isPadding: Bool
    /// BEP 47 attribute `x`.
    public let isExecutable: Bool
    /// Start of the file in the content space (see `ContentLayout`), in bytes.
    public let offset: Int64
    /// Root of the file's Merkle tree (BEP 52); nil in v1 torrents, for padding and for empty files.
    public internal(set) var piecesRoot: SHA256Digest?

    public init(
        path: SafePath, length: Int64, isPadding: Bool = false, isExecutable: Bool = false, offset: Int64,
        piecesRoot: SHA256Digest? = nil
    ) {
        self.path = path
        self.length = length
        self.isPadding = isPadding
        self.isExecutable = isExecutable
        self.offset = offset
        self.piecesRoot = piecesRoot
    }

    /// One past the file's last byte in the content space.
    public var end: Int64 { offset + length }
}

/// The part of a piece that lies in one file.
public struct FileSpan: Sendable, Hashable {
    /// Index in `ContentLayout.files`.
    public let file: Int
    /// In bytes from the start of the file.
    public let fileOffset: Int64
    /// In bytes, more than 0.
    public let length: Int
    /// In bytes from the start of the piece.
    public let pieceOffset: Int
    public let isPadding: Bool

    public init(file: Int, fileOffset: Int64, length: Int, pieceOffset: Int, isPadding: Bool) {
        self.file = file
        self.fileOffset = fileOffset
        self.length = length
        self.pieceOffset = pieceOffset
        self.isPadding = isPadding
    }
}
