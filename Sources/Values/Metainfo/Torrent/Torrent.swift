import Bencode

/// A torrent file: an info dictionary and the keys around it.
public struct Torrent: Sendable {
    public let info: Info
    /// Piece layers of all v2 files longer than one piece. Empty in v1 torrents; incomplete if made from a magnet link.
    public var pieceLayers: PieceLayers { didSet { changed.insert(.pieceLayers) } }
    /// Tiers of tracker URLs (BEP 12); within a tier a client picks at random. Parsing a file keeps only valid
    /// `TrackerAddress` URLs.
    public var trackers: [[String]] { didSet { changed.insert(.trackers) } }
    /// BEP 19 `url-list`. Parsing a file keeps only valid `WebSeedAddress` URLs.
    public var webSeeds: [String] { didSet { changed.insert(.webSeeds) } }
    public var comment: String? { didSet { changed.insert(.comment) } }
    public var createdBy: String? { didSet { changed.insert(.createdBy) } }
    /// Seconds since 1970.
    public var creationDate: Int64? { didSet { changed.insert(.creationDate) } }
    /// Parts of the parsed file that are not used, with the reasons.
    public let ignored: [TorrentProblem]

    /// The parts that were set since parsing. `encode` writes these anew and everything else as it was read.
    private enum Part: CaseIterable { case pieceLayers, trackers, webSeeds, comment, createdBy, creationDate }

    private let fields: TorrentFields
    private var changed: Set<Part>

    /// A torrent around an info dictionary, such as one received from peers.
    public init(
        info: Info, pieceLayers: PieceLayers = PieceLayers(), trackers: [[String]] = [], webSeeds: [String] = [],
        comment: String? = nil, createdBy: String? = nil, creationDate: Int64? = nil
    ) {
        self.info = info
        self.pieceLayers = pieceLayers
        self.trackers = trackers
        self.webSeeds = webSeeds
        self.comment = comment
        self.createdBy = createdBy
        self.creationDate = creationDate
        ignored = []
        fields = TorrentFields()
        changed = Set(Part.allCases)
    }

    /// A torrent parsed from a file.
    init(read parts: TorrentReader.Parts) {
        info = parts.info
        pieceLayers = parts.pieceLayers
        trackers = parts.trackers
        webSeeds = parts.webSeeds
        comment = parts.comment
        createdBy = parts.createdBy
        creationDate = parts.creationDate
        ignored = parts.ignored
        fields = parts.fields
        changed = []
    }

    /// Parses a torrent file.
    ///
    /// The info dictionary is read strictly, because its bytes are hashed. The rest is read leniently: blanks and line
    /// ends around the dictionary, keys out of order or repeated, and values of the wrong type are accepted. `ignored`
    /// lists what is not used, and `encode` writes it back as it was read.
    public static func parse(_ bytes: [UInt8]) throws(MetainfoError) -> Torrent {
        try parse(bytes, limits: .standard)
    }

    public static func parse(
        _ bytes: [UInt8], limits: MetainfoLimits, bencode: BencodeLimits = .metainfo
    ) throws(MetainfoError) -> Torrent {
        Torrent(read: try TorrentReader(bytes, limits: limits, bencode: bencode).parts())
    }

    /// The expected hashes of each piece.
    public var pieceHashes: PieceHashes { PieceHashes(info: info, layers: pieceLayers) }

    /// The torrent file. The info dictionary, and every key whose value was not set since parsing, are written byte for
    /// byte as they were received.
    public func encode() -> [UInt8] {
        var fields = fields
        if changed.contains(.trackers) {
            let isList = trackers.count > 1 || (trackers.first?.count ?? 0) > 1
            fields.set("announce", to: trackers.first?.first.map(BencodeValue.string))
            fields.set("announce-list", to: isList ? .list(trackers.map { .list($0.map(BencodeValue.string)) }) : nil)
        }
        if changed.contains(.comment) { fields.set("comment", to: comment.map(BencodeValue.string)) }
        if changed.contains(.createdBy) { fields.set("created by", to: createdBy.map(BencodeValue.string)) }
        if changed.contains(.creationDate) { fields.set("creation date", to: creationDate.map(BencodeValue.integer)) }
        if changed.contains(.pieceLayers), info.version.hasV2 { fields.set("piece layers", to: pieceLayers.encoded) }
        if changed.contains(.webSeeds) {
            fields.set("url-list", to: webSeeds.isEmpty ? nil : .list(webSeeds.map(BencodeValue.string)))
        }
        return fields.encode(info: info.bytes)
    }
}

extension PieceLayers {
    /// The `piece layers` dictionary of a torrent file.
    fileprivate var encoded: BencodeValue {
        .dictionary(BencodeDictionary(roots.map { (BencodeBytes($0.bytes), .data(self[$0] ?? [])) }))
    }
}
