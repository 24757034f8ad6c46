// HTTP client for tracker announces and web seeds: AsyncHTTPClient with protection against hostile servers.
//
// Purpose: single HTTP/1.1 requests with few redirects. Must never: follow a redirect from a public address to an
// internal one, send a request to an address that was not checked, accept a certificate that does not verify, request
// compression, or wait without limit.

import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import Text

/// Settings of the HTTP client. Times in seconds.
package struct HTTPTransportSettings: Sendable {
    /// Local address of connections; nil lets the operating system choose.
    package var localAddress: String?
    package var connectTimeout = 10.0
    /// Longest silence while waiting for a response or reading it.
    package var readTimeout = 20.0
    /// Maximum bytes read from a socket at once. Each portion wakes its reader, which costs more than the bytes.
    package var largestRead = 512 * 1024
    /// Maximum time without progress in sending a request body.
    package var writeTimeout = 60.0
    /// Maximum number of redirects for one request.
    package var redirects = 5
    /// Maximum number of connections to one host, idle ones included.
    package var connectionsPerHost = 8
    package var userAgent = Product.userAgent
    /// A PEM file of certificate authorities to trust in place of the system's; for private authorities.
    package var trustedAuthorities: String?
    /// A PEM file of certificate authorities to trust beside the system's.
    package var furtherAuthorities: String?
    /// In place of that: whom to trust, and what to show of this client, read already.
    package var tls: ClientTLS?
    /// The only certificate that servers may show; nil to go by authorities and host names. Servers without TLS are refused.
    package var pin: CertificatePin?
    /// Name resolution, instead of the system's resolver; for tests.
    package var resolver: @Sendable (_ host: String, _ port: UInt16) async throws -> [SocketAddress]
    /// Names that are connected to at another address; for tests.
    package var connectOverride: [String: String] = [:]
    /// The reach of an address. Tests override it, so that a loopback address counts as public.
    package var reach: @Sendable (SocketAddress) -> AddressReach = { AddressReach($0) }

    package init() {
        resolver = { host, port in try await SystemResolver.addresses(of: host, port: port) }
    }
}

/// The status and headers of a response; the body is still to be read.
package struct HTTPAnswer: Sendable {
    package typealias Parts = HTTPClientResponse.Body

    package let status: HTTPResponseStatus
    package let headers: HTTPHeaders
    package let body: HTTPClientResponse.Body
    /// The host that sent the response, after redirects.
    package let host: String
    /// The possible reaches of the connected address, checked when the connection was opened.
    package let reached: ReachSet
}

/// Sends requests. Share one instance: it pools connections. Call `shutdown` before releasing the last reference.
package final class HTTPTransport: Sendable {
    private let clients: GuardedClients
    private let names: ResolvedNames
    private let settings: HTTPTransportSettings

    package init(settings: HTTPTransportSettings) {
        self.settings = settings
        clients = GuardedClients(settings: settings)
        names = ResolvedNames(resolver: settings.resolver)
    }

    /// Closes all connections. Running requests fail.
    package func shutdown() async { await clients.shutdown() }

    /// Sends a GET request and follows redirects, until the headers of another response have arrived.
    /// - Parameters:
    ///   - ownHeaders: headers for the first server alone, such as a token: left out where a redirect leads elsewhere.
    ///   - allowed: addresses to which the URL may resolve; see `AddressRule`. A redirect is checked by the address of
    ///     the server that sent it.
    ///   - deadline: time by which the headers must have arrived. The body is read by `collect` or by the caller, who
    ///     must set a limit; without one, only a silence longer than `readTimeout` ends it.
    /// - Throws: `HTTPTransportError`.
    package func get(
        _ url: HTTPURL, headers: HTTPHeaders = [:], ownHeaders: HTTPHeaders = [:], allowed: ReachSet = .all,
        deadline: NIODeadline
    ) async throws(HTTPTransportError) -> HTTPAnswer {
        var url = url
        var allowed = allowed
        var referrer: String?
        var headers = headers
        headers.add(contentsOf: ownHeaders)
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
            if !isSameServer { for header in ownHeaders { headers.remove(name: header.name) } }
            referrer = url.host
            url = next
        }
        throw .tooManyRedirects(host: url.host)
    }

    /// Sends a request once, without following redirects, for requests that are signed for one host and path.
    /// - Parameter deadline: time by which the request must be sent and the response headers have arrived.
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

    /// Reads a whole response body into memory, for documents rather than files of a torrent. Decodes it if the server
    /// compressed it without being asked.
    /// - Parameters:
    ///   - limit: maximum bytes, before and after decoding.
    ///   - deadline: time by which the body must be complete, however steadily it arrives.
    /// - Throws: `HTTPTransportError`, `.bodyTooLarge` if it exceeds `limit` bytes.
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

    /// Sends a GET request to a host, all of whose addresses must be allowed, over a connection to one of them.
    /// - Parameter referrer: the host whose redirect led here.
    /// - Returns: the response, and the reaches of the host's addresses.
    private func send(
        _ url: HTTPURL, headers: HTTPHeaders, allowed: ReachSet, referrer: String?, deadline: NIODeadline
    ) async throws(HTTPTransportError) -> (HTTPClientResponse, ReachSet) {
        // If the name resolves to other addresses than at the last lookup, it is resolved again, once.
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
        // Ranges and hashes refer to the plain bytes: a compressed body would be useless.
        request.headers.replaceOrAdd(name: "Accept-Encoding", value: "identity")
        return request
    }
}

extension TimeAmount {
    /// Seconds with fractions, clamped to between a millisecond and a day.
    package static func after(_ seconds: Double) -> TimeAmount {
        seconds.isNaN ? .milliseconds(1) : .nanoseconds(Int64(min(max(seconds, 0.001), 86_400) * 1e9))
    }
}
