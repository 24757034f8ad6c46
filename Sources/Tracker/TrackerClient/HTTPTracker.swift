import HTTPTransport
import Hashing
import NIOCore
import NIOHTTP1
import Text
import Tracking

/// Announces and scrapes over HTTP and HTTPS.
struct HTTPTracker: Sendable {
    let transport: HTTPTransport
    let settings: TrackerClientSettings

    init(settings: TrackerClientSettings) {
        self.settings = settings
        var http = HTTPTransportSettings()
        http.localAddress = settings.source
        http.trustedAuthorities = settings.trustedAuthorities
        http.userAgent = settings.userAgent
        http.connectTimeout = settings.connectTimeout
        http.readTimeout = settings.httpTimeout
        http.resolver = settings.resolver
        transport = HTTPTransport(settings: http)
    }

    /// - Returns: the response, and the possible reaches of the address that it came from.
    func announce(
        _ tracker: String, _ request: AnnounceRequest, timeout: Double
    ) async throws(TrackerClientError) -> (AnnounceAnswer, ReachSet) {
        let (body, reached) = try await body(
            HTTPTrackerQuery.announceURL(tracker, request), of: tracker, timeout: timeout)
        do {
            return (try HTTPTrackerAnswer.announce(body, limits: settings.answers), reached)
        } catch {
            throw .answer(error)
        }
    }

    func scrape(
        _ tracker: String, _ infoHashes: [SHA1Digest], timeout: Double
    ) async throws(TrackerClientError) -> [SHA1Digest: ScrapeAnswer] {
        guard let url = HTTPTrackerQuery.scrapeURL(tracker, infoHashes) else { throw .cannotScrape }
        let (body, _) = try await body(url, of: tracker, timeout: timeout)
        do {
            return try HTTPTrackerAnswer.scrape(body, infoHashes: infoHashes, limits: settings.answers)
        } catch {
            throw .answer(error)
        }
    }

    /// - Parameter tracker: the tracker's own URL, which decides where the request may lead.
    private func body(
        _ text: String, of tracker: String, timeout: Double
    ) async throws(TrackerClientError) -> (bytes: [UInt8], reached: ReachSet) {
        guard let url = HTTPURL(text), let named = HTTPURL(tracker) else { throw .unsupportedURL }
        let allowed = settings.addressRule.addresses(of: named)
        do {
            let deadline = NIODeadline.now() + .after(timeout)
            let answer = try await answer(url, allowed: allowed, deadline: deadline)
            let body = try await transport.collect(answer, limit: settings.answers.bodyBytes, deadline: deadline)
            // Trackers send failure reasons with various status codes.
            guard answer.status == .ok || body.first(where: { $0 > 0x20 }) == UInt8(ascii: "d") else {
                throw TrackerClientError.status(
                    Int(answer.status.code), host: answer.host,
                    retryAfter: answer.headers.first(name: "retry-after").flatMap { seconds($0) })
            }
            return (body, answer.reached)
        } catch let error as HTTPTransportError {
            throw TrackerClientError(error)
        } catch let error as TrackerClientError {
            throw error
        } catch {
            throw .unreachable(String(describing: error))
        }
    }

    private func answer(
        _ url: HTTPURL, allowed: ReachSet, deadline: NIODeadline
    ) async throws(HTTPTransportError) -> HTTPAnswer {
        do {
            return try await transport.get(url, allowed: allowed, deadline: deadline)
        } catch .broken {
            // The tracker may have closed a kept-alive connection while the request was in flight.
            return try await transport.get(url, allowed: allowed, deadline: deadline)
        }
    }

    private func seconds(_ header: String) -> Double? {
        guard header.utf8.count <= 9, let seconds = UInt32(header) else { return nil }
        return min(Double(seconds), settings.answers.longestRetry)
    }
}
