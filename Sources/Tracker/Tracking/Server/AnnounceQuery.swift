import Address
import Text

/// Parses an announce from the query of an HTTP request (BEP 3, 7, 21, 23), or from the parameters that the URL data of
/// a UDP announce may add (BEP 41).
///
/// Strict where an error would add a wrong peer to the list, or hide one: a known parameter that is repeated, malformed
/// or out of range refuses the announce. A parameter without a value counts as absent, because several clients send
/// unknown values that way; a required parameter without a value is an error. Parameters that the tracker does not use
/// are ignored, including `trackerid`, `supportcrypto`, `corrupt`, `ipv4` and `ipv6`.
public enum AnnounceQuery {
    /// Parses the query, which follows the `?`.
    public static func parse(_ query: UnsafeRawBufferPointer) throws(TrackerRefusal) -> PeerAnnounce {
        var seen: Seen = []
        var announce = PeerAnnounce(
            swarm: SwarmKey(first: 0, second: 0, third: 0), peer: PeerName.zero, port: 0)
        var compact: Bool?
        var withoutIDs = false
        var parameters = QueryParameters(query)
        while let pair = parameters.next() {
            switch pair.name.count {
            case 9 where pair.isNamed("info_hash"):
                try seen.note(.infoHash, else: "info_hash is there twice")
                announce.swarm = try swarmKey(pair)
            case 7 where pair.isNamed("peer_id"):
                try seen.note(.peerID, else: "peer_id is there twice")
                announce.peer = try peerName(pair)
            case 4 where pair.isNamed("port"):
                try seen.note(.port, else: "port is there twice")
                guard !pair.value.isEmpty else { throw TrackerRefusal("port is missing") }
                guard let number = pair.number, let port = UInt16(exactly: number) else {
                    throw TrackerRefusal("port must be a number from 0 to 65535")
                }
                announce.port = port
            case 4 where pair.isNamed("left"):
                try seen.note(.left, else: "left is there twice")
                guard pair.isCount else { throw TrackerRefusal("left must be a count of bytes") }
                if let left = pair.number { announce.left = left }
            case 8 where pair.isNamed("uploaded"):
                try seen.note(.uploaded, else: "uploaded is there twice")
                guard pair.isCount else { throw TrackerRefusal("uploaded must be a count of bytes") }
            case 10 where pair.isNamed("downloaded"):
                try seen.note(.downloaded, else: "downloaded is there twice")
                guard pair.isCount else { throw TrackerRefusal("downloaded must be a count of bytes") }
            case 5 where pair.isNamed("event"):
                try seen.note(.event, else: "event is there twice")
                announce.event = event(pair)
            case 7 where pair.isNamed("numwant"):
                try seen.note(.numWant, else: "numwant is there twice")
                announce.numWant = try numWant(pair)
            case 7 where pair.isNamed("compact"):
                try seen.note(.compact, else: "compact is there twice")
                if !pair.value.isEmpty { compact = !pair.isValue("0") }
            case 10 where pair.isNamed("no_peer_id"):
                try seen.note(.noPeerID, else: "no_peer_id is there twice")
                withoutIDs = !pair.value.isEmpty && !pair.isValue("0")
            case 3 where pair.isNamed("key"):
                try seen.note(.key, else: "key is there twice")
                announce.key = key(pair.value)
            case 2 where pair.isNamed("ip"):
                try seen.note(.address, else: "ip is there twice")
                announce.claimedAddress = address(pair.value)
            case 11 where pair.isNamed("unreachable"):
                try seen.note(.unreachable, else: "unreachable is there twice")
                announce.isUnreachable = pair.isValue("1")
            case 6 where pair.isNamed("ticket"): announce.ticket = SwarmTicket(query: pair.value)
            case 6 where pair.isNamed("digest"), 4 where pair.isNamed("site"), 9 where pair.isNamed("unreached"),
                10 where pair.isNamed("unreached6"):
                announce.isFromRegistry = true
            default: break
            }
        }
        guard seen.contains(.infoHash) else { throw TrackerRefusal("info_hash is missing") }
        guard seen.contains(.peerID) else { throw TrackerRefusal("peer_id is missing") }
        guard seen.contains(.port) else { throw TrackerRefusal("port is missing") }
        // BEP 23 lets the tracker choose if the client does not say; all current clients read the compact form.
        if compact == false { announce.listing = withoutIDs ? .dictionariesWithoutID : .dictionaries }
        return announce
    }

    /// Applies parameters in the URL data of a UDP announce (BEP 41: path and query) that its fields cannot express:
    /// `unreachable=1`, an IPv6 address in `ip=`, and `ticket=`.
    public static func apply(urlData: UnsafeRawBufferPointer, to announce: inout PeerAnnounce) {
        guard let mark = urlData.firstIndex(of: 0x3f) else { return }
        var parameters = QueryParameters(UnsafeRawBufferPointer(rebasing: urlData[(mark + 1)...]))
        while let pair = parameters.next() {
            if pair.isNamed("unreachable") {
                announce.isUnreachable = pair.isValue("1")
            } else if pair.isNamed("ip"), announce.claimedAddress == nil {
                announce.claimedAddress = address(pair.value)
            } else if pair.isNamed("ticket") {
                announce.ticket = SwarmTicket(query: pair.value)
            }
        }
    }

    /// The info hashes of a scrape (BEP 48), in the order of the request.
    public static func scrapeKeys(_ query: UnsafeRawBufferPointer) throws(TrackerRefusal) -> [SwarmKey] {
        var keys: [SwarmKey] = []
        var parameters = QueryParameters(query)
        while let pair = parameters.next() {
            guard pair.isNamed("info_hash") else { continue }
            guard keys.count < maximumScrapeHashes else { throw TrackerRefusal("more than 74 info_hash in a scrape") }
            keys.append(try swarmKey(pair))
        }
        guard !keys.isEmpty else { throw TrackerRefusal("info_hash is missing: this tracker lists no swarms") }
        return keys
    }

    // MARK: Values

    private static func swarmKey(_ pair: QueryParameters.Pair) throws(TrackerRefusal) -> SwarmKey {
        var words = (UInt64(0), UInt64(0), UInt64(0))
        let count = withUnsafeMutableBytes(of: &words) { PercentEncoding.decode(pair.value, into: $0) }
        guard count == SwarmKey.byteCount else { throw TrackerRefusal("info_hash must be 20 escaped bytes") }
        return SwarmKey(
            first: UInt64(bigEndian: words.0), second: UInt64(bigEndian: words.1),
            third: UInt32(truncatingIfNeeded: UInt64(bigEndian: words.2) >> 32))
    }

    private static func peerName(_ pair: QueryParameters.Pair) throws(TrackerRefusal) -> PeerName {
        var words = (UInt64(0), UInt64(0), UInt64(0))
        let (count, name) = withUnsafeMutableBytes(of: &words) { buffer in
            (PercentEncoding.decode(pair.value, into: buffer), buffer.baseAddress.map { PeerName(loading: $0) })
        }
        guard count == PeerName.byteCount, let name else { throw TrackerRefusal("peer_id must be 20 escaped bytes") }
        return name
    }

    /// Unknown events count as regular announces, because the list of BEP 3 has been extended before.
    private static func event(_ pair: QueryParameters.Pair) -> AnnounceEvent {
        if pair.isValue("started") { return .started }
        if pair.isValue("completed") { return .completed }
        if pair.isValue("stopped") { return .stopped }
        if pair.isValue("paused") { return .paused }
        return .none
    }

    /// Clients send -1 to let the tracker choose.
    private static func numWant(_ pair: QueryParameters.Pair) throws(TrackerRefusal) -> Int? {
        if pair.isValue("-1") || pair.value.isEmpty { return nil }
        guard let number = pair.number else { throw TrackerRefusal("numwant must be a number") }
        return Int(clamping: number)
    }

    /// Up to eight hexadecimal digits are the number that a UDP announce of the same client carries. Anything else is
    /// hashed (FNV-1a), because only equality matters.
    private static func key(_ text: UnsafeRawBufferPointer) -> UInt32 {
        if (1...8).contains(text.count) {
            var number: UInt32 = 0
            var isHex = true
            for byte in text {
                guard let digit = Hexadecimal.value(ofDigit: byte) else {
                    isHex = false
                    break
                }
                number = number << 4 | UInt32(digit)
            }
            if isHex { return number }
        }
        return text.isEmpty ? 0 : text.reduce(2_166_136_261) { ($0 ^ UInt32($1)) &* 16_777_619 }
    }

    /// A numeric address, possibly escaped; nil for names and anything else, which is ignored, as BEP 3 allows.
    private static func address(_ text: UnsafeRawBufferPointer) -> PeerAddress? {
        guard text.count <= 120 else { return nil }
        return withUnsafeTemporaryAllocation(byteCount: 64, alignment: 1) { room in
            guard let count = PercentEncoding.decode(text, into: room) else { return nil }
            return PeerAddress(host: String(decoding: room[..<count], as: UTF8.self), port: 0)
        }
    }

    private struct Seen: OptionSet {
        let rawValue: UInt16
        static let infoHash = Seen(rawValue: 1)
        static let peerID = Seen(rawValue: 2)
        static let port = Seen(rawValue: 4)
        static let left = Seen(rawValue: 8)
        static let uploaded = Seen(rawValue: 16)
        static let downloaded = Seen(rawValue: 32)
        static let event = Seen(rawValue: 64)
        static let numWant = Seen(rawValue: 128)
        static let compact = Seen(rawValue: 256)
        static let noPeerID = Seen(rawValue: 512)
        static let key = Seen(rawValue: 1024)
        static let address = Seen(rawValue: 2048)
        static let unreachable = Seen(rawValue: 4096)

        @inline(__always)
        mutating func note(_ parameter: Seen, else reason: StaticString) throws(TrackerRefusal) {
            guard !contains(parameter) else { throw TrackerRefusal(reason) }
            formUnion(parameter)
        }
    }
}
