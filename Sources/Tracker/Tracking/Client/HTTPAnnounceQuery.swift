import Hashing
import Text

/// The HTTP form of announces and scrapes (BEP 3, 7, 23, 48): URLs to GET.
public enum HTTPTrackerQuery {
    /// The URL of an announce: the tracker's URL with the query appended. An existing query (such as a passkey) is
    /// kept; a fragment is removed.
    public static func announceURL(_ tracker: String, _ request: AnnounceRequest) -> String {
        var query = Query(base: tracker)
        query.add("info_hash", request.infoHash.bytes)
        query.add("peer_id", request.peerID)
        query.add("port", String(request.port))
        query.add("uploaded", String(request.uploaded))
        query.add("downloaded", String(request.downloaded))
        query.add("left", String(request.left))
        query.add("compact", "1")
        query.add("key", hex(request.key))
        if let event = request.event.query { query.add("event", event) }
        if let numWant = request.numWant { query.add("numwant", String(max(0, numWant))) }
        if let address = request.advertisedAddress { query.add("ip", Array(address.utf8)) }
        if request.isUnreachable { query.add("unreachable", "1") }
        if let agent = request.agent {
            query.add("digest", "sha256:" + Hexadecimal.encode(agent.digest.bytes))
            if let proof = agent.proof { query.add("proof", proof.hex) }
            if let site = agent.site { query.add("site", site) }
            let unreached = agent.unreached.prefix(AgentWord.mostUnreached)
            let ipv4 = unreached.filter { $0.family == .ipv4 }.flatMap(\.compact)
            let ipv6 = unreached.filter { $0.family == .ipv6 }.flatMap(\.compact)
            if !ipv4.isEmpty { query.add("unreached", ipv4) }
            if !ipv6.isEmpty { query.add("unreached6", ipv6) }
        }
        if let id = request.trackerID { query.add("trackerid", id) }
        return query.url
    }

    /// The URL of a scrape (BEP 48): the last path component of the announce URL must begin with `announce`, which is
    /// replaced by `scrape`. Nil if it does not.
    public static func scrapeURL(_ tracker: String, _ infoHashes: [SHA1Digest]) -> String? {
        let bytes = Array(tracker.utf8)
        let pathEnd = bytes.firstIndex { $0 == 0x3f || $0 == 0x23 } ?? bytes.count
        let announce = Array("announce".utf8)
        guard let slash = bytes[..<pathEnd].lastIndex(of: 0x2f),
            bytes[(slash + 1)..<pathEnd].starts(with: announce)
        else { return nil }
        let changed = bytes[...slash] + Array("scrape".utf8) + bytes[(slash + 1 + announce.count)...]
        var query = Query(base: String(decoding: changed, as: UTF8.self))
        for hash in infoHashes { query.add("info_hash", hash.bytes) }
        return query.url
    }

    private static func hex(_ key: UInt32) -> String {
        let digits = String(key, radix: 16, uppercase: true)
        return String(repeating: "0", count: 8 - digits.utf8.count) + digits
    }

    /// A URL to which parameters are appended.
    private struct Query {
        private var text: [UInt8]
        private var separator: UInt8?

        init(base: String) {
            text = Array(base.utf8.prefix { $0 != 0x23 })
            if let mark = text.firstIndex(of: 0x3f) {
                separator = mark == text.count - 1 || text.last == 0x26 ? nil : 0x26
            } else {
                separator = 0x3f
            }
        }

        mutating func add(_ name: String, _ value: some Sequence<UInt8>) {
            if let separator { text.append(separator) }
            separator = 0x26
            text.append(contentsOf: name.utf8)
            text.append(0x3d)
            PercentEncoding.append(value, to: &text)
        }

        mutating func add(_ name: String, _ value: String) { add(name, Array(value.utf8)) }

        var url: String { String(decoding: text, as: UTF8.self) }
    }
}
