#if canImport(Bencode)
import Bencode
#endif
#if canImport(Hashing)
import Hashing
#endif

/// Turns a decoded torrent file into a `Torrent`.
struct TorrentReader {
    let dictionary: BencodeDictionary
    let limits: MetainfoLimits

    private static let knownKeys = [
        "announce", "announce-list", "comment", "created by", "creation date", "info", "piece layers", "url-list",
    ]

    func torrent(bytes: [UInt8]) throws(MetainfoError) -> Torrent {
        guard let value = dictionary["info"], let span = dictionary.span(of: "info") else {
            throw .missing(key: "info")
        }
        guard let infoDictionary = value.dictionaryValue else { throw .wrongType(key: "info") }
        let info = try InfoReader(dictionary: infoDictionary, limits: limits)
            .info(bytes: Array(bytes[span]), base: span.lowerBound)
        var others = dictionary
        for key in Self.knownKeys { others[key] = nil }
        return Torrent(
            info: info, pieceLayers: try pieceLayers(of: info), trackers: trackers, webSeeds: webSeeds,
            comment: text("comment"), createdBy: text("created by"),
            creationDate: dictionary["creation date"]?.integerValue, otherKeys: others)
    }

    /// Layers that are not there are left out: peers have them (BEP 52). One that is there and wrong is an error.
    private func pieceLayers(of info: Info) throws(MetainfoError) -> PieceLayers {
        var layers = PieceLayers()
        guard info.version.hasV2 else { return layers }
        let given = dictionary["piece layers"]?.dictionaryValue ?? BencodeDictionary()
        for file in info.layout.files {
            guard let root = file.piecesRoot, file.length > Int64(info.layout.pieceLength) else { continue }
            guard let hashes = given[BencodeBytes(root.bytes)]?.bytesValue else { continue }
            // A copy, so that the whole file need not stay in memory.
            let copy = layers[root] == nil ? Array(hashes)[...] : hashes
            try layers.add(copy, file: file, pieceLength: info.layout.pieceLength)
        }
        return layers
    }

    /// `announce-list` if there is anything usable in it, else `announce` (BEP 12).
    private var trackers: [[String]] {
        var left = limits.maxURLs
        var seen: Set<String> = []
        var tiers: [[String]] = []
        for tier in dictionary["announce-list"]?.listValue ?? [] {
            // Some makers write a flat list of URLs; each is then a tier.
            let urls = tier.listValue ?? [tier]
            let usable = urls.compactMap(url).filter { url in
                guard left > 0, seen.insert(url).inserted else { return false }
                left -= 1
                return true
            }
            if !usable.isEmpty { tiers.append(usable) }
            if left == 0 { break }
        }
        if tiers.isEmpty, let single = dictionary["announce"].flatMap(url) { tiers = [[single]] }
        return tiers
    }

    /// BEP 19: a list, or one string.
    private var webSeeds: [String] {
        guard let value = dictionary["url-list"] else { return [] }
        let urls = (value.listValue ?? [value]).prefix(limits.maxURLs).compactMap(url)
        var seen: Set<String> = []
        return urls.filter { seen.insert($0).inserted }
    }

    /// A URL as text without spaces around it, if it is not empty, not too long and has no control characters.
    private func url(_ value: BencodeValue) -> String? {
        guard let bytes = value.bytesValue, bytes.count <= limits.maxURLBytes else { return nil }
        return URLText.cleaned(bytes)
    }

    private func text(_ key: String) -> String? { dictionary[key]?.stringValue }
}

/// The little that a torrent needs to know of URLs; who connects parses them.
enum URLText {
    /// The URL as text; nil if it is empty, not UTF-8, or has spaces or control characters inside.
    static func cleaned(_ bytes: ArraySlice<UInt8>) -> String? {
        var bytes = bytes
        while let first = bytes.first, first <= 0x20 { bytes.removeFirst() }
        while let last = bytes.last, last <= 0x20 { bytes.removeLast() }
        guard !bytes.isEmpty, bytes.allSatisfy({ $0 > 0x20 && $0 != 0x7f }) else { return nil }
        return String(validating: bytes, as: UTF8.self)
    }
}
