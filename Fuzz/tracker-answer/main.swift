// sources: Text Address Bencode Hashing Tracking
// max_len: 20000
//
// Everything a tracker can answer. The first byte of the input chooses how the rest is read. Holds for every input: what
// was understood keeps to the limits, whatever the tracker said, and text for people holds no control characters.

import Bencode
import Hashing
import Tracking

private let limits = TrackerAnswerLimits.standard
private let hashes = [SHA1Digest.zero] + [SHA1Digest(bytes: [UInt8](repeating: 0x61, count: 20))].compactMap { $0 }

private func check(_ text: String?) {
    guard let text else { return }
    precondition(text.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7f && $0.value != 0x202e })
    precondition(text.utf8.count <= 20 * limits.textBytes)
}

private func check(_ answer: AnnounceAnswer) {
    precondition(limits.interval.contains(answer.interval))
    precondition((answer.minInterval ?? 1) > 0 && (answer.minInterval ?? 1) <= answer.interval)
    precondition((answer.seeders ?? 0) >= 0 && (answer.leechers ?? 0) >= 0)
    precondition(answer.peers.count <= limits.peers && Set(answer.peers).count == answer.peers.count)
    precondition(answer.names.count <= limits.names && Set(answer.names).count == answer.names.count)
    precondition(answer.names.allSatisfy { $0.port != 0 && (1...253).contains($0.host.utf8.count) })
    precondition([nil, 4, 16].contains(answer.externalAddress?.count))
    check(answer.warning)
    for peer in PeerAddressFilter(limit: 10).filter(answer.peers) {
        precondition(peer.port != 0 && !peer.isLoopback && !peer.isLinkLocal && !peer.isMulticast)
    }
    // What a schedule makes of any answer is a time to come.
    var schedule = TrackerSchedule(tiers: [["udp://a:1"]], seed: 1)
    guard case .announce(let announce) = schedule.start(at: 0).first else { preconditionFailure("nothing to announce") }
    guard case .wakeUp(let time) = schedule.succeeded(announce.id, answer: answer, at: 1).last else {
        preconditionFailure("nothing to wait for")
    }
    precondition(time > 1 && time <= 1 + limits.interval.upperBound)
}

private func check(_ counts: [SHA1Digest: ScrapeAnswer]) {
    for count in counts.values { precondition(count.seeders >= 0 && count.leechers >= 0 && count.completed >= 0) }
}

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
    guard let start, count > 0 else { return 0 }
    // libFuzzer hands over `count` readable bytes for the time of this call.
    let input = UnsafeBufferPointer(start: start, count: count)
    let body = Array(input.dropFirst())
    do throws(TrackerAnswerError) {
        switch input[0] % 7 {
        case 0: check(try HTTPTrackerAnswer.announce(body, limits: limits))
        case 1: check(try HTTPTrackerAnswer.scrape(body, infoHashes: hashes, limits: limits))
        case 2: try UDPTrackerAnswer.announce(body, transaction: 0x6161_6161, family: .ipv4, limits: limits).map(check)
        case 3: try UDPTrackerAnswer.announce(body, transaction: 0x6161_6161, family: .ipv6, limits: limits).map(check)
        case 4: _ = try UDPTrackerAnswer.connection(body, transaction: 0x6161_6161, limits: limits)
        case 5:
            try UDPTrackerAnswer.scrape(body, transaction: 0x6161_6161, infoHashes: hashes, limits: limits).map(check)
        default:
            let text = String(decoding: body, as: UTF8.self)
            if let url = TrackerURL(text) { precondition(url.port != 0 && !url.host.isEmpty) }
            if let url = HTTPTrackerQuery.scrapeURL(text, hashes) { precondition(url.contains("info_hash=")) }
        }
    } catch {
        if case .refused(let reason, let retry) = error {
            check(reason)
            if case .after(let seconds) = retry { precondition(seconds >= 0 && seconds <= limits.longestRetry) }
        }
    }
    return 0
}
