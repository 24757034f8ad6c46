import Bencode
import Hashing

/// A parsed info dictionary of a torrent and its piece layout.
public struct Info: Sendable {
    /// The torrent format: v1 (BEP 3), v2 (BEP 52) or both (hybrid).
    public enum Version: String, Sendable, Hashable, CaseIterable {
        case v1, v2, hybrid

        public var hasV1: Bool { self != .v2 }
        public var hasV2: Bool { self != .v1 }
    }

    /// The top-level name: of the file, or of the directory that holds all files.
    public let name: PathComponent
    public let version: Version
    /// Whether the content is one file called `name` rather than a directory.
    public let isSingleFile: Bool
    /// BEP 27: peers may come only from the trackers.
    public let isPrivate: Bool
    /// A mark of a tracker or publisher that makes the info hash differ; text for a person.
    public let source: String?
    public let layout: ContentLayout
    public let hashes: InfoHashes
    /// The info dictionary as received.
    public let bytes: [UInt8]
    /// The v1 hashes, 20 bytes for each piece; nil in v2-only torrents. A slice of `bytes`, not a copy.
    public let v1PieceHashes: ArraySlice<UInt8>?
    /// The SHA-256 chain of a blob (``BlobInfo``); nil in other torrents. Its pieces are verified by the chain instead of
    /// their v1 hashes.
    public let chain: SHA256Chain?

    /// Reads an info dictionary, from a torrent file or from peers (BEP 9).
    public static func parse(_ bytes: [UInt8]) throws(MetainfoError) -> Info {
        try parse(bytes, limits: .standard)
    }

    public static func parse(
        _ bytes: [UInt8], limits: MetainfoLimits, bencode: BencodeLimits = .metainfo
    ) throws(MetainfoError) -> Info {
        let value: BencodeValue
        do { value = try Bencode.decode(bytes, limits: bencode) } catch { throw .bencode(error) }
        guard let dictionary = value.dictionaryValue else { throw .notADictionary }
        return try InfoReader(dictionary: dictionary, limits: limits).info(bytes: bytes, base: 0)
    }

    /// The path of a file below the destination directory, beginning with the top-level name.
    public func path(of file: FileEntry) -> [PathComponent] { [name] + file.path.components }

    /// The path of a file for display, beginning with the top-level name.
    public func displayPath(of file: FileEntry) -> String {
        file.path.isEmpty ? name.display : name.display + "/" + file.path.display
    }
}
