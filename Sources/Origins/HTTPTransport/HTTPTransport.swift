// HTTP for tracker announces and web seeds: AsyncHTTPClient with the rules that hostile servers make necessary.
//
// What it is for: one request at a time over HTTP/1.1, a GET with few redirects. What it must never do: follow a
// redirect from outside to an inside address, send a request to an address that was not judged, accept a certificate
// that does not verify, ask for compression, or wait without end.

import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import Text

/// How requests are made. Times in seconds.
package struct HTTPTransportSettings: Sendable {
    /// The address that connections come from; nil leaves the choice to the system.
    package var localAddress: String?
    package var connectTimeout = 10.0
    /// Longest silence while an answer is awaited or read.
    package var readTimeout = 20.0
    /// Most bytes taken from a socket at once: each portion wakes its reader, which costs more than the bytes.
    package var largestRead = 512 * 1024
    /// Longest time in which none of a request's body could be sent.
    package var writeTimeout = 60.0
    /// Most redirects followed for one request.
    package var redirects = 5
    /// Most idle and busy connections to one host.
    package var connectionsPerHost = 8
    package var userAgent = Product.userAgent
    /// A PEM file of certificate authorities to trust in place of the system's; for private authorities.
    package var trustedAuthorities: String?
    /// Name to address, in place of the system's resolver; for tests.
    package var resolver: @Sendable (_ host: String, _ port: UInt16) async throws -> [SocketAddress]
    /// Names that are connected to at another address; for tests.
    package var connectOverride: [String: String] = [:]
    /// How far an address reaches; a test takes one of loopback for a public one.
    package var reach: @Sendable (SocketAddress) -> AddressReach = { AddressReach($0) }

    package init() {
        resolver = { host, port in try await SystemResolver.addresses(of: host, port: port) }
    }
}

/// The start of an answer, its body still to be read.
package struct HTTPAnswer: Sendable {
    package let status: HTTPResponseStatus
    package let headers: HTTPHeaders
    package let body: HTTPClientResponse.Body
    /// The host that answered, after redirects.
    package let host: String
    /// How far the address reaches that the connection was to: one of these, judged when it came about.
    package let reached: ReachSet
}

/// Makes requests. Share one: it pools connections. `shutdown` it before the last reference goes.
package final class HTTPTransport: Sendable {
    private let clients: GuardedClients
    private let names: ResolvedNames
    private let settings: HTTPTransportSettings

    package init(settings: HTTPTransportSettings) {
        self.settings = settings
        clients = GuardedClients(settings: settings)
        names = ResolvedNames(resolver: settings.resolver)
    }

    /// Closes all connections and fails what is under way.
    package func shutdown() async { await clients.shutdown() }

    /// GETs a URL, following redirects, until the head of an answer that is none.
    /// - Parameters:
    ///   - allowed: what addresses the URL may have; see `AddressRule`. Redirects are judged by the address of the
    ///     server that sends them.
    ///   - deadline: when the head must be here. The body is read by `collect` or by the caller, who must see to an end
    ///     himself; only a silence longer than `readTimeout` ends it in any case.
    /// - Throws: `HTTPTransportError`.
    package func get(
        _ url: HTTPURL, headers: HTTPHeaders = [:], allowed: ReachSet = .all, deadline: NIODeadline
    ) async throws(HTTPTransportError) -> HTTPAnswer {
        var url = url
        var allowed = allowed
        var referrer: String?
        for _ in 0...settings.redirects {
            let (response, reached) = try await send(
                url, headers: headers, allowed: allowed, referrer: referrer, deadline: deadline)
            guard [301, 302, 303, 307, 308].contains(response.status.code) else {
                return HTTPAnswer(
                    status: response.status, headers: response.headers, body: response.body, host: url.host,
                    reached: reached)
            }
            guard let location = response.headers.first(name: "location") else { throw .badRedirect(host: url.host) }
            if location.prefix(7).lowercased() == "magnet:" {
                throw .leadsToMagnet(host: url.host, magnet: String(location.prefix(HTTPURL.longest)))
            }
            guard let next = url.resolving(location) else { throw .badRedirect(host: url.host) }
            if url.isSecure && !next.isSecure { throw .insecureRedirect(from: url.host, to: next.host) }
            let isSameServer = url.host == next.host && url.port == next.port
            allowed = isSameServer && !reached.contains(.everywhere) ? reached : reached.redirectTargets
            referrer = url.host
            url = next
        }
        throw .tooManyRedirects(host: url.host)
    }

    /// Makes any request, once, and follows no redirect: for requests that are signed for one host and path.
    /// - Parameter deadline: when the request must be sent and the head of its answer be here.
    /// - Throws: `HTTPTransportError`.
    package func request(
        _ method: HTTPMethod, _ url: HTTPURL, headers: HTTPHeaders, body: HTTPRequestBody? = nil, deadline: NIODeadline
    ) async throws(HTTPTransportError) -> HTTPAnswer {
        let client = try clients.client(for: .all)
        let response: HTTPClientResponse
        do {
            response = try await client.execute(
                request(url, method, headers: headers, body: body), deadline: deadline)
        } catch {
            throw HTTPTransportError(error, host: url.host)
        }
        return HTTPAnswer(
            status: response.status, headers: response.headers, body: response.body, host: url.host, reached: .all)
    }

    /// Reads a whole body: a document, not a file of a torrent. One that the server compressed unasked is decoded.
    /// - Parameters:
    ///   - limit: most bytes, before and after it was decoded.
    ///   - deadline: when it must be over, however steadily it drips.
    /// - Throws: `HTTPTransportError`, `.bodyTooLarge` when it exceeds `limit` bytes.
    package func collect(
        _ answer: HTTPAnswer, limit: Int, deadline: NIODeadline = .now() + .hours(1)
    ) async throws(HTTPTransportError) -> [UInt8] {
        let outcome = await withTaskGroup(of: Result<[UInt8], HTTPTransportError>.self) { group in
            group.addTask { await HTTPTransport.collect(answer, limit: limit) }
            group.addTask {
                try? await Task.sleep(for: .nanoseconds(max(0, (deadline - .now()).nanoseconds)))
                return .failure(.timedOut(host: answer.host))
            }
            defer { group.cancelAll() }
            return await group.next() ?? .failure(.cancelled)
        }
        if Task.isCancelled { throw .cancelled }
        let bytes = try outcome.get()
        let codings = ContentCoding.list(answer.headers["content-encoding"])
        guard !codings.isEmpty else { return bytes }
        do {
            return try await BlockingWork.run { try ContentCoding.decode(bytes, codings, limit: limit) }
        } catch Inflate.Failure.tooLarge {
            throw .bodyTooLarge(host: answer.host, limit: limit)
        } catch is CancellationError {
            throw .cancelled
        } catch {
            throw .broken(host: answer.host, reason: "its answer is compressed, and cannot be decoded")
        }
    }

    private static func collect(_ answer: HTTPAnswer, limit: Int) async -> Result<[UInt8], HTTPTransportError> {
        do {
            var bytes: [UInt8] = []
            for try await part in answer.body {
                guard bytes.count + part.readableBytes <= limit else {
                    return .failure(.bodyTooLarge(host: answer.host, limit: limit))
                }
                bytes.append(contentsOf: part.readableBytesView)
            }
            return .success(bytes)
        } catch {
            return .failure(HTTPTransportError(error, host: answer.host))
        }
    }

    /// Sends a GET to a host all of whose addresses are allowed, over a connection to one of them.
    /// - Parameter referrer: the host whose redirect led here.
    /// - Returns: the answer, and the reaches of the addresses of which one was connected to.
    private func send(
        _ url: HTTPURL, headers: HTTPHeaders, allowed: ReachSet, referrer: String?, deadline: NIODeadline
    ) async throws(HTTPTransportError) -> (HTTPClientResponse, ReachSet) {
        // A name that means something else than it did when it was looked up last is looked up again, once.
        for _ in 0..<2 {
            let reached = ReachSet(
                try await names.addresses(of: url, deadline: deadline).map { ReachSet(settings.reach($0)) })
            guard allowed.isSuperset(of: reached) else {
                if let referrer { throw .refusedRedirect(from: referrer, to: url.host) }
                throw .refusedAddress(host: url.host)
            }
            let client = try clients.client(for: reached)
            do {
                return (try await client.execute(request(url, .GET, headers: headers), deadline: deadline), reached)
            } catch is UnexpectedAddress {
                names.forget(url)
            } catch {
                throw HTTPTransportError(error, host: url.host)
            }
        }
        throw .refusedAddress(host: url.host)
    }

    private func request(
        _ url: HTTPURL, _ method: HTTPMethod, headers: HTTPHeaders, body: HTTPRequestBody? = nil
    ) -> HTTPClientRequest {
        var request = HTTPClientRequest(url: url.text)
        request.method = method
        request.body = body?.content
        request.headers = headers
        request.headers.replaceOrAdd(name: "Host", value: url.authority)
        request.headers.replaceOrAdd(name: "User-Agent", value: settings.userAgent)
        // Ranges and hashes are of the bytes themselves: a compressed body would be none of ours.
        request.headers.replaceOrAdd(name: "Accept-Encoding", value: "identity")
        return request
    }
}

extension TimeAmount {
    /// Seconds with fractions, at least a millisecond, at most a day.
    package static func after(_ seconds: Double) -> TimeAmount {
        seconds.isNaN ? .milliseconds(1) : .nanoseconds(Int64(min(max(seconds, 0.001), 86_400) * 1e9))
    }
}
