import Hashing
import Text

/// Parses a magnet link field by field. Links are not hashed, so parsing is lenient.
struct MagnetReader {
    private let fields: ArraySlice<UInt8>
    private var v1: SHA1Digest?
    private var v2: SHA256Digest?
    /// The problem of the first hash that could not be read.
    private var badHash: String?
    private var name: String?
    private var trackers: [String] = []
    private var webSeeds: [String] = []
    private var peers: [String] = []
    private var addresses = AddressList(limit: MetainfoLimits.standard.maxURLs)
    private var notes = ReadingNotes()

    /// - Parameter text: a link accepted by `Magnet.isMagnet`.
    init(_ text: String) throws(MetainfoError) {
        // Mail programs break long links into lines, and selecting with a mouse adds blanks at the end.
        let bytes = text.utf8.filter { $0 != 0x09 && $0 != 0x0a && $0 != 0x0d }
        var rest = URLRule.trimmed(bytes[...]).dropFirst(7)
        // Some links start with `magnet://?xt=…`.
        rest = rest.drop { $0 == UInt8(ascii: "/") }
        guard rest.first == UInt8(ascii: "?") else { throw .badMagnet("it does not start with 'magnet:?'") }
        fields = rest.dropFirst()
    }

    consuming func magnet() throws(MetainfoError) -> Magnet {
        for pair in fields.split(separator: UInt8(ascii: "&")) {
            let parts = pair.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2 else { continue }
            let value = URLRule.trimmed(PercentEncoding.decodeLeniently(parts[1])[...])
            // `+` means a space only in a name; in a URL it stands for itself.
            switch Self.key(parts[0]) {
            case "xt": try read(topic: String(decoding: value, as: UTF8.self))
            case "dn": readName(parts[1])
            case "tr": readTracker(value)
            case "ws": readWebSeed(value)
            case "x.pe": readPeer(value)
            default: continue
            }
        }
        guard let hashes = InfoHashes(v1: v1, v2: v2) else {
            throw .badMagnet(badHash ?? "it has no BitTorrent info hash")
        }
        if let badHash { notes.add("one of its hashes is ignored: \(badHash)") }
        if addresses.isCut { notes.add("more than \(addresses.limit) addresses: the rest is ignored") }
        var magnet = Magnet(hashes: hashes, displayName: name, trackers: trackers, webSeeds: webSeeds, peers: peers)
        magnet.ignored = notes.problems
        return magnet
    }

    /// Normalises a key: `tr.1`, `TR` and, from the source of a web page, `amp;tr` all become `tr`.
    private static func key(_ bytes: ArraySlice<UInt8>) -> String {
        var key = String(decoding: URLRule.trimmed(PercentEncoding.decodeLeniently(bytes)[...]), as: UTF8.self)
        key = key.lowercased()
        while key.hasPrefix("amp;") { key.removeFirst(4) }
        guard let dot = key.utf8.lastIndex(of: UInt8(ascii: ".")) else { return key }
        let digits = key.utf8[key.utf8.index(after: dot)...]
        guard !digits.isEmpty, digits.allSatisfy({ $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }) else {
            return key
        }
        return String(key[..<dot])
    }

    private mutating func readName(_ bytes: ArraySlice<UInt8>) {
        let decoded = PercentEncoding.decodeLeniently(bytes, plusIsSpace: true)
        guard name == nil, !decoded.isEmpty, decoded.count <= MetainfoLimits.standard.maxURLBytes else { return }
        name = String(validating: decoded, as: UTF8.self) ?? DisplayName.escape(decoded)
    }

    private mutating func readTracker(_ bytes: ArraySlice<UInt8>) {
        guard !bytes.isEmpty else { return }
        do throws(AddressProblem) {
            if let url = addresses.add(try TrackerAddress(bytes).text) { trackers.append(url) }
        } catch {
            notes.add(.tracker, bytes, error)
        }
    }

    private mutating func readWebSeed(_ bytes: ArraySlice<UInt8>) {
        guard !bytes.isEmpty else { return }
        do throws(AddressProblem) {
            if let url = addresses.add(try WebSeedAddress(bytes).text) { webSeeds.append(url) }
        } catch {
            notes.add(.webSeed, bytes, error)
        }
    }

    private mutating func readPeer(_ bytes: ArraySlice<UInt8>) {
        guard !bytes.isEmpty, bytes.count <= 300, bytes.allSatisfy({ $0 > 0x20 && $0 != 0x7f }),
            let peer = String(validating: bytes, as: UTF8.self)
        else { return }
        if let peer = addresses.add(peer) { peers.append(peer) }
    }

    private mutating func read(topic: String) throws(MetainfoError) {
        let parts = topic.split(separator: ":", maxSplits: 2)
        guard parts.count >= 2, parts[0].lowercased() == "urn" else { return }
        let hash = parts.count == 3 ? parts[2] : ""
        switch parts[1].lowercased() {
        case "btih":
            let decoded = SHA1Digest(hex: hash) ?? Base32.decode(hash).flatMap { SHA1Digest(bytes: $0) }
            guard let digest = decoded else {
                badHash = badHash ?? "its v1 hash is neither 40 hex digits nor 32 of base32"
                return
            }
            guard v1 == nil || v1 == digest else { throw .badMagnet("it has two different v1 hashes") }
            v1 = digest
        case "btmh":
            // A multihash: 0x12 means SHA-256, 0x20 is the length.
            guard hash.hasPrefix("1220"), let digest = SHA256Digest(hex: hash.dropFirst(4)) else {
                badHash = badHash ?? "its v2 hash is not '1220' and 64 hex digits"
                return
            }
            guard v2 == nil || v2 == digest else { throw .badMagnet("it has two different v2 hashes") }
            v2 = digest
        default: return
        }
    }
}
