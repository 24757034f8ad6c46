import HTTPTransport
import NIOCore
import NIOHTTP1
import RegistryClient
import Text

/// Requests to roles of the same registry in other processes.
package struct HTTPPeers: Sendable {
    /// A request that can be made again, at another host too.
    struct Call: Sendable {
        let method: HTTPMethod
        /// With its query.
        let path: String
        var headers: HTTPHeaders = [:]
        var body: [UInt8]?
        /// Bytes of the answer, at most.
        var limit = 1 << 20
        /// Seconds until the whole answer is here.
        var patience = 20.0
    }

    struct Answer: Sendable {
        let status: Int
        let headers: HTTPHeaders
        let body: [UInt8]
    }

    private let transport: HTTPTransport
    private let credential: RegistryCredential?

    /// - Parameters:
    ///   - credential: a token of the role `cluster`; nil where none is needed.
    ///   - settings: with the pin or the authorities of the roles that are asked.
    package init(_ credential: RegistryCredential?, settings: HTTPTransportSettings) {
        var settings = settings
        settings.connectTimeout = 3
        settings.readTimeout = 60
        settings.connectionsPerHost = 64
        transport = HTTPTransport(settings: settings)
        self.credential = credential
    }

    package func shutdown() async { await transport.shutdown() }

    /// The body of a small document; nil if it is not there, or nobody answers.
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
        let answer = try await transport.request(
            call.method, url, headers: headers, body: call.body.map { HTTPRequestBody($0) }, deadline: deadline)
        return Answer(
            status: Int(answer.status.code), headers: answer.headers,
            body: try await transport.collect(answer, limit: call.limit, deadline: deadline))
    }
}
