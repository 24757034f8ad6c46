#if canImport(Bencode)
    import Bencode
#endif
#if canImport(Hashing)
    import Hashing
#endif

/// Reads bencoded answers to HTTP announces and scrapes (BEP 3, 7, 23, 24, 31, 48).
public enum HTTPTrackerAnswer {
    /// An announce's answer.
    /// - Throws: `.refused` for a failure reason, `.malformed` for what is no answer or exceeds the limits.
    public static func announce(
        _ body: [UInt8], limits: TrackerAnswerLimits = .standard
    ) throws(TrackerAnswerError) -> AnnounceAnswer {
        let answer = try dictionary(body, limits: limits)
        let interval = limits.interval(answer["interval"]?.integerValue)
        var result = AnnounceAnswer(
            interval: interval,
            minInterval: limits.minInterval(answer["min interval"]?.integerValue, interval: interval),
            seeders: limits.count(answer["complete"]?.integerValue),
            leechers: limits.count(answer["incomplete"]?.integerValue))
        result.peers = try peers(answer, limits: limits)
        result.warning = answer["warning message"]?.bytesValue.map { displayText($0, limit: limits.textBytes) }
        if let id = answer["tracker id"]?.bytesValue, id.count <= limits.textBytes { result.trackerID = Array(id) }
        if let address = answer["external ip"]?.bytesValue, address.count == 4 || address.count == 16 {
            result.externalAddress = Array(address)
        }
        return result
    }

    /// A scrape's answer: the counts of those of `infoHashes` that the tracker knows.
    /// - Throws: as `announce` does.
    public static func scrape(
        _ body: [UInt8], infoHashes: [SHA1Digest], limits: TrackerAnswerLimits = .standard
    ) throws(TrackerAnswerError) -> [SHA1Digest: ScrapeAnswer] {
        guard let files = try dictionary(body, limits: limits)["files"]?.dictionaryValue else {
            throw .malformed("a scrape without files")
        }
        var counts: [SHA1Digest: ScrapeAnswer] = [:]
        for hash in infoHashes {
            guard let entry = files[BencodeBytes(hash.bytes)]?.dictionaryValue else { continue }
            counts[hash] = ScrapeAnswer(
                seeders: limits.count(entry["complete"]?.integerValue) ?? 0,
                leechers: limits.count(entry["incomplete"]?.integerValue) ?? 0,
                completed: limits.count(entry["downloaded"]?.integerValue) ?? 0)
        }
        return counts
    }

    private static func dictionary(
        _ body: [UInt8], limits: TrackerAnswerLimits
    ) throws(TrackerAnswerError) -> BencodeDictionary {
        let value: BencodeValue
        do {
            value = try Bencode.decode(
                body,
                limits: BencodeLimits(maxBytes: limits.bodyBytes, maxTokens: limits.tokens, maxDepth: limits.depth))
        } catch {
            throw .malformed(error.description)
        }
        guard let answer = value.dictionaryValue else { throw .malformed("not a dictionary") }
        if let reason = answer["failure reason"]?.bytesValue {
            throw .refused(reason: displayText(reason, limit: limits.textBytes), retry: retry(answer, limits: limits))
        }
        return answer
    }

    /// BEP 31: minutes as a number (some trackers send it as a string), or the word `never`.
    private static func retry(_ answer: BencodeDictionary, limits: TrackerAnswerLimits) -> TrackerAnswerError.Retry {
        guard let value = answer["retry in"] else { return .unsaid }
        if value.stringValue == "never" { return .never }
        guard let minutes = value.integerValue ?? value.stringValue.flatMap({ Int64($0) }), minutes >= 0 else {
            return .unsaid
        }
        return .after(min(Double(minutes) * 60, limits.longestRetry))
    }

    private static func peers(
        _ answer: BencodeDictionary, limits: TrackerAnswerLimits
    ) throws(TrackerAnswerError) -> [PeerAddress] {
        var found: [PeerAddress] = []
        if let compact = answer["peers"]?.bytesValue {
            guard let peers = PeerAddress.list(compact: compact, family: .ipv4, limit: limits.peers) else {
                throw .malformed("a peer list of \(compact.count) bytes, no multiple of 6")
            }
            found += peers
        } else if let list = answer["peers"]?.listValue {
            found += list.prefix(limits.peers).compactMap(peer)
        }
        if let compact = answer["peers6"]?.bytesValue {
            guard let peers = PeerAddress.list(compact: compact, family: .ipv6, limit: limits.peers) else {
                throw .malformed("an IPv6 peer list of \(compact.count) bytes, no multiple of 18")
            }
            found += peers
        }
        var seen = Set<PeerAddress>()
        return Array(found.filter { seen.insert($0).inserted }.prefix(limits.peers))
    }

    /// One peer of the dictionary form; nil for names in place of addresses and for ports out of range.
    private static func peer(_ value: BencodeValue) -> PeerAddress? {
        guard let entry = value.dictionaryValue, let host = entry["ip"]?.stringValue,
            let port = entry["port"]?.integerValue.flatMap(UInt16.init(exactly:))
        else { return nil }
        return PeerAddress(host: host, port: port)
    }
}
