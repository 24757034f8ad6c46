import Address
import Admission
import BFT
import HTTPServing
import HTTPTypes
import Hummingbird
import JSON
import MetricFamilies
import Policy

/// Assigns paths to handlers.
struct APIRouter<Node: NodeCalls>: Sendable {
    let node: Node
    let address: ListenAddress
    let limits: NodeAPILimits
    let admission: Admission
    let counters: RequestCounters

    /// Paths, in addition to those of the table, that only show whether the server is up.
    private static var open: Set<String> { ["/heartbeat", "/version"] }

    func responder() -> some HTTPResponder<ServiceContext> {
        let resources = TaskResources(node: node, limits: limits, counters: counters)
        let table = NodeRoutes.table(pages + resources.routes)
        let router = Router(context: ServiceContext.self)
        let refuse: RefusalAnswer = { refusal($0, $1, $2) }
        let node = node
        let tokens = BearerTokens {
            guard let token = await node.apiToken(), !token.value.isEmpty else { return [] }
            return [.init(token, of: Caller(name: "apitoken", role: .administer))]
        }
        router.add(
            middleware: AccessMiddleware(
                RequestGuard(address: address), tokens, setting: "apitoken", open: Self.open.union(table.openPaths),
                refuse: refuse))
        router.add(middleware: PlaceMiddleware(admission, at: .api, refuse: refuse))
        let calls = EnvelopeCalls(node: node, limits: limits, counters: counters)
        for call in APICall.allCases {
            router.post(RouterPath(call.rawValue)) { request, _ in await calls.respond(to: request, call: call) }
        }
        addTexts(to: router)
        let description = Response.json(table.openAPI)
        router.get("v1/openapi.json") { _, _ in counted(description) }
        table.add(to: router, refuse: refuse)
        return router.buildResponder()
    }

    /// The requests of deployed clients without an envelope.
    private func addTexts(to router: Router<ServiceContext>) {
        let node = node
        router.get("showschedules") { _, _ in counted(.text(await node.showschedules())) }
        // Quoted texts, as BFT has always replied.
        router.get("reloadconf") { _, _ in counted(.json(.string(await node.reloadconf()))) }
        router.get("heartbeat") { _, _ in counted(.json(.string(await node.heartbeat()))) }
        router.get("version") { _, _ in counted(.text(await node.version())) }
    }

    private var pages: [Route] {
        let (node, counters, admission) = (node, counters, admission)
        return [
            Route(
                .get, "/metrics", "Numbers for Prometheus", answers: [.init(200, "done", type: "text/plain")],
                access: .role(.read)
            ) { _, _ in
                let text = MetricsPage.text(
                    await node.metrics() + [counters.family] + AdmissionFamilies.all(of: admission.figures))
                return counted(.text(text, type: MetricsPage.type))
            },
            Route(
                .get, "/healthz", "200 when the node can work, else 503 with the reason",
                answers: [.init(200, "it can", type: "text/plain"), .init(503, "why not", type: "text/plain")],
                access: .open
            ) { _, _ in
                let trouble = await node.trouble()
                return counted(
                    .text(trouble.map { $0 + "\n" } ?? "ok\n", status: trouble == nil ? .ok : .serviceUnavailable))
            },
        ]
    }

    private func counted(_ response: Response) -> Response {
        counters.count("other", status: response.status.code)
        return response
    }

    /// The envelope for all clients: a client of the calls reads nothing else, and a person reads `desc`.
    private func refusal(_ request: Request, _ status: HTTPResponse.Status, _ text: String) -> Response {
        let name = request.uri.path.split(separator: "/").last.map { String($0.prefix(64)) } ?? ""
        return counted(Envelope.response(.failure(text), method: APICall(rawValue: name)?.rawValue ?? "", status))
    }
}
