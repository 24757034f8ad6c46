// HTTP for tracker announces and web seeds: AsyncHTTPClient with the rules that hostile servers make necessary.
//
// What it is for: one request at a time over HTTP/1.1, a GET with few redirects. What it must never do: follow a
// redirect from outside to an inside address, accept a certificate that does not verify, decompress, or wait without
// end.

import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL

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
    package var userAgent = "Swoop/1"
    /// A PEM file of certificate authorities to trust in place of the system's; for private authorities.
    package var trustedAuthorities: String?
    /// Name to address, in place of the system's resolver; for tests.
    package var resolver: @Sendable (_ host: String, _ port: UInt16) async throws -> [SocketAddress]
    /// Names that are connected to at another address; for tests.
    package var connectOverride: [String: String] = [:]

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
}

/// Makes requests. Share one: it pools connections. `shutdown` it before the last reference goes.
package final class HTTPTransport: Sendable {
    private let client: HTTPClient
    private let settings: HTTPTransportSettings

    package init(settings: HTTPTransportSettings) {
        self.settings = settings
        var configuration = HTTPClient.Configuration(
            redirectConfiguration: .disallow,
            timeout: .init(
                connect: .after(settings.connectTimeout), read: .after(settings.readTimeout),
                write: .after(settings.writeTimeout)),
            decompression: .disabled)
        configuration.httpVersion = .http1Only
        configuration.connectionPool.idleTimeout = .seconds(30)
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = settings.connectionsPerHost
        // A failure is the caller's to act on at once (another tracker, another source), not to be retried in here.
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.localAddress = settings.localAddress
        // The library's only hook at which a connection can be given an option.
        let reading = AdaptiveRecvByteBufferAllocator(
            minimum: 1024, initial: 16 * 1024, maximum: max(16 * 1024, settings.largestRead))
        configuration.http1_1ConnectionDebugInitializer = { channel in
            channel.setOption(.recvAllocator, value: reading)
        }
        configuration.dnsOverride = settings.connectOverride
        if let file = settings.trustedAuthorities {
            var tls = TLSConfiguration.makeClientConfiguration()
            tls.trustRoots = .file(file)
            configuration.tlsConfiguration = tls
        }
        client = HTTPClient(eventLoopGroup: MultiThreadedEventLoopGroup.singleton, configuration: configuration)
    }

    /// Closes all connections and fails what is under way.
    package func shutdown() async { try? await client.shutdown() }

    /// GETs a URL, following redirects, until the head of an answer that is none.
    /// - Parameter deadline: when the head must be here. The body is read by `collect` or by the caller, who must see
    ///   to an end himself; only a silence longer than `readTimeout` ends it in any case.
    /// - Throws: `HTTPTransportError`.
    package func get(
        _ url: HTTPURL, headers: HTTPHeaders = [:], deadline: NIODeadline
    ) async throws(HTTPTransportError) -> HTTPAnswer {
        var url = url
        var connectTo: String?
        for _ in 0...settings.redirects {
            let response = try await send(url, connectTo: connectTo, headers: headers, deadline: deadline)
            guard [301, 302, 303, 307, 308].contains(response.status.code) else {
                return HTTPAnswer(
                    status: response.status, headers: response.headers, body: response.body, host: url.host)
            }
            guard let location = response.headers.first(name: "location") else { throw .badRedirect(host: url.host) }
            if location.prefix(7).lowercased() == "magnet:" {
                throw .leadsToMagnet(host: url.host, magnet: String(location.prefix(HTTPURL.longest)))
            }
            guard let next = url.resolving(location) else { throw .badRedirect(host: url.host) }
            connectTo = try await check(from: url, to: next)
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
        let response = try await send(
            url, method: method, connectTo: nil, headers: headers, body: body, deadline: deadline)
        return HTTPAnswer(status: response.status, headers: response.headers, body: response.body, host: url.host)
    }

    /// Reads a whole body.
    /// - Parameter deadline: when it must be over, however steadily it drips.
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
        return try outcome.get()
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

    private func send(
        _ url: HTTPURL, method: HTTPMethod = .GET, connectTo: String?, headers: HTTPHeaders,
        body: HTTPRequestBody? = nil, deadline: NIODeadline
    ) async throws(HTTPTransportError) -> HTTPClientResponse {
        var request = HTTPClientRequest(url: connectTo.map { url.text(connectingTo: $0) } ?? url.text)
        request.method = method
        request.body = body?.content
        request.headers = headers
        request.headers.replaceOrAdd(name: "Host", value: url.authority)
        request.headers.replaceOrAdd(name: "User-Agent", value: settings.userAgent)
        // Ranges and hashes are of the bytes themselves: a compressed body would be none of ours.
        request.headers.replaceOrAdd(name: "Accept-Encoding", value: "identity")
        do {
            return try await client.execute(request, deadline: deadline)
        } catch {
            throw HTTPTransportError(error, host: url.host)
        }
    }

    /// Whether a redirect may be followed, and the address to connect to for it.
    ///
    /// For plain http that is the very address that was checked, so that a name cannot mean another one a moment later.
    /// For https the name stays: a certificate that is valid for it proves as much.
    private func check(from origin: HTTPURL, to target: HTTPURL) async throws(HTTPTransportError) -> String? {
        if origin.isSecure && !target.isSecure { throw .insecureRedirect(from: origin.host, to: target.host) }
        if origin.host == target.host && origin.port == target.port { return nil }
        let origins = try await resolve(origin)
        let targets = try await resolve(target)
        guard AddressReach.mayRedirect(from: origins.map(AddressReach.init), to: targets.map(AddressReach.init)) else {
            throw .refusedRedirect(from: origin.host, to: target.host)
        }
        return target.isSecure ? nil : targets.first?.ipAddress
    }

    private func resolve(_ url: HTTPURL) async throws(HTTPTransportError) -> [SocketAddress] {
        do {
            let addresses = try await settings.resolver(url.host, url.port)
            if !addresses.isEmpty { return addresses }
        } catch is CancellationError {
            throw .cancelled
        } catch {}
        throw .unresolved(host: url.host)
    }
}

extension TimeAmount {
    /// Seconds with fractions, at least a millisecond, at most a day.
    package static func after(_ seconds: Double) -> TimeAmount {
        .nanoseconds(Int64(min(max(seconds, 0.001), 86_400) * 1e9))
    }
}
