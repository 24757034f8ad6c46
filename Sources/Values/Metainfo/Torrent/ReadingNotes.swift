/// Collects what the parser did not use, for a person. Bounded in length, whatever the file contains.
struct ReadingNotes {
    enum Address: String {
        case tracker
        case webSeed = "web seed"
    }

    /// Maximum number of lines; further ones are only counted.
    static let most = 20

    private var messages: [String] = []
    private var uncounted = 0

    mutating func add(_ message: String) {
        if messages.count < Self.most { messages.append(message) } else { uncounted += 1 }
    }

    /// Adds a URL that cannot be used. Its text is shortened and redacted.
    mutating func add(_ kind: Address, _ url: ArraySlice<UInt8>, _ problem: AddressProblem) {
        let text = DisplayName.escape(Redaction.url(String(decoding: url, as: UTF8.self)))
        add("the \(kind.rawValue) '\(text.prefix(200))' is ignored: \(problem)")
    }

    /// Adds the keys of a torrent file, in their order.
    mutating func addKeys(_ keys: some Sequence<ArraySlice<UInt8>>) {
        var seen: Set<ArraySlice<UInt8>> = []
        var unknown: [String] = []
        var unknownCount = 0
        for key in keys {
            guard seen.insert(key).inserted else {
                add("the key '\(Self.shown(key))' stands there more than once; the first value that fits counts")
                continue
            }
            let name = String(decoding: key, as: UTF8.self)
            if let reason = Self.unusedKeys[name] {
                add("the key '\(name)' is ignored: \(reason)")
            } else if !Self.knownKeys.contains(name) {
                unknownCount += 1
                if unknown.count < 10 { unknown.append("'\(Self.shown(key))'") }
            }
        }
        guard unknownCount > 0 else { return }
        let rest = unknownCount > unknown.count ? " and \(unknownCount - unknown.count) more" : ""
        add("keys that mean nothing here are ignored: \(unknown.joined(separator: ", "))\(rest)")
    }

    var problems: [TorrentProblem] {
        messages.map { TorrentProblem(.ignored, $0) }
            + (uncounted > 0 ? [TorrentProblem(.ignored, "and \(uncounted) more like this")] : [])
    }

    private static func shown(_ key: ArraySlice<UInt8>) -> String { DisplayName.escape(key.prefix(60)) }

    /// Unused keys that a user may rely on, with the reason for each.
    private static let unusedKeys = [
        "httpseeds": "HTTP seeds of BEP 17 are not supported; web seeds of BEP 19 ('url-list') are",
        "nodes": "there is no DHT here",
        "signatures": "signatures of BEP 35 are not checked",
        "similar": "other torrents with the same files (BEP 38) are not looked for",
        "collections": "other torrents with the same files (BEP 38) are not looked for",
        "update-url": "updates of a torrent (BEP 39) are not looked for",
    ]

    /// Keys that are used, and unused keys that matter to no user.
    private static let knownKeys: Set<String> = [
        "announce", "announce-list", "comment", "comment.utf-8", "created by", "created by.utf-8", "creation date",
        "info", "piece layers", "url-list", "encoding", "codepage", "publisher", "publisher.utf-8", "publisher-url",
        "publisher-url.utf-8", "modified-by", "title", "website", "azureus_properties", "rating", "hash",
        "err_callback",
        "locale", "private", "source", "qBt-savePath", "libtorrent_resume", "x_cross_seed",
    ]
}
