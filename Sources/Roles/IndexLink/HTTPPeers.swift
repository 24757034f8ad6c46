import HTTPTransport
import NIOCore
import NIOHTTP1
import RegistryClient
import Text

/// An HTTP client for the other processes of the same registry: origins and indexes.
package struct HTTPPeers: Sendable {
    /// A request that may be sent more than once, also to another host.
    struct Call: Sendable {
        let method: HTTPMethod
        /// Path and query.
        let path: String
        var headers: HTTPHeaders = [:]
        var body: [UInt8]?
        /// Most bytes of the response body.
        var limit = 1 << 20
        /// Seconds until the whole response must have arrived.
        var patience = 20.0
    }

    struct Answer: Sendable {
        let status: Int
        let headers: HTTPHeaders
        let body: [UInt8]
    }

    private let transport: HTTPTransport
    /// For calls that are answered when long work is done.
    private let patient: HTTPTransport
    private let credential: RegistryCredential?

    /// - Parameters:
    ///   - credential: a token with the role `cluster`; nil for a registry without tokens.
    ///   - settings: hold the certificate pin, or the authorities, of the servers to call. Timeouts and the number of
    ///     connections are overwritten.
    package init(_ credential: RegistryCredential?, settings: HTTPTransportSettings) {
        var settings = settings
        settings.connectTimeout = 3
        settings.readTimeout = Self.readTimeout
        settings.connectionsPerHost = 64
        transport = HTTPTransport(settings: settings)
        // The deadline of the call counts.
        settings.readTimeout = 86_400
        patient = HTTPTransport(settings: settings)
        self.credential = credential
    }

    /// Most seconds without a byte of a response.
    private static let readTimeout = 60.0

    package func shutdown() async {
        await transport.shutdown()
        await patient.shutdown()
    }

    /// The body of a small document (1 MiB at most). Nil for any status but 200, and for a server that does not respond
    /// within 5 seconds.
    package func document(_ base: HTTPURL, _ path: String) async -> [UInt8]? {
        let call = Call(method: .GET, path: path, patience: 5)
        guard let answer = try? await ask(base, call), answer.status == 200 else { return nil }
        return answer.body
    }

    func ask(_ base: HTTPURL, _ call: Call) async throws(HTTPTransportError) -> Answer {
        guard let url = HTTPURL("\(base.isSecure ? "https" : "http")://\(base.authority)\(call.path)") else {
            throw .broken(host: base.host, reason: "the URL is too long")
        }
        var headers = call.headers
        if let credential { headers.replaceOrAdd(name: "Authorization", value: credential.bearer) }
        let deadline = NIODeadline.now() + .after(call.patience)
        let transport = call.patience > Self.readTimeout ? patient : transport
        let answer = try await transport.request(
            call.method, url, headers: headers, body: call.body.map { HTTPRequestBody($0) }, deadline: deadline)
        return Answer(
            status: Int(answer.status.code), headers: answer.headers,
            body: try await transport.collect(answer, limit: call.limit, deadline: deadline))
    }
}
