import Hashing
import Text

/// A magnet link (BEP 9): the info hashes of a torrent, and where to ask for its metadata.
///
/// Keys that are read: `xt` with `urn:btih:` (40 hex digits or 32 of base32) and `urn:btmh:1220…` (BEP 52), both for a
/// hybrid torrent; `dn`, `tr`, `ws`, `x.pe`. Keys may be numbered (`tr.1`). Other `xt` values and other keys, including
/// `so`, are ignored.
///
/// Links are often copied from web pages and mails, so these deviations are accepted: blanks around a link, line breaks
/// in it, `&amp;` for `&`, upper-case keys, broken escapes.
public struct Magnet: Sendable, Hashable {
    public var hashes: InfoHashes
    /// The name to show until the metadata is known. Not checked as a file name.
    public var displayName: String?
    /// Valid `TrackerAddress` URLs, if the link was parsed.
    public var trackers: [String]
    /// Valid `WebSeedAddress` URLs, if the link was parsed.
    public var webSeeds: [String]
    /// Peers to connect to, as `host:port`.
    public var peers: [String]
    /// Parts of a parsed link that are not used, with the reasons.
    public internal(set) var ignored: [TorrentProblem] = []

    /// Longest link, in bytes.
    public static let maxBytes = 256 << 10

    public init(
        hashes: InfoHashes, displayName: String? = nil, trackers: [String] = [], webSeeds: [String] = [],
        peers: [String] = []
    ) {
        self.hashes = hashes
        self.displayName = displayName
        self.trackers = trackers
        self.webSeeds = webSeeds
        self.peers = peers
    }

    /// Whether `text` looks like a magnet link, valid or not.
    public static func isMagnet(_ text: String) -> Bool {
        text.utf8.drop { $0 <= 0x20 }.prefix(7).elementsEqual("magnet:".utf8) { $0 | 0x20 == $1 || $0 == $1 }
    }

    /// Parses a link.
    /// - Throws: `MetainfoError.badMagnet` if it has no usable info hash, or two different hashes of one kind.
    public static func parse(_ text: String) throws(MetainfoError) -> Magnet {
        guard text.utf8.count <= maxBytes else { throw .badMagnet("it is longer than \(maxBytes) bytes") }
        guard isMagnet(text) else { throw .badMagnet("it does not start with 'magnet:?'") }
        return try MagnetReader(text).magnet()
    }

    /// The link as text.
    public func encode() -> String {
        var parts: [String] = []
        if let v1 = hashes.v1 { parts.append("xt=urn:btih:\(v1.hex)") }
        if let v2 = hashes.v2 { parts.append("xt=urn:btmh:1220\(v2.hex)") }
        if let displayName { parts.append("dn=" + PercentEncoding.encode(displayName.utf8)) }
        parts += trackers.map { "tr=" + PercentEncoding.encode($0.utf8) }
        parts += webSeeds.map { "ws=" + PercentEncoding.encode($0.utf8) }
        parts += peers.map { "x.pe=" + PercentEncoding.encode($0.utf8, keeping: ":[]") }
        return "magnet:?" + parts.joined(separator: "&")
    }
}

extension Torrent {
    /// A link to this torrent.
    public var magnet: Magnet {
        Magnet(
            hashes: info.hashes, displayName: info.name.string, trackers: trackers.flatMap { $0 }, webSeeds: webSeeds)
    }
}
