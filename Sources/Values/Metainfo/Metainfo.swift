// Metainfo: torrents and magnet links as values (BEP 3, 9, 12, 19, 27, 47, 52; the syntax of 53).
//
// Purpose: parse untrusted metainfo into checked types (`SafePath`, `PieceIndex`, `ContentLayout`), give the expected
// hashes of each piece, and write deterministic torrents. Must never: do I/O, read a clock, trap on received data,
// compare names as `String`, or re-encode a received info dictionary (the info hash is of the bytes as received).
//
// Strict and lenient rules:
//   - The info dictionary is read strictly, as the module Bencode describes, because its bytes are hashed. Keys out of
//     order are accepted in v1. They are refused in meta version 2, where the order of the file tree's keys is the
//     order of the content: clients would disagree about it. A known key with a value of the wrong type is an error;
//     unknown keys are ignored.
//   - The rest of a torrent file is not hashed and is read leniently: blanks, line ends, NULs and a byte order mark
//     around the dictionary, keys out of order or repeated, and malformed numbers are accepted. A value of the wrong
//     type counts as absent. `Torrent.ignored` lists what is not used, and `Torrent.encode` writes it back as it was
//     read. Only `info` may not occur twice with different values. Piece layers are read strictly: they are hashes.
//   - `TrackerAddress` and `WebSeedAddress` check all URLs, whatever their source.
//   - Names are bytes. Names that are not UTF-8 are kept as they are. In v1 torrents, `name.utf-8` and `path.utf-8` (of
//     old torrents in another encoding) take precedence over `name` and `path` if they have the right type. In v2 and
//     hybrid torrents, whose names are UTF-8 by definition, they count only if the other key is missing.
//     `PathComponent` checks every name that is used.
//   - Padding (BEP 47 attribute `p`; a v1 path `.pad/…`; BitComet's `_____padding_file_…`) is never written, so its
//     names need not be distinct. Symlinks are refused. `sha1`, `md5sum` and other attributes are ignored.
//   - `sha256 chain` makes a v1 torrent of one file a blob (`BlobInfo`), and is read strictly: pieces are then verified by
//     the chain and not by SHA-1. It is an error in every other torrent.
//   - Content of zero bytes is refused: there would be no piece to transfer. Empty files beside others are allowed.

/// Limits on the size of a torrent. Parsing one allocates at most a small multiple of its size.
public struct MetainfoLimits: Sendable, Hashable {
    /// Maximum number of pieces. A bitfield of this many takes 512 KiB; 4 million pieces of 256 KiB are 1 TiB.
    public var maxPieces = 4 << 20
    /// Maximum number of files, including padding.
    public var maxFiles = 1_000_000
    /// Maximum piece length, in bytes. A piece is held in memory while it is downloaded and verified.
    public var maxPieceLength = 256 << 20
    /// Minimum piece length of a v1 torrent, in bytes. v2 requires at least 16 KiB.
    public var minPieceLength = 1 << 10
    /// Maximum number of tracker URLs, and of web seeds; further ones are dropped.
    public var maxURLs = 1000
    /// Maximum length of a URL, in bytes; longer ones are dropped.
    public var maxURLBytes = 4096

    public static let standard = MetainfoLimits()
}
