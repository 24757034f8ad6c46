import Address
import Hashing

/// Parses datagrams from a UDP tracker (BEP 15).
///
/// Anyone can send a datagram. One that is too short, of another action or of another transaction yields nil, and the
/// caller continues to wait. Only a response to the request, or the tracker's error about it, ends the wait.
public enum UDPTrackerAnswer {
    /// Parses the response to a connect request; nil for a datagram to drop.
    /// - Throws: `.refused` for the tracker's error.
    public static func connection(
        _ packet: [UInt8], transaction: UInt32, limits: TrackerAnswerLimits = .standard
    ) throws(TrackerAnswerError) -> UInt64? {
        guard let body = try body(packet, .connect, transaction, limits), body.count >= 8 else { return nil }
        return number(body.prefix(8))
    }

    /// Parses the response to an announce; nil for a datagram to drop. `family` is that of the tracker's address: it
    /// decides whether peers have 6 or 18 bytes. Bytes after the last whole peer are ignored.
    /// - Throws: `.refused` for the tracker's error.
    public static func announce(
        _ packet: [UInt8], transaction: UInt32, family: PeerAddress.Family, limits: TrackerAnswerLimits = .standard
    ) throws(TrackerAnswerError) -> AnnounceAnswer? {
        guard let body = try body(packet, .announce, transaction, limits), body.count >= 12 else { return nil }
        let records = body.dropFirst(12)
        let whole = records.count - records.count % PeerAddress.compactLength(family)
        let peers = PeerAddress.list(compact: records.prefix(whole), family: family, limit: limits.peers) ?? []
        var seen = Set<PeerAddress>()
        return AnnounceAnswer(
            interval: limits.interval(signed(body, at: 0)), seeders: limits.count(signed(body, at: 8)),
            leechers: limits.count(signed(body, at: 4)), peers: peers.filter { seen.insert($0).inserted })
    }

    /// Parses the response to a scrape of `infoHashes`, in the same order; nil for a datagram to drop, including one
    /// with too few entries.
    /// - Throws: `.refused` for the tracker's error.
    public static func scrape(
        _ packet: [UInt8], transaction: UInt32, infoHashes: [SHA1Digest], limits: TrackerAnswerLimits = .standard
    ) throws(TrackerAnswerError) -> [SHA1Digest: ScrapeAnswer]? {
        let asked = infoHashes.prefix(UDPTrackerRequest.scrapeLimit)
        guard let body = try body(packet, .scrape, transaction, limits), body.count >= 12 * asked.count else {
            return nil
        }
        var counts: [SHA1Digest: ScrapeAnswer] = [:]
        for (index, hash) in asked.enumerated() {
            counts[hash] = ScrapeAnswer(
                seeders: limits.count(signed(body, at: 12 * index)) ?? 0,
                leechers: limits.count(signed(body, at: 12 * index + 8)) ?? 0,
                completed: limits.count(signed(body, at: 12 * index + 4)) ?? 0)
        }
        return counts
    }

    /// The bytes after action and transaction, if both match.
    private static func body(
        _ packet: [UInt8], _ action: UDPTrackerRequest.Action, _ transaction: UInt32, _ limits: TrackerAnswerLimits
    ) throws(TrackerAnswerError) -> ArraySlice<UInt8>? {
        guard packet.count >= 8, number(packet[4..<8]) == UInt64(transaction) else { return nil }
        let body = packet[8...]
        switch number(packet[0..<4]) {
        case UInt64(action.rawValue): return body
        case UInt64(UDPTrackerRequest.Action.error.rawValue):
            throw .refused(reason: displayText(body, limit: limits.textBytes), retry: .unsaid)
        default: return nil
        }
    }

    private static func number(_ bytes: ArraySlice<UInt8>) -> UInt64 { bytes.reduce(0) { $0 << 8 | UInt64($1) } }

    /// The 32-bit number at `offset` in the body; numbers of BEP 15 are signed.
    private static func signed(_ body: ArraySlice<UInt8>, at offset: Int) -> Int64 {
        let bits = UInt32(truncatingIfNeeded: number(body.dropFirst(offset).prefix(4)))
        return Int64(Int32(bitPattern: bits))
    }
}
