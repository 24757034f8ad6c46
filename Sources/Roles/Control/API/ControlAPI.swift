import Fleet
import HTTPServing
import HTTPTypes
import Hummingbird
import Text

/// The routes of control's API.
package struct ControlAPI: Sendable {
    typealias Call = @Sendable (APICall) async throws(APIProblem) -> APIReply

    let core: ControlCore
    let limits: HTTPLimits
    let counters: RequestCounters
    let streams: APIStreams
    let idempotent = IdempotentCalls()

    package init(_ core: ControlCore, limits: HTTPLimits, counters: RequestCounters) {
        self.core = core
        self.limits = limits
        self.counters = counters
        streams = APIStreams(core, limits: limits)
    }

    package var table: RouteTable {
        RouteTable(
            title: "Swoop control", description: "Nodes, classes and jobs of a fleet.",
            tokenText: "an API token: swa_…", schemas: APISchemas.schemas, parameters: APISchemas.parameters,
            routes: access + nodes + classes + jobs + streams.routes + pages)
    }

    private var access: [Route] {
        [
            get("/v1/tokens", "Enrolment tokens", list: true, FleetRoles.viewer, AccessCalls.tokens),
            post(
                "/v1/tokens", "Make an enrolment token", 201, body: "NewToken", FleetRoles.admin,
                AccessCalls.createToken),
            get("/v1/tokens/{id}", "An enrolment token", FleetRoles.viewer, AccessCalls.token),
            change(.delete, "/v1/tokens/{id}", "Revoke an enrolment token", FleetRoles.admin, AccessCalls.revokeToken),
            get("/v1/api-tokens", "API tokens", list: true, FleetRoles.viewer, AccessCalls.apiTokens),
            post(
                "/v1/api-tokens", "Make an API token", 201, body: "NewAPIToken", FleetRoles.admin,
                AccessCalls.createAPIToken),
            get("/v1/api-tokens/{id}", "An API token", FleetRoles.viewer, AccessCalls.apiToken),
            change(.delete, "/v1/api-tokens/{id}", "Remove an API token", FleetRoles.admin, AccessCalls.removeAPIToken),
            get(
                "/v1/audit", "Who changed what, newest first", list: true, parameters: ["subject", "action"],
                FleetRoles.viewer, AccessCalls.audit),
            get("/v1/audit/{id}", "What one line of the audit says", FleetRoles.viewer, AccessCalls.auditLine),
        ]
    }

    private var nodes: [Route] {
        [
            get(
                "/v1/nodes", "Nodes", list: true, parameters: ["select", "state", "sort"], FleetRoles.viewer,
                NodeCalls.list),
            get("/v1/nodes/{id}", "A node, by id or name", FleetRoles.viewer, NodeCalls.show),
            change(
                .patch, "/v1/nodes/{id}", "Rename, label, admit, drain or revoke a node", body: "NodeChange",
                FleetRoles.admin, NodeCalls.change),
            change(.delete, "/v1/nodes/{id}", "Remove a node", FleetRoles.admin, NodeCalls.remove),
        ]
    }

    private var classes: [Route] {
        [
            get("/v1/classes", "Classes", list: true, FleetRoles.viewer, ClassCalls.list),
            get("/v1/classes/{name}", "A class", parameters: ["version"], FleetRoles.viewer, ClassCalls.show),
            change(
                .put, "/v1/classes/{name}", "Define a class", parameters: ["if-none-match"], body: "ClassDefinition",
                FleetRoles.admin, ClassCalls.put),
            change(.delete, "/v1/classes/{name}", "Remove a class", FleetRoles.admin, ClassCalls.remove),
            get(
                "/v1/classes/{name}/versions", "All versions of a class, newest first", list: true, FleetRoles.viewer,
                ClassCalls.versions),
            post(
                "/v1/classes/{name}/revert", "Make an earlier version the newest", 200, body: "Revert",
                FleetRoles.admin,
                ClassCalls.revert),
            post(
                "/v1/classes/{name}/rollback", "Have targets show the job before the last", 201, body: "Rollback",
                FleetRoles.operator, RollbackCalls.ofClass),
        ]
    }

    private var jobs: [Route] {
        [
            get(
                "/v1/jobs", "Jobs, newest first", list: true, parameters: ["class", "state", "sort"], FleetRoles.viewer,
                JobCalls.list),
            post("/v1/jobs", "Have a node send", 201, body: "NewJob", FleetRoles.operator, JobCalls.create),
            get("/v1/jobs/{id}", "A job", FleetRoles.viewer, JobCalls.show),
            get(
                "/v1/jobs/{id}/targets", "Targets of a job", list: true, parameters: ["select", "state", "sort"],
                FleetRoles.viewer, JobCalls.targets),
            get("/v1/jobs/{id}/receipts", "Receipts of a job", list: true, FleetRoles.viewer, JobCalls.receipts),
            order("promote", "Go on: the next wave, or the switch") { machine, now in
                (machine.promote(at: now), "there is nothing to go on with: the job is \(machine.state.rawValue)")
            },
            order("retry", "Try targets that failed again") { machine, now in
                (machine.retry(at: now), "no target has failed")
            },
            order("pause", "Pause") { machine, _ in
                (machine.pause(), "a job that is \(machine.state.rawValue) cannot pause")
            },
            order("resume", "Go on after a pause") { machine, now in
                (machine.resume(at: now), "the job is not paused")
            },
            order("cancel", "Cancel") { machine, _ in
                (machine.cancel(), "the job is over: it is \(machine.state.rawValue)")
            },
            post(
                "/v1/jobs/{id}/rollback", "Have targets show what they had before this job", 201, body: "Rollback",
                FleetRoles.operator, RollbackCalls.ofJob),
        ]
    }

    private func order(
        _ name: String, _ summary: String,
        _ body: @escaping @Sendable (inout JobMachine, Double) -> (orders: [JobMachine.Order], refusal: String?)
    ) -> Route {
        post(
            "/v1/jobs/{id}/\(name)", summary, 200, body: "Nothing", FleetRoles.operator,
            JobCalls.order("job.\(name)", body))
    }

    // MARK: Makers of routes

    private func get(
        _ path: String, _ summary: String, list: Bool = false, parameters: [String] = [], _ role: Role,
        _ call: @escaping Call
    ) -> Route {
        route(
            .get, path, summary, parameters: (list ? ["limit", "after"] : []) + parameters, body: nil,
            statuses: [200, 400, 404], role, call)
    }

    private func post(
        _ path: String, _ summary: String, _ status: Int, body: String, _ role: Role, _ call: @escaping Call
    ) -> Route {
        route(
            .post, path, summary, parameters: ["idempotency-key"], body: body,
            statuses: [status, status == 201 ? 200 : 201, 400, 404, 408, 409, 412, 413, 422], role, call)
    }

    private func change(
        _ method: HTTPRequest.Method, _ path: String, _ summary: String, parameters: [String] = [], body: String? = nil,
        _ role: Role, _ call: @escaping Call
    ) -> Route {
        route(
            method, path, summary, parameters: ["if-match"] + parameters, body: body,
            statuses: [200, 201, 400, 404, 408, 409, 412, 413, 422, 428], role, call)
    }

    private func route(
        _ method: HTTPRequest.Method, _ path: String, _ summary: String, parameters: [String], body: String?,
        statuses: [Int], _ role: Role, _ call: @escaping Call
    ) -> Route {
        let names = path.split(separator: "/").filter { $0.hasPrefix("{") }.map { String($0.dropFirst().dropLast()) }
        return Route(
            method, path, summary, parameters: names + parameters, body: body, answers: APISchemas.answers(statuses),
            access: .role(role)
        ) { request, context in await answer(request, context, call) }
    }

    // MARK: Answering

    private func answer(_ request: Request, _ context: ServiceContext, _ body: Call) async -> Response {
        let id = Hexadecimal.encode(RandomBytes.make(8))
        var response: Response
        do throws(APIProblem) {
            let bytes = try await self.body(of: request)
            let call = APICall(request: request, context: context, core: core, body: bytes)
            response = try await idempotent.once(call, body).response
        } catch { response = error.response(request: id) }
        if let name = HTTPField.Name("X-Request-Id") { response.headers[name] = id }
        counters.count(request.method == .get ? "read" : "change", status: response.status.code)
        return response
    }

    private func body(of request: Request) async throws(APIProblem) -> [UInt8] {
        guard request.method != .get, request.method != .head else { return [] }
        switch await RequestBytes.collect(request, limits: limits) {
        case .success(let bytes): return bytes
        case .failure(let problem):
            throw APIProblem(problem.status.code, APIProblem.code(of: problem.status), problem.text)
        }
    }
}
