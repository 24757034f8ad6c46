import HTTPServing
import HTTPTypes
import Hummingbird
import JSON
import OCI
import Registry
import RegistryAccess
import Text

/// The routes `/v1/watch` and `/v1/warmings` of an index.
package struct WatchCalls: Sendable {
    private let hub: WatchHub
    private let limits: HTTPLimits

    package init(_ hub: WatchHub, limits: HTTPLimits) {
        self.hub = hub
        var limits = limits
        limits.bodyBytes = 64 << 10
        self.limits = limits
    }

    /// The path whose answer waits for an event.
    package static let waiting = "/v1/watch"

    package var routes: [Route] {
        [
            Route(
                .get, Self.waiting, "Wait for events: tags that were put, and content to warm",
                parameters: ["watcher", "host", "site", "epoch", "last", "hold"],
                access: .role(RegistryRoles.pull)
            ) { await watch($0, $1) },
            Route(
                .post, "/v1/warmings", "Have agents pull content in advance", body: "Warming",
                answers: [.init(202, "under way"), .init(409, "no agent is watching", schema: "Problem")],
                access: .role(RegistryRoles.admin)
            ) { await warm($0, $1) },
            Route(.get, "/v1/warmings/{id}", "The progress of a warming", access: .role(RegistryRoles.pull)) {
                await state($0, $1)
            },
            Route(
                .post, "/v1/warmings/{id}/reports", "Report an agent's progress", body: "WarmReport",
                answers: [.init(204, "taken")], access: .role(RegistryRoles.pull)
            ) { await report($0, $1) },
        ]
    }

    private static let mostName = 255
    private static let unknown = Problem.response(.notFound, "UNKNOWN", "there is no such warming, or it was long ago")

    /// Events for one agent. Query: `?id=ID&host=NAME&site=SITE`; from the second request on also `&epoch=E&last=N`, as
    /// in the previous reply; and optionally `&wait=SECONDS`.
    package func watch(_ request: Request, _ context: ServiceContext) async -> Response {
        if let refusal = context.refusal(of: RegistryRoles.pull) { return refusal }
        let query = request.uri.queryParameters
        guard let id = query["id"].map(String.init), WatchID.isValid(id) else {
            return Problem.response(.badRequest, "BAD_ID", "'id' is 32 hexadecimal digits of the agent's choice")
        }
        let (host, site) = (query["host"].map(String.init) ?? "", query["site"].map(String.init) ?? "")
        guard max(host.utf8.count, site.utf8.count) <= Self.mostName else {
            return Problem.response(.badRequest, "BAD_HOST", "names of hosts and sites have at most 255 bytes")
        }
        let watcher = Watcher(
            id: id, host: DisplayName.escape(host), site: DisplayName.escape(site), address: context.remoteAddress,
            scope: context.caller?.scope)
        var known: (String, Int64)?
        if let epoch = query["epoch"].map(String.init), let last = query["last"].flatMap({ Int64($0) }) {
            known = (epoch, last)
        }
        let wait = query["wait"].flatMap { Double($0) } ?? .infinity
        return .json(await hub.events(for: watcher, known: known, wait: wait.isNaN ? 0 : wait).json)
    }

    /// Begins a warming. Body: `{"reference":"NAME:TAG","hosts":N}`. Without `hosts`, or with `"all"`, all agents take
    /// part.
    package func warm(_ request: Request, _ context: ServiceContext) async -> Response {
        if let refusal = context.refusal(of: RegistryRoles.admin) { return refusal }
        let value: JSONValue
        switch await body(of: request) {
        case .success(let found): value = found
        case .failure(let response): return response.response
        }
        guard let reference = value["reference"]?.stringValue.flatMap({ Reference($0) }) else {
            return Problem.response(.badRequest, "BAD_REFERENCE", "the body is no {\"reference\":\"NAME:TAG\"}")
        }
        if let refusal = context.refusal(of: RegistryRoles.admin, with: reference.name) { return refusal }
        let count: Int?
        switch value["hosts"] {
        case nil, .string("all")?, .null?: count = nil
        case .integer(let number)? where number > 0: count = Int(clamping: number)
        default: return Problem.response(.badRequest, "BAD_HOSTS", "'hosts' is a number from 1, or \"all\"")
        }
        guard let id = hub.warm(reference, on: count), let state = hub.warming(id) else {
            return Problem.response(
                .conflict, "NO_HOSTS", "no agent keeps a request at this index",
                advice: "Start 'swoop agent' on the hosts that are to have it.")
        }
        var response = Response.json(state, status: .accepted)
        response.headers[.location] = "/v1/warmings/\(id)"
        return response
    }

    package func state(_ request: Request, _ context: ServiceContext) async -> Response {
        if let refusal = context.refusal(of: RegistryRoles.pull) { return refusal }
        let id = Self.id(request, 2)
        guard let reference = hub.reference(ofWarming: id), let state = hub.warming(id) else { return Self.unknown }
        if let refusal = context.refusal(of: RegistryRoles.pull, with: reference.name) { return refusal }
        return .json(state)
    }

    /// An agent reports its progress. Body: `{"watcher":ID,"state","done","total"}`, and `"detail"` with a failure.
    package func report(_ request: Request, _ context: ServiceContext) async -> Response {
        if let refusal = context.refusal(of: RegistryRoles.pull) { return refusal }
        let value: JSONValue
        switch await body(of: request) {
        case .success(let found): value = found
        case .failure(let response): return response.response
        }
        guard let watcher = value["watcher"]?.stringValue, let report = WarmReport(value) else {
            return Problem.response(.badRequest, "BAD_REPORT", "that is no report of a warming")
        }
        guard hub.report(report, of: watcher, on: Self.id(request, 2)) else { return Self.unknown }
        return Response(status: .noContent)
    }

    /// The path's component at this position, counted from 0; empty if the path is shorter.
    private static func id(_ request: Request, _ place: Int) -> String {
        let parts = request.uri.path.split(separator: "/")
        return place < parts.count ? String(parts[place]) : ""
    }

    private struct Refusal: Error { let response: Response }

    private func body(of request: Request) async -> Result<JSONValue, Refusal> {
        switch await RequestBytes.collect(request, limits: limits) {
        case .failure(let problem):
            return .failure(Refusal(response: Problem.response(problem.status, "BAD_BODY", problem.text)))
        case .success(let bytes):
            guard let value = try? JSONValue.parse(bytes) else {
                return .failure(Refusal(response: Problem.response(.badRequest, "BAD_BODY", "the body is no JSON")))
            }
            return .success(value)
        }
    }
}
