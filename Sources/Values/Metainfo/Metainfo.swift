// Metainfo: torrents and magnet links as values (BEP 3, 9, 12, 19, 27, 47, 52, 53's syntax).
//
// What it is for: reading metainfo from anyone into types that cannot be wrong (`SafePath`, `PieceIndex`,
// `ContentLayout`), saying what each piece must hash to, and writing deterministic torrents. What it must never do:
// I/O, look at a clock, trap on anything received, compare names as `String`, or re-encode an info dictionary it was
// given (the info hash is of the bytes as received).
//
// What is strict and what is lenient:
//   - The info dictionary is strict, as the module Bencode says: a hash is taken of its bytes. Keys out of order are
//     accepted in v1, and refused in meta version 2, where the order of the file tree's keys is the order of the content
//     and clients would disagree about it. A known key of the wrong type is an error, unknown keys are ignored.
//   - Around it, where nothing is hashed, all that can be read is: blanks, line ends, NULs and a byte order mark before
//     and behind the dictionary, keys out of order or twice, odd numbers. A value of the wrong type is taken for absent.
//     `Torrent.ignored` says what is not used, and `Torrent.encode` writes it as it was. Only `info` may not stand
//     there twice with different values. Piece layers are strict again: they are hashes.
//   - URLs are judged by `TrackerAddress` and `WebSeedAddress`, wherever they come from.
//   - Names are bytes. Without UTF-8 in them they are kept as they are. `name.utf-8` and `path.utf-8` (old v1 torrents
//     in another encoding) win over `name` and `path` in v1 torrents if they are of the right type. In v2 and hybrid
//     ones, whose names are UTF-8 by definition, they count only where the other is missing. Whatever is used is checked as
//     `PathComponent` says.
//   - Padding (BEP 47 attribute `p`; a v1 path `.pad/…`; BitComet's `_____padding_file_…`) is never written, so its
//     names need not be distinct. Symlinks are refused. `sha1`, `md5sum` and other attributes are ignored.
//   - Content of no bytes at all is refused: there would be no piece to transfer. Empty files beside others are fine.

/// How large a torrent may be. Reading one allocates at most a small multiple of its size.
public struct MetainfoLimits: Sendable, Hashable {
    /// Most pieces; a bitfield of this many takes 512 KiB. 4 million pieces of 256 KiB are 1 TiB.
    public var maxPieces = 4 << 20
    /// Most files, padding included.
    public var maxFiles = 1_000_000
    /// Longest piece, in bytes. A piece is held in memory while it is gathered and verified.
    public var maxPieceLength = 256 << 20
    /// Shortest piece of a v1 torrent, in bytes; v2 allows no less than 16 KiB.
    public var minPieceLength = 1 << 10
    /// Most tracker URLs, and most web seeds; what exceeds it is dropped.
    public var maxURLs = 1000
    /// Longest URL, in bytes; a longer one is dropped.
    public var maxURLBytes = 4096

    public static let standard = MetainfoLimits()
}
