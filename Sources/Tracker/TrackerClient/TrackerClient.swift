// TrackerClient: asks trackers over HTTP, HTTPS and UDP.
//
// What it is for: carrying out one announce or scrape as values of Tracking say it, within a time, and handing back
// what is left of the answer after checks. What it must never do: decide when or whom to ask (that is
// `TrackerSchedule`), keep a torrent's state, hand out addresses that a hostile tracker should not be able to make us
// connect to, or put URLs, which may hold passkeys, into errors.

import Address
import HTTPTransport
import Hashing
import NIOCore
import Tracking

/// Asks trackers. One for a whole process; `shutdown` it before the last reference goes.
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
    ///   - filter: which peers may be handed on, those included that the tracker names by a host name. Loopback and
    ///     link-local ones pass too if the tracker was asked there.
    ///   - timeout: seconds for all of it; nil takes the settings' (a short one for `stopped`).
    /// - Throws: `TrackerClientError`; its `refusal` is what `TrackerSchedule.failed` wants to know.
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

    /// Asks for the counts of some torrents; those the tracker does not know are missing from the result.
    /// - Parameter infoHashes: at most 74 of them are asked for.
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

    /// Closes all sockets; what is under way fails.
    package func shutdown() async {
        await udp.shutdown()
        await http.transport.shutdown()
    }

    /// An address that stands for a tracker at this host or this link, as the address was judged that it was asked at; nil
    /// for one that is, or may be, elsewhere. (What its name means now says nothing: its owner can change that.)
    private static func neighbour(_ reached: ReachSet) -> PeerAddress? {
        switch reached {
        case .host: PeerAddress(host: "127.0.0.1", port: 0)
        case .link: PeerAddress(host: "169.254.0.1", port: 0)
        default: nil
        }
    }
}
