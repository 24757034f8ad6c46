import Admission
import Delivery
import HTTPTypes
import Hummingbird
import Logging
import NIOCore

/// Which path does what.
struct APIRouter<Node: NodeCalls>: Sendable {
    let node: Node
    let address: ListenAddress
    let limits: NodeAPILimits
    let admission: Admission
    let counters: RequestCounters
    let logger: Logger

    func responder() -> some HTTPResponder<BasicRequestContext> {
        let router = Router()
        router.add(middleware: GuardMiddleware(node: node, gate: RequestGuard(address: address), counters: counters))
        router.add(middleware: PlaceMiddleware(admission: admission, counters: counters))
        let calls = EnvelopeCalls(node: node, limits: limits, counters: counters)
        for call in APICall.allCases {
            router.post(RouterPath(call.rawValue)) { request, _ in await calls.respond(to: request, call: call) }
        }
        addPages(to: router)
        TaskResources(node: node, limits: limits, counters: counters).add(to: router)
        return router.buildResponder()
    }

    private func addPages(to router: Router<BasicRequestContext>) {
        let (node, counters, admission) = (node, counters, admission)
        router.get("showschedules") { _, _ in counted(.text(await node.showschedules())) }
        // Texts in quotes, as the calls have always answered.
        router.get("reloadconf") { _, _ in counted(JSON.response(.string(await node.reloadconf()), .ok)) }
        router.get("heartbeat") { _, _ in counted(JSON.response(.string(await node.heartbeat()), .ok)) }
        router.get("version") { _, _ in counted(.text(await node.version())) }
        router.get("healthz") { _, _ in
            let trouble = await node.trouble()
            return counted(
                .text(trouble.map { $0 + "\n" } ?? "ok\n", status: trouble == nil ? .ok : .serviceUnavailable))
        }
        router.get("metrics") { _, _ in
            let text = MetricsPage.text(
                await node.metrics() + [counters.family] + AdmissionFamilies.all(of: admission.figures))
            return counted(.text(text, type: MetricsPage.type))
        }
    }

    private func counted(_ response: Response) -> Response {
        counters.count(.other, status: response.status.code)
        return response
    }
}

/// Turns away who may not come in, before anything of a request but its head is looked at, and answers for paths that
/// do not exist.
struct GuardMiddleware<Node: NodeCalls>: RouterMiddleware {
    typealias Context = BasicRequestContext

    /// Paths that tell whether somebody is there, and nothing else.
    private static var open: Set<String> { ["/heartbeat", "/version", "/healthz"] }

    let node: Node
    let gate: RequestGuard
    let counters: RequestCounters

    func handle(
        _ request: Request, context: Context, next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        let token = await node.apiToken().flatMap { $0.value.isEmpty ? nil : $0 }
        if let refusal = gate.refusal(of: request.head, token: token, isOpen: Self.open.contains(request.uri.path)) {
            return refuse(request, refusal.status, refusal.text)
        }
        do {
            var response = try await next(request, context)
            if let name = HTTPField.Name("X-Content-Type-Options") { response.headers[name] = "nosniff" }
            response.headers[.cacheControl] = "no-store"
            return response
        } catch let error as HTTPError {
            return refuse(request, error.status, error.status == .notFound ? "no such path" : error.status.reasonPhrase)
        }
    }

    /// The envelope for everybody: a client of the calls reads nothing else, a person reads `desc`.
    private func refuse(_ request: Request, _ status: HTTPResponse.Status, _ text: String) -> Response {
        counters.count(.other, status: status.code)
        let name = request.uri.path.split(separator: "/").last.map { String($0.prefix(64)) } ?? ""
        var response = JSON.envelope(.failure(text), method: APICall(rawValue: name)?.rawValue ?? "", status)
        if status == .unauthorized { response.headers[.wwwAuthenticate] = "Bearer" }
        // What was sent as a body is not read: the connection cannot serve another request.
        if request.method != .get { response.headers[.connection] = "close" }
        return response
    }
}

extension Response {
    /// A page of text.
    static func text(
        _ text: String, type: String = "text/plain; charset=utf-8", status: HTTPResponse.Status = .ok
    ) -> Response {
        Response(
            status: status, headers: [.contentType: type], body: ResponseBody(byteBuffer: ByteBuffer(string: text)))
    }
}
