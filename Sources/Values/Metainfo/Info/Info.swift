import Bencode
import Hashing

/// The info dictionary of a torrent: what is in it and how it is cut into pieces.
public struct Info: Sendable {
    /// Which of the two formats a torrent has (BEP 3, BEP 52, or both at once).
    public enum Version: String, Sendable, Hashable, CaseIterable {
        case v1, v2, hybrid

        public var hasV1: Bool { self != .v2 }
        public var hasV2: Bool { self != .v1 }
    }

    /// The top-level name: of the file, or of the directory that all files are in.
    public let name: PathComponent
    public let version: Version
    /// Whether the content is one file called `name`, not a directory.
    public let isSingleFile: Bool
    /// BEP 27: peers may come from the trackers only.
    public let isPrivate: Bool
    /// A tracker's or publisher's mark that makes the info hash differ; text for a person.
    public let source: String?
    public let layout: ContentLayout
    public let hashes: InfoHashes
    /// The dictionary as received.
    public let bytes: [UInt8]
    /// 20 bytes for each piece, one after the other; nil in v2-only torrents. Part of `bytes`, not a copy.
    public let v1PieceHashes: ArraySlice<UInt8>?

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

    /// The path of a file below the destination directory, the top-level name first.
    public func path(of file: FileEntry) -> [PathComponent] { [name] + file.path.components }

    /// The path of a file for a person, the top-level name first.
    public func displayPath(of file: FileEntry) -> String {
        file.path.isEmpty ? name.display : name.display + "/" + file.path.display
    }
}
