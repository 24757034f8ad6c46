import HTTPServing
import HTTPTypes
import Hummingbird
import JSON
import OCI
import Registry
import RegistryAccess
import Synchronization

/// The routes `/v1/pulls`: pulls into this host's cache, and their progress.
struct PullCalls: Sendable {
    let pulls: PullTable
    let events: EventStream
    let limits: HTTPLimits

    init(_ pulls: PullTable, _ limits: HTTPLimits) {
        self.pulls = pulls
        events = EventStream(limits: limits)
        var limits = limits
        limits.bodyBytes = 64 << 10
        self.limits = limits
    }

    private static let unknown = Problem.response(.notFound, "UNKNOWN", "there is no such pull, or it ended long ago")

    var routes: [Route] {
        let access = Route.Access.role(RegistryRoles.pull)
        let unknown = Route.Answer(404, "no such pull", schema: "Problem")
        return [
            Route(
                .post, "/v1/pulls", "Pull content into the cache", body: "Reference",
                answers: [.init(202, "under way"), .init(429, "too many are under way", schema: "Problem")],
                access: access
            ) { await begin($0, $1) },
            // The list has pulls of all names, so the caller needs the right to see all names.
            Route(.get, "/v1/pulls", "All pulls", access: access) { _, context in
                if let refusal = Self.refusal(context) { return refusal }
                return Response.json(.object(["pulls": .array(await pulls.all())]))
            },
            Route(
                .get, "/v1/pulls/{id}", "The progress of a pull", answers: [.init(200, "done"), unknown], access: access
            ) { _, context in
                if let refusal = Self.refusal(context) { return refusal }
                guard let pull = await pulls.state(of: Self.id(context)) else { return Self.unknown }
                return Response.json(pull.json)
            },
            Route(
                .delete, "/v1/pulls/{id}", "Stop a pull, or forget it", answers: [.init(204, "gone"), unknown],
                access: access
            ) { _, context in
                if let refusal = Self.refusal(context) { return refusal }
                return await pulls.remove(Self.id(context)) ? Response(status: .noContent) : Self.unknown
            },
            Route(
                .get, "/v1/pulls/{id}/events", "The progress of a pull, as events",
                answers: [.init(200, "server-sent events", type: "text/event-stream"), unknown], access: access
            ) { _, context in
                if let refusal = Self.refusal(context) { return refusal }
                return await follow(Self.id(context))
            },
        ]
    }

    /// The reason to refuse a request about existing pulls. A caller whose token is limited to some names may begin
    /// pulls of these, but cannot see pulls, which may be of any name.
    private static func refusal(_ context: ServiceContext) -> Response? {
        if let refusal = context.refusal(of: RegistryRoles.pull) { return refusal }
        guard context.caller?.scope != nil else { return nil }
        return Problem.response(.forbidden, "REFUSED", "this token is for some names only")
    }

    private static func id(_ context: ServiceContext) -> String { context.parameters.get("id") ?? "" }

    /// Begins a pull. Body: `{"reference":"NAME:TAG"}`.
    private func begin(_ request: Request, _ context: ServiceContext) async -> Response {
        if let refusal = context.refusal(of: RegistryRoles.pull) { return refusal }
        let body: [UInt8]
        switch await RequestBytes.collect(request, limits: limits) {
        case .success(let bytes): body = bytes
        case .failure(let problem): return Problem.response(problem.status, "BAD_BODY", problem.text)
        }
        guard let value = try? JSONValue.parse(body),
            let reference = value["reference"]?.stringValue.flatMap({ Reference($0) })
        else {
            return Problem.response(
                .badRequest, "BAD_REFERENCE", "the body is no {\"reference\":\"NAME:TAG\"}")
        }
        guard context.sees(reference.name) else {
            return Problem.response(.forbidden, "REFUSED", ServiceContext.unseenText(reference.name))
        }
        guard let id = await pulls.begin(reference), let pull = await pulls.state(of: id) else {
            var response = Problem.response(.tooManyRequests, "TOO_MANY", "too many pulls are under way")
            response.headers[.retryAfter] = "5"
            return response
        }
        var response = Response.json(pull.json, status: .accepted)
        response.headers[.location] = "/v1/pulls/\(id)"
        return response
    }

    /// A stream of a pull's states. It ends after the last one.
    private func follow(_ id: String) async -> Response {
        guard await pulls.state(of: id) != nil else { return Self.unknown }
        let (pulls, hasEnded) = (pulls, Flag())
        let response = events.response(event: "pull", every: .milliseconds(250)) {
            guard !hasEnded.isSet, let pull = await pulls.state(of: id) else { return .gone }
            if pull.isOver { hasEnded.set() }
            return .state(pull.json.encode())
        }
        return response ?? Problem.response(.tooManyRequests, "TOO_MANY", "too many follow pulls already")
    }

    private final class Flag: Sendable {
        private let flag = Atomic(false)
        var isSet: Bool { flag.load(ordering: .relaxed) }
        func set() { flag.store(true, ordering: .relaxed) }
    }
}
