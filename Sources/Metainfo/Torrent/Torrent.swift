#if canImport(Bencode)
    import Bencode
#endif
#if canImport(Hashing)
    import Hashing
#endif

/// A torrent file: an info dictionary and what stands around it.
public struct Torrent: Sendable {
    public let info: Info
    /// Layers of all v2 files longer than one piece. Empty in v1 torrents, and incomplete if made from a magnet link.
    public var pieceLayers: PieceLayers
    /// BEP 12: tiers of tracker URLs; within a tier a client picks at random.
    public var trackers: [[String]]
    /// BEP 19 `url-list`.
    public var webSeeds: [String]
    public var comment: String?
    public var createdBy: String?
    /// In seconds since 1970.
    public var creationDate: Int64?
    /// Top-level keys that are not known here, kept for `encode`.
    public var otherKeys: BencodeDictionary

    /// A torrent around an info dictionary, such as one that peers sent.
    public init(
        info: Info, pieceLayers: PieceLayers = PieceLayers(), trackers: [[String]] = [], webSeeds: [String] = [],
        comment: String? = nil, createdBy: String? = nil, creationDate: Int64? = nil,
        otherKeys: BencodeDictionary = BencodeDictionary()
    ) {
        self.info = info
        self.pieceLayers = pieceLayers
        self.trackers = trackers
        self.webSeeds = webSeeds
        self.comment = comment
        self.createdBy = createdBy
        self.creationDate = creationDate
        self.otherKeys = otherKeys
    }

    /// Reads a torrent file.
    public static func parse(_ bytes: [UInt8]) throws(MetainfoError) -> Torrent {
        try parse(bytes, limits: .standard)
    }

    public static func parse(
        _ bytes: [UInt8], limits: MetainfoLimits, bencode: BencodeLimits = .metainfo
    ) throws(MetainfoError) -> Torrent {
        let value: BencodeValue
        do { value = try Bencode.decode(bytes, limits: bencode) } catch { throw .bencode(error) }
        guard let dictionary = value.dictionaryValue else { throw .notADictionary }
        return try TorrentReader(dictionary: dictionary, limits: limits).torrent(bytes: bytes)
    }

    /// What each piece must hash to.
    public var pieceHashes: PieceHashes { PieceHashes(info: info, layers: pieceLayers) }

    /// The torrent file. The info dictionary is written as it was received, byte for byte.
    public func encode() -> [UInt8] {
        var dictionary = otherKeys
        dictionary["announce"] = trackers.first?.first.map(BencodeValue.string)
        if trackers.count > 1 || (trackers.first?.count ?? 0) > 1 {
            dictionary["announce-list"] = .list(trackers.map { .list($0.map(BencodeValue.string)) })
        }
        dictionary["comment"] = comment.map(BencodeValue.string)
        dictionary["created by"] = createdBy.map(BencodeValue.string)
        dictionary["creation date"] = creationDate.map(BencodeValue.integer)
        if info.version.hasV2 { dictionary["piece layers"] = pieceLayers.encoded }
        if !webSeeds.isEmpty { dictionary["url-list"] = .list(webSeeds.map(BencodeValue.string)) }
        dictionary["info"] = .integer(0)  // a place in the order; its bytes follow below

        var writer = BencodeWriter()
        writer.reserve(info.bytes.count + 4096)
        writer.beginDictionary()
        for entry in dictionary.entries {
            writer.append(bytes: entry.key.slice)
            if entry.key == "info" { writer.append(raw: info.bytes) } else { writer.append(entry.value) }
        }
        writer.end()
        return writer.bytes
    }
}

extension PieceLayers {
    /// The `piece layers` dictionary of a torrent file.
    fileprivate var encoded: BencodeValue {
        .dictionary(BencodeDictionary(roots.map { (BencodeBytes($0.bytes), .data(self[$0] ?? [])) }))
    }
}
