import Address
import Admission
import HTTPServing
import HTTPTypes
import Hummingbird
import JSON
import Logging
import Text

/// The HTTP server of control's API.
package final class ControlServer: Sendable {
    private let service: HTTPService
    package var address: ListenAddress { service.address }

    private init(_ service: HTTPService) { self.service = service }

    /// - Parameter certificates: for TLS; nil for plain HTTP, which is allowed on loopback only.
    package static func start(
        _ core: ControlCore, at address: ListenAddress, certificates: Certificates? = nil, admission: Admission,
        limits: HTTPLimits = HTTPLimits(), logger: Logger
    ) async throws(HTTPServiceError) -> ControlServer {
        guard address.isLoopback || certificates != nil else {
            throw HTTPServiceError(.configuration, "\(address) is reached over the network: the API speaks TLS there")
        }
        let api = ControlAPI(core, limits: limits, counters: RequestCounters(name: "swoop_control_http_requests_total"))
        let table = api.table
        let router = Router(context: ServiceContext.self)
        router.add(
            middleware: AccessMiddleware(
                RequestGuard(address: address), RequiredTokens(core.access), setting: "API token",
                open: table.openPaths.union(["/openapi.json"]), failureWait: APIAccess.failureWait, refuse: refusal))
        router.add(middleware: RateMiddleware(core.access))
        let description = Response.json(table.openAPI)
        router.get("openapi.json") { _, _ in description }
        table.add(to: router, refuse: refusal)
        table.addOtherMethods(to: router, refuse: refusal) { $0.hasSuffix("/events") }
        return ControlServer(
            try await HTTPService.start(
                router.buildResponder(), at: address, admission: admission, door: .api, limits: limits,
                certificates: certificates, logger: logger))
    }

    package func stop() async { await service.stop() }

    /// The answer to a request that is refused before its route is called.
    static let refusal: RefusalAnswer = { _, status, text in
        APIProblem(status.code, APIProblem.code(of: status), text, advice: APIProblem.advice(of: status)).response(
            request: Hexadecimal.encode(RandomBytes.make(8)))
    }
}

/// Requires a token for every request, even if no token exists.
private struct RequiredTokens: Authenticator {
    let access: APIAccess

    init(_ access: APIAccess) { self.access = access }

    func authenticate(_ request: HTTPRequest, from origin: RequestOrigin) async -> Authentication {
        await access.authenticate(request, from: origin)
    }
}

/// Limits the rate of requests with one token.
private struct RateMiddleware: RouterMiddleware {
    typealias Context = ServiceContext

    let access: APIAccess

    init(_ access: APIAccess) { self.access = access }

    func handle(
        _ request: Request, context: Context, next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        guard let caller = context.caller, !access.admits(caller.name) else { return try await next(request, context) }
        var response = ControlServer.refusal(request, .tooManyRequests, "this token asks more than 100 times a second")
        response.headers[.retryAfter] = "1"
        if request.method != .get { response.headers[.connection] = "close" }
        return response
    }
}
