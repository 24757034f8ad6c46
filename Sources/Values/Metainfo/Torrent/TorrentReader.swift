import Bencode
import Hashing

/// Parses a torrent file: the info dictionary strictly, the keys around it leniently.
struct TorrentReader {
    /// The result of parsing.
    struct Parts {
        var info: Info
        var pieceLayers = PieceLayers()
        var trackers: [[String]] = []
        var webSeeds: [String] = []
        var comment: String?
        var createdBy: String?
        var creationDate: Int64?
        var ignored: [TorrentProblem] = []
        var fields: TorrentFields
    }

    private let bytes: [UInt8]
    private let fields: [BencodeView.Field]
    private let limits: MetainfoLimits
    private let bencode: BencodeLimits
    private var notes = ReadingNotes()

    /// - Throws: `MetainfoError` if the bytes are not a dictionary, or anything but blanks follows it.
    init(_ bytes: [UInt8], limits: MetainfoLimits, bencode: BencodeLimits) throws(MetainfoError) {
        guard bytes.count <= bencode.maxBytes else { throw .bencode(BencodeError(.tooLarge, at: bencode.maxBytes)) }
        let start = Self.start(of: bytes)
        let view: BencodeView
        do { view = try BencodeView(prefixOf: bytes[start...], limits: bencode) } catch { throw .bencode(error) }
        if let more = bytes[view.bytes.endIndex...].firstIndex(where: { !Self.isBlank($0) }) {
            throw .bencode(BencodeError(.trailingBytes, at: more))
        }
        guard let fields = view.fields else { throw .notADictionary }
        self.bytes = bytes
        self.fields = fields
        self.limits = limits
        self.bencode = bencode
    }

    /// Start of the dictionary, after a byte order mark and blanks, which editors and web servers add.
    private static func start(of bytes: [UInt8]) -> Int {
        let mark: [UInt8] = [0xef, 0xbb, 0xbf]
        let start = bytes.starts(with: mark) ? mark.count : 0
        return bytes[start...].firstIndex { !isBlank($0) } ?? start
    }

    /// White space, and NUL, with which some programs fill the last block.
    private static func isBlank(_ byte: UInt8) -> Bool { byte == 0 || byte == 0x20 || (0x09...0x0d).contains(byte) }

    consuming func parts() throws(MetainfoError) -> Parts {
        let info = try readInfo()
        var parts = Parts(info: info, fields: TorrentFields(fields))
        // These come first, because the number of notes is limited.
        notes.addKeys(fields.lazy.map(\.key))
        parts.pieceLayers = try pieceLayers(of: info)
        parts.trackers = trackers()
        parts.webSeeds = webSeeds()
        parts.comment = text("comment")
        parts.createdBy = text("created by")
        parts.creationDate = value("creation date", "a number", \.integer)
        parts.ignored = notes.problems
        return parts
    }

    private func readInfo() throws(MetainfoError) -> Info {
        let found = fields.filter { $0.key.elementsEqual("info".utf8) }
        guard let view = found.first?.value else { throw .missing(key: "info") }
        guard view.bytes.first == UInt8(ascii: "d") else { throw .wrongType(key: "info") }
        // Clients would disagree about which one counts.
        guard found.allSatisfy({ $0.value.bytes == view.bytes }) else {
            throw .bencode(BencodeError(.duplicateKey, at: found[1].bytes.startIndex))
        }
        do {
            return try Info.parse(Array(view.bytes), limits: limits, bencode: bencode)
        } catch .bencode(let error) {
            throw .bencode(BencodeError(error.code, at: error.offset + view.bytes.startIndex))
        } catch {
            throw error
        }
    }

    /// Missing layers are left out: peers send them (BEP 52). A wrong layer is an error.
    private mutating func pieceLayers(of info: Info) throws(MetainfoError) -> PieceLayers {
        var layers = PieceLayers()
        guard info.version.hasV2 else { return layers }
        var given: [ArraySlice<UInt8>: ArraySlice<UInt8>] = [:]
        for field in value("piece layers", "a dictionary", \.fields) ?? [] {
            guard let hashes = field.value.string, given[field.key] == nil else { continue }
            given[field.key] = hashes
        }
        for file in info.layout.files {
            guard let root = file.piecesRoot, file.length > Int64(info.layout.pieceLength) else { continue }
            guard let hashes = given[root.bytes[...]] else { continue }
            // A copy, so that the whole file need not stay in memory.
            let copy = layers[root] == nil ? Array(hashes)[...] : hashes
            try layers.add(copy, file: file, pieceLength: info.layout.pieceLength)
        }
        return layers
    }

    /// `announce-list` if it contains a valid URL, else `announce` (BEP 12).
    private mutating func trackers() -> [[String]] {
        var urls = AddressList(limit: limits.maxURLs)
        var tiers: [[String]] = []
        for tier in value("announce-list", "a list", \.list) ?? [] {
            // Some makers write a flat list of URLs; then each URL is a tier.
            let usable = (tier.list ?? [tier]).compactMap { tracker($0, &urls) }
            if !usable.isEmpty { tiers.append(usable) }
        }
        if let bytes = value("announce", "text", \.string) {
            var single = AddressList(limit: 1)
            let url = tiers.isEmpty ? tracker(bytes, &single) : nil
            if let url { tiers = [[url]] }
        }
        if urls.isCut { notes.add("more than \(limits.maxURLs) trackers: the rest is ignored") }
        return tiers
    }

    private mutating func tracker(_ view: BencodeView, _ urls: inout AddressList) -> String? {
        guard let bytes = view.string else {
            notes.add("an entry of 'announce-list' is no text and is ignored")
            return nil
        }
        return tracker(bytes, &urls)
    }

    private mutating func tracker(_ bytes: ArraySlice<UInt8>, _ urls: inout AddressList) -> String? {
        guard !URLRule.trimmed(bytes).isEmpty else { return nil }
        do throws(AddressProblem) { return urls.add(try TrackerAddress(bytes).text) } catch {
            notes.add(.tracker, bytes, error)
            return nil
        }
    }

    /// BEP 19: a list, or one string.
    private mutating func webSeeds() -> [String] {
        guard let views = value("url-list", "a list or text", { $0.list ?? ($0.string == nil ? nil : [$0]) }) else {
            return []
        }
        var urls = AddressList(limit: limits.maxURLs)
        let usable = views.compactMap { view -> String? in
            guard let bytes = view.string else {
                notes.add("an entry of 'url-list' is no text and is ignored")
                return nil
            }
            guard !URLRule.trimmed(bytes).isEmpty else { return nil }
            do throws(AddressProblem) { return urls.add(try WebSeedAddress(bytes).text) } catch {
                notes.add(.webSeed, bytes, error)
                return nil
            }
        }
        if urls.isCut { notes.add("more than \(limits.maxURLs) web seeds: the rest is ignored") }
        return usable
    }

    /// Text in UTF-8. Older torrents may use another encoding and add `KEY.utf-8`.
    private mutating func text(_ key: String) -> String? {
        guard let bytes = value(key, "text", \.string) else { return nil }
        if let text = String(validating: bytes, as: UTF8.self) { return text }
        let other = fields.first { $0.key.elementsEqual((key + ".utf-8").utf8) }
        return other?.value.text ?? DisplayName.escape(bytes)
    }

    /// The first value with the right type under a key.
    private mutating func value<T>(_ key: String, _ type: String, _ kind: (BencodeView) -> T?) -> T? {
        let found = fields.filter { $0.key.elementsEqual(key.utf8) }
        for field in found { if let value = kind(field.value) { return value } }
        if !found.isEmpty { notes.add("the value of '\(key)' is not \(type) and is ignored") }
        return nil
    }
}

/// A list of distinct URLs, up to a limit.
struct AddressList {
    let limit: Int
    private var seen: Set<String> = []
    /// Whether URLs were dropped because of the limit.
    private(set) var isCut = false

    init(limit: Int) { self.limit = limit }

    /// Adds the URL if it is new and there is room. Nil otherwise.
    mutating func add(_ url: String) -> String? {
        guard !seen.contains(url) else { return nil }
        guard seen.count < limit else {
            isCut = true
            return nil
        }
        seen.insert(url)
        return url
    }
}
