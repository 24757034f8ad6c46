// TrackerClient: announces and scrapes over HTTP, HTTPS and UDP.
//
// Purpose: carry out one announce or scrape, defined by values of Tracking, within a time limit, and return the checked
// response. Must never: decide when to announce or to which tracker (`TrackerSchedule` does), keep state of a torrent,
// return addresses to which a hostile tracker should not be able to make us connect, or put URLs, which may contain
// passkeys, into errors.

import Address
import HTTPTransport
import Hashing
import NIOCore
import Tracking

/// A tracker client, one for a whole process. Call `shutdown` before releasing the last reference.
package final class TrackerClient: Sendable {
    private let settings: TrackerClientSettings
    private let http: HTTPTracker
    private let udp: UDPTracker
    private let names: PeerNames

    package init(settings: TrackerClientSettings = TrackerClientSettings()) {
        self.settings = settings
        http = HTTPTracker(settings: settings)
        udp = UDPTracker(settings: settings)
        names = PeerNames(resolver: settings.resolver)
    }

    /// Announces to one tracker.
    /// - Parameters:
    ///   - url: `http://...`, `https://...` or `udp://...`.
    ///   - filter: the peers that may be returned, including peers that the tracker names by host name. Loopback and
    ///     link-local addresses also pass if the tracker itself was reached at such an address.
    ///   - timeout: total seconds; nil uses the settings (a short time for `stopped`).
    /// - Throws: `TrackerClientError`; pass its `refusal` to `TrackerSchedule.failed`.
    package func announce(
        url: String, _ request: AnnounceRequest, filter: PeerAddressFilter = PeerAddressFilter(),
        timeout: Double? = nil
    ) async throws(TrackerClientError) -> AnnounceAnswer {
        guard let tracker = TrackerURL(url) else { throw .unsupportedURL }
        let timeout = timeout ?? (request.event == .stopped ? settings.stoppedTimeout : nil)
        var answer: AnnounceAnswer
        var sources: [PeerAddress] = []
        switch tracker.scheme {
        case .udp:
            let (given, source) = try await udp.announce(tracker, request, timeout: timeout)
            answer = given
            sources = source.map { [$0] } ?? []
        case .http, .https:
            let (given, reached) = try await http.announce(url, request, timeout: timeout ?? settings.httpTimeout)
            answer = given
            sources = Self.neighbour(reached).map { [$0] } ?? []
            if request.event != .stopped {
                answer.peers += await names.addresses(of: answer.names, within: settings.namesTimeout)
            }
        }
        answer.peers = filter.trusting(sources: sources).filter(answer.peers)
        return answer
    }

    /// Scrapes the counts of some torrents. Torrents that the tracker does not know are missing from the result.
    /// - Parameter infoHashes: at most 74 are scraped.
    package func scrape(
        url: String, _ infoHashes: [SHA1Digest], timeout: Double? = nil
    ) async throws(TrackerClientError) -> [SHA1Digest: ScrapeAnswer] {
        guard let tracker = TrackerURL(url) else { throw .unsupportedURL }
        let asked = Array(infoHashes.prefix(UDPTrackerRequest.scrapeLimit))
        switch tracker.scheme {
        case .udp: return try await udp.scrape(tracker, asked, timeout: timeout)
        case .http, .https: return try await http.scrape(url, asked, timeout: timeout ?? settings.httpTimeout)
        }
    }

    /// Closes all sockets. Running requests fail.
    package func shutdown() async {
        await udp.shutdown()
        await http.transport.shutdown()
    }

    /// An address that stands for a tracker on this host or this link, based on the checked address to which it was
    /// connected; nil if it is, or may be, elsewhere. (The current address of its name is no evidence: its owner can
    /// change it.)
    private static func neighbour(_ reached: ReachSet) -> PeerAddress? {
        switch reached {
        case .host: PeerAddress(host: "127.0.0.1", port: 0)
        case .link: PeerAddress(host: "169.254.0.1", port: 0)
        default: nil
        }
    }
}
