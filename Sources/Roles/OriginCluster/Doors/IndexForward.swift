import HTTPServing
import HTTPTransport
import HTTPTypes
import Hummingbird
import NIOCore
import NIOHTTP1
import OCI
import Registry
import RegistryAccess
import RegistryClient
import Synchronization
import Text

/// Forwards requests about names and tags to an index, so that a client need only know one origin. The request keeps
/// the caller's credentials, which the index checks.
final class IndexForward: Sendable {
    private let indexes: [HTTPURL]
    private let transport: HTTPTransport
    private let credential: RegistryCredential?
    /// The position in `indexes` of the index that answered last: it is asked first.
    private let preferred = Mutex(0)

    /// Most seconds for a forwarded request.
    private static let patience = 90.0
    /// Seconds after which a read is given to the next index, if there is one.
    private static let readPatience = 45.0
    /// Seconds after which a client may try again where no index answers.
    private static let retryAfter = 2
    private static let mostAnswer = 64 << 20
    /// Bodies are manifests at most.
    private static let limits = {
        var limits = HTTPLimits()
        limits.bodyBytes = Manifest.mostBytes
        return limits
    }()
    private static let asked = [
        "authorization", "if-match", "if-none-match", "content-type", "accept", ClusterPath.header,
    ]
    private static let said = ["allow", "content-type", "etag", "link", "retry-after", "www-authenticate", "location"]
    /// The index refuses those that a path does not have, and says which it has.
    private static let methods: [HTTPRequest.Method] = [.get, .head, .put, .post, .delete, .patch, .options]

    /// - Parameters:
    ///   - indexes: in the order in which they are tried at first.
    ///   - credential: a token with the role `cluster`, so that the indexes believe who the client is; nil for a registry
    ///     without tokens.
    init(_ indexes: [HTTPURL], credential: RegistryCredential?, settings: HTTPTransportSettings) {
        self.indexes = indexes
        self.credential = credential
        var settings = settings
        settings.connectTimeout = 3
        settings.readTimeout = Self.patience
        settings.connectionsPerHost = 64
        transport = HTTPTransport(settings: settings)
    }

    func shutdown() async { await transport.shutdown() }

    func add(to router: Router<ServiceContext>) {
        let paths: [RouterPath] = [
            "v1/resolve/**", "v1/names", "v1/names/**", "tags/**", "repositories/**", "list", "list/**",
        ]
        for path in paths {
            for method in Self.methods {
                router.on(path, method: method) { request, context in
                    await self.respond(to: request, from: context.remoteAddress)
                }
            }
        }
    }

    /// - Parameter client: the address of the client.
    private func respond(to request: Request, from client: String) async -> Response {
        let body: [UInt8]
        switch await RequestBytes.collect(request, limits: Self.limits) {
        case .success(let bytes): body = bytes
        case .failure(let problem): return Problem.response(problem.status, "BAD_BODY", problem.text)
        }
        var headers: HTTPHeaders = [:]
        for name in Self.asked {
            if let field = HTTPField.Name(name), let value = request.headers[field] {
                headers.add(name: name, value: value)
            }
        }
        // What the client itself sent under these names is not passed on.
        if !client.isEmpty {
            headers.add(name: ForwardedClient.addressHeader, value: client)
            if let credential { headers.add(name: ForwardedClient.proofHeader, value: credential.bearer) }
        }
        var unavailable: Response?
        /// Whether an index may have done it, and only its reply was lost.
        var mayBeDone = false
        let first = preferred.withLock { $0 }
        let isRead = request.method == .get || request.method == .head
        for turn in indexes.indices {
            let place = (first + turn) % indexes.count
            guard let url = HTTPURL(Self.base(indexes[place]) + request.uri.string) else { break }
            let isLast = turn == indexes.count - 1
            do throws(HTTPTransportError) {
                let end = NIODeadline.now() + .after(Self.patience)
                let deadline = isRead && !isLast ? NIODeadline.now() + .after(Self.readPatience) : end
                let answer = try await transport.request(
                    HTTPMethod(rawValue: request.method.rawValue), url, headers: headers,
                    body: body.isEmpty ? nil : HTTPRequestBody(body), deadline: deadline)
                let response = try await response(answer, by: end)
                // With 503 this index cannot reach its database. The next index may reach it.
                guard response.status == .serviceUnavailable else {
                    if turn > 0 { preferred.withLock { $0 = place } }
                    if mayBeDone, Self.wasDone(request.method, response.status) { return Response(status: .noContent) }
                    return response
                }
                unavailable = response
            } catch {
                switch error {
                case .unresolved, .unreachable, .notTrusted: continue
                default: mayBeDone = true
                }
            }
        }
        if let unavailable { return unavailable }
        let text =
            indexes.isEmpty
            ? "no index is configured here"
            : "index \(Self.base(indexes[first])) does not answer (tried \(indexes.count))"
        // Kraken's paths answer with text.
        var response =
            request.uri.path.hasPrefix("/v1/")
            ? Problem.response(.serviceUnavailable, "INDEX_UNAVAILABLE", text, advice: "Try again.")
            : Response.text(text + "\n", status: .serviceUnavailable)
        response.headers[.retryAfter] = "\(Self.retryAfter)"
        return response
    }

    /// Whether an answer to a repeated request says that the first request was carried out. Repeating any of the requests
    /// does no harm: a second PUT of the same digest succeeds, a replication or import is done once, and what a DELETE
    /// deleted is not found again.
    static func wasDone(_ method: HTTPRequest.Method, _ status: HTTPResponse.Status) -> Bool {
        method == .delete && status == .notFound
    }

    /// Without a slash at the end.
    private static func base(_ url: HTTPURL) -> String { "\(url.isSecure ? "https" : "http")://\(url.authority)" }

    private func response(_ answer: HTTPAnswer, by deadline: NIODeadline) async throws(HTTPTransportError) -> Response {
        let bytes = try await transport.collect(answer, limit: Self.mostAnswer, deadline: deadline)
        var fields: HTTPFields = [:]
        for name in Self.said {
            if let field = HTTPField.Name(name), let value = answer.headers.first(name: name) { fields[field] = value }
        }
        return Response(
            status: HTTPResponse.Status(code: Int(answer.status.code)), headers: fields,
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
    }
}
