import Bencode
import Hashing

/// Parses bencoded responses to HTTP announces and scrapes (BEP 3, 7, 23, 24, 31, 48).
///
/// Responses are not hashed, so parsing is as lenient as possible: non-canonical bencode (`BencodeLeniency`), values of
/// the wrong type, and invalid peers among others are accepted.
public enum HTTPTrackerAnswer {
    /// Parses the response to an announce.
    /// - Throws: `.refused` for a failure reason, `.malformed` for an invalid response or one that exceeds the limits.
    public static func announce(
        _ body: [UInt8], limits: TrackerAnswerLimits = .standard
    ) throws(TrackerAnswerError) -> AnnounceAnswer {
        let (answer, damage) = try dictionary(body, limits: limits)
        let list = HTTPPeerList(answer, limits: limits)
        let failure = failure(answer, limits: limits)
        if list.isEmpty {
            // A response that contains peers counts as success, even with a failure reason.
            if let failure { throw failure.error }
            // A response without peers counts only if it is complete.
            if let damage { throw .malformed(damage.description) }
            guard knownKeys.contains(where: { answer[$0] != nil }) else { throw .malformed("it says nothing") }
        }
        let interval = limits.interval(answer["interval"].flatMap(number))
        var result = AnnounceAnswer(
            interval: interval,
            minInterval: limits.minInterval(answer["min interval"].flatMap(number), interval: interval),
            seeders: limits.count(answer["complete"].flatMap(number)),
            leechers: limits.count(answer["incomplete"].flatMap(number)), peers: list.peers)
        result.names = list.names
        result.warning =
            answer["warning message"]?.bytesValue.map { displayText($0, limit: limits.textBytes) } ?? failure?.reason
        if let id = answer["tracker id"]?.bytesValue, id.count <= limits.textBytes { result.trackerID = Array(id) }
        if let address = answer["external ip"]?.bytesValue, address.count == 4 || address.count == 16 {
            result.externalAddress = Array(address)
        }
        return result
    }

    /// A response to an announce has at least one of these.
    private static let knownKeys = [
        "interval", "min interval", "complete", "incomplete", "peers", "peers6", "warning message", "tracker id",
        "external ip",
    ]

    /// Parses the response to a scrape: the counts of those of `infoHashes` that the tracker knows.
    /// - Throws: as `announce` does.
    public static func scrape(
        _ body: [UInt8], infoHashes: [SHA1Digest], limits: TrackerAnswerLimits = .standard
    ) throws(TrackerAnswerError) -> [SHA1Digest: ScrapeAnswer] {
        let (answer, damage) = try dictionary(body, limits: limits)
        guard let files = answer["files"]?.dictionaryValue else {
            if let failure = failure(answer, limits: limits) { throw failure.error }
            throw .malformed(damage?.description ?? "a scrape without files")
        }
        var counts: [SHA1Digest: ScrapeAnswer] = [:]
        for hash in infoHashes {
            guard let entry = files[BencodeBytes(hash.bytes)]?.dictionaryValue else { continue }
            counts[hash] = ScrapeAnswer(
                seeders: limits.count(entry["complete"].flatMap(number)) ?? 0,
                leechers: limits.count(entry["incomplete"].flatMap(number)) ?? 0,
                completed: limits.count(entry["downloaded"].flatMap(number)) ?? 0)
        }
        return counts
    }

    /// The parsable part of a response, and the error if not all of it is parsable.
    private static func dictionary(
        _ body: [UInt8], limits: TrackerAnswerLimits
    ) throws(TrackerAnswerError) -> (BencodeDictionary, damage: BencodeError?) {
        let bounds = BencodeLimits(maxBytes: limits.bodyBytes, maxTokens: limits.tokens, maxDepth: limits.depth)
        var damage: BencodeError?
        let value: BencodeValue
        do {
            let whole = BencodeLeniency.everything.subtracting(.cutOff)
            do {
                value = try Bencode.decode(body, limits: bounds, leniency: whole)
            } catch {
                damage = error
                value = try Bencode.decode(body, limits: bounds, leniency: .everything)
            }
        } catch {
            throw .malformed(error.description)
        }
        guard let answer = value.dictionaryValue else { throw .malformed("not a dictionary") }
        return (answer, damage)
    }

    /// A whole number, possibly encoded as a string.
    static func number(_ value: BencodeValue) -> Int64? {
        value.integerValue ?? value.stringValue.flatMap { Int64($0) }
    }

    /// The failure reason. Some trackers send an empty one beside other keys if there was no failure.
    private static func failure(
        _ answer: BencodeDictionary, limits: TrackerAnswerLimits
    ) -> (reason: String, error: TrackerAnswerError)? {
        guard let text = answer["failure reason"]?.bytesValue, !text.isEmpty || answer.count == 1 else { return nil }
        let reason = displayText(text, limit: limits.textBytes)
        return (reason, .refused(reason: reason, retry: retry(answer, limits: limits)))
    }

    /// BEP 31: minutes as a number (some trackers send a string), or the word `never`.
    private static func retry(_ answer: BencodeDictionary, limits: TrackerAnswerLimits) -> TrackerAnswerError.Retry {
        guard let value = answer["retry in"] else { return .unsaid }
        if value.stringValue == "never" { return .never }
        guard let minutes = number(value), minutes >= 0 else {
            return .unsaid
        }
        return .after(min(Double(minutes) * 60, limits.longestRetry))
    }
}
