// Metainfo: torrents and magnet links as values (BEP 3, 9, 12, 19, 27, 47, 52, 53's syntax).
//
// What it is for: reading metainfo from anyone into types that cannot be wrong (`SafePath`, `PieceIndex`,
// `ContentLayout`), saying what each piece must hash to, and writing deterministic torrents. What it must never do:
// I/O, look at a clock, trap on anything received, compare names as `String`, or re-encode an info dictionary it was
// given (the info hash is of the bytes as received).
//
// What is strict and what is lenient:
//   - Bencode: see that module. Keys out of order are accepted, except in an info dictionary of meta version 2, where
//     the order of the file tree's keys is the order of the content and clients would disagree about it.
//   - Unknown keys are ignored in the info dictionary and kept outside it. A known key of the wrong type is an error in
//     the info dictionary; outside it (trackers, comment, dates, web seeds) it is taken for absent, for nothing there
//     can harm and old torrents have all sorts of things.
//   - Names are bytes. Without UTF-8 in them they are kept as they are. `name.utf-8` and `path.utf-8` (old v1 torrents
//     in another encoding) win over `name` and `path` in v1 torrents if they are of the right type, and are ignored in
//     v2 and hybrid ones, whose names are UTF-8 by definition. Whatever is used is checked as `PathComponent` says.
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
