import Bencode

/// A torrent file: an info dictionary and what stands around it.
public struct Torrent: Sendable {
    public let info: Info
    /// Layers of all v2 files longer than one piece. Empty in v1 torrents, and incomplete if made from a magnet link.
    public var pieceLayers: PieceLayers { didSet { changed.insert(.pieceLayers) } }
    /// BEP 12: tiers of tracker URLs; within a tier a client picks at random. Of a file that was read those that can be
    /// used, as `TrackerAddress` has them.
    public var trackers: [[String]] { didSet { changed.insert(.trackers) } }
    /// BEP 19 `url-list`. Of a file that was read those that can be used, as `WebSeedAddress` has them.
    public var webSeeds: [String] { didSet { changed.insert(.webSeeds) } }
    public var comment: String? { didSet { changed.insert(.comment) } }
    public var createdBy: String? { didSet { changed.insert(.createdBy) } }
    /// In seconds since 1970.
    public var creationDate: Int64? { didSet { changed.insert(.creationDate) } }
    /// What of the file that was read is not used, and why.
    public let ignored: [TorrentProblem]

    /// What `encode` writes anew; all else is written as it was read.
    private enum Part: CaseIterable { case pieceLayers, trackers, webSeeds, comment, createdBy, creationDate }

    private let fields: TorrentFields
    private var changed: Set<Part>

    /// A torrent around an info dictionary, such as one that peers sent.
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

    /// A torrent that was read from a file.
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

    /// Reads a torrent file.
    ///
    /// The info dictionary must be exact, for a hash is taken of its bytes. Around it everything that can be read is:
    /// blanks and line ends before and behind the file, keys out of order or twice, values of the wrong type. What is
    /// not used is in `ignored`, and `encode` writes it as it was.
    public static func parse(_ bytes: [UInt8]) throws(MetainfoError) -> Torrent {
        try parse(bytes, limits: .standard)
    }

    public static func parse(
        _ bytes: [UInt8], limits: MetainfoLimits, bencode: BencodeLimits = .metainfo
    ) throws(MetainfoError) -> Torrent {
        Torrent(read: try TorrentReader(bytes, limits: limits, bencode: bencode).parts())
    }

    /// What each piece must hash to.
    public var pieceHashes: PieceHashes { PieceHashes(info: info, layers: pieceLayers) }

    /// The torrent file. The info dictionary and every key whose value was not set since reading are written as they
    /// were received, byte for byte.
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
