#if canImport(Hashing)
    import Hashing
#endif

/// A magnet link to a torrent (BEP 9): its hashes and where to ask for the rest.
///
/// Read: `xt` with `urn:btih:` (40 hex digits or 32 of base32) and `urn:btmh:1220…` (BEP 52), both for a hybrid; `dn`,
/// `tr`, `ws`, `x.pe`; keys may be numbered (`tr.1`). Other `xt` and other keys, `so` among them, are ignored.
public struct Magnet: Sendable, Hashable {
    public var hashes: InfoHashes
    /// A name to show until the real one is known. Not a file name: it is not checked as one.
    public var displayName: String?
    public var trackers: [String]
    public var webSeeds: [String]
    /// Peers to try, as `host:port`.
    public var peers: [String]

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
        text.utf8.prefix(7).elementsEqual("magnet:".utf8) { $0 | 0x20 == $1 || $0 == $1 }
    }

    /// Reads a link.
    /// - Throws: `MetainfoError.badMagnet` if it has no usable hash, two different ones of a kind, or a malformed one.
    public static func parse(_ text: String) throws(MetainfoError) -> Magnet {
        guard text.utf8.count <= maxBytes else { throw .badMagnet("it is longer than \(maxBytes) bytes") }
        guard isMagnet(text) else { throw .badMagnet("it does not start with 'magnet:?'") }
        var rest = Array(text.utf8)[7...]
        guard rest.first == UInt8(ascii: "?") else { throw .badMagnet("it does not start with 'magnet:?'") }
        rest = rest.dropFirst()

        var v1: SHA1Digest?
        var v2: SHA256Digest?
        var fields = Fields()
        for pair in rest.split(separator: UInt8(ascii: "&")) {
            let parts = pair.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, let key = PercentEncoding.decode(parts[0]).map(Self.unnumbered) else { continue }
            guard key != "xt" else {
                guard let value = PercentEncoding.decode(parts[1]) else { throw .badMagnet("a hash is malformed") }
                try Self.readTopic(value, v1: &v1, v2: &v2)
                continue
            }
            // Only in a name does '+' mean a space; in a URL it is itself.
            fields.add(key: key, value: PercentEncoding.decode(parts[1], plusIsSpace: key == "dn"))
        }
        guard let hashes = InfoHashes(v1: v1, v2: v2) else { throw .badMagnet("it has no BitTorrent info hash") }
        return Magnet(
            hashes: hashes, displayName: fields.name, trackers: fields.trackers, webSeeds: fields.webSeeds,
            peers: fields.peers)
    }

    private struct Fields {
        var name: String?
        var trackers: [String] = []
        var webSeeds: [String] = []
        var peers: [String] = []

        mutating func add(key: String, value: String?) {
            let limits = MetainfoLimits.standard
            guard let value, !value.isEmpty, value.utf8.count <= limits.maxURLBytes else { return }
            if key == "dn" {
                name = name ?? value
                return
            }
            guard let clean = URLText.cleaned(Array(value.utf8)[...]) else { return }
            let counts = trackers.count + webSeeds.count + peers.count
            guard counts < limits.maxURLs else { return }
            switch key {
            case "tr" where !trackers.contains(clean): trackers.append(clean)
            case "ws" where !webSeeds.contains(clean): webSeeds.append(clean)
            case "x.pe" where !peers.contains(clean): peers.append(clean)
            default: break
            }
        }
    }

    /// `tr` for `tr.1`.
    private static func unnumbered(_ key: String) -> String {
        guard let dot = key.utf8.lastIndex(of: UInt8(ascii: ".")) else { return key }
        let digits = key.utf8[key.utf8.index(after: dot)...]
        guard !digits.isEmpty, digits.allSatisfy({ $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }) else {
            return key
        }
        return String(key[..<dot])
    }

    private static func readTopic(
        _ topic: String, v1: inout SHA1Digest?, v2: inout SHA256Digest?
    ) throws(MetainfoError) {
        let parts = topic.split(separator: ":", maxSplits: 2)
        guard parts.count == 3, parts[0].lowercased() == "urn" else { return }
        switch parts[1].lowercased() {
        case "btih":
            let decoded = SHA1Digest(hex: parts[2]) ?? Base32.decode(parts[2]).flatMap { SHA1Digest(bytes: $0) }
            guard let digest = decoded else {
                throw .badMagnet("its v1 hash is neither 40 hex digits nor 32 of base32")
            }
            guard v1 == nil || v1 == digest else { throw .badMagnet("it has two different v1 hashes") }
            v1 = digest
        case "btmh":
            // A multihash: 0x12 is SHA-256, 0x20 its length.
            guard parts[2].hasPrefix("1220"), let digest = SHA256Digest(hex: parts[2].dropFirst(4)) else {
                throw .badMagnet("its v2 hash is not '1220' and 64 hex digits")
            }
            guard v2 == nil || v2 == digest else { throw .badMagnet("it has two different v2 hashes") }
            v2 = digest
        default: return
        }
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
