import Text
import Hashing

/// A magnet link to a torrent (BEP 9): its hashes and where to ask for the rest.
///
/// Read: `xt` with `urn:btih:` (40 hex digits or 32 of base32) and `urn:btmh:1220…` (BEP 52), both for a hybrid; `dn`,
/// `tr`, `ws`, `x.pe`; keys may be numbered (`tr.1`). Other `xt` and other keys, `so` among them, are ignored.
///
/// Links are copied from web pages and mails: blanks around a link and line breaks in it, `&amp;` for `&`, keys in
/// capitals and broken escapes are read as they were meant.
public struct Magnet: Sendable, Hashable {
    public var hashes: InfoHashes
    /// A name to show until the real one is known. Not a file name: it is not checked as one.
    public var displayName: String?
    /// As `TrackerAddress` has them, if the link was read.
    public var trackers: [String]
    /// As `WebSeedAddress` has them, if the link was read.
    public var webSeeds: [String]
    /// Peers to try, as `host:port`.
    public var peers: [String]
    /// What of a link that was read is not used, and why.
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

    /// Whether `text` looks like a magnet link, right or wrong.
    public static func isMagnet(_ text: String) -> Bool {
        text.utf8.drop { $0 <= 0x20 }.prefix(7).elementsEqual("magnet:".utf8) { $0 | 0x20 == $1 || $0 == $1 }
    }

    /// Reads a link.
    /// - Throws: `MetainfoError.badMagnet` if it has no usable hash or two different ones of a kind.
    public static func parse(_ text: String) throws(MetainfoError) -> Magnet {
        guard text.utf8.count <= maxBytes else { throw .badMagnet("it is longer than \(maxBytes) bytes") }
        guard isMagnet(text) else { throw .badMagnet("it does not start with 'magnet:?'") }
        return try MagnetReader(text).magnet()
    }

    /// The link.
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
