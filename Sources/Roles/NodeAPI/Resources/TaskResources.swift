import BFT
import HTTPServing
import HTTPTypes
import Hummingbird
import JSON
import NIOCore
import Text

/// The same operations as resources under /v1, without envelopes: a request body contains the parameters, a response
/// the content, and the status code is the result.
struct TaskResources<Node: NodeCalls>: Sendable {
    let node: Node
    let limits: NodeAPILimits
    let counters: RequestCounters
    let events: EventStream
    private let snapshots: TaskSnapshots

    init(node: Node, limits: NodeAPILimits, counters: RequestCounters) {
        self.node = node
        self.limits = limits
        self.counters = counters
        events = EventStream(limits: limits.http)
        snapshots = TaskSnapshots(interval: limits.progressInterval) { name, direction in
            await TaskStates(node: node).bytes(of: name, direction)
        }
    }

    var routes: [Route] {
        let missing = Route.Answer(404, "no such task")
        let failed = Route.Answer(409, "the call failed; desc says why", schema: "Description")
        let done = Route.Answer(200, "done", schema: "Description")
        func call(_ call: APICall, _ path: String, _ summary: String, _ body: String) -> Route {
            Route(.post, path, summary, body: body, answers: [done, failed], access: .role(.operate)) { request, _ in
                await run(call, request)
            }
        }
        return [
            Route(.get, "/v1/node", "Version, time and health", access: .role(.read)) { _, _ in
                counted(
                    .json(
                        .object([
                            "version": .string(await node.version()), "heartbeat": .string(await node.heartbeat()),
                            "trouble": .string(await node.trouble() ?? ""),
                        ])))
            },
            Route(
                .get, "/v1/schedules", "What runs when", answers: [.init(200, "done", type: "text/plain")],
                access: .role(.read)
            ) { _, _ in counted(.text(await node.showschedules())) },
            Route(
                .post, "/v1/reload", "Load the configuration again", answers: [done], access: .role(.administer)
            ) { _, _ in counted(.json(Envelope.description(await node.reloadconf()))) },
            Route(
                .get, "/v1/tasks", "Every task of the node", answers: [.init(200, "done", schema: "Tasks")],
                access: .role(.read)
            ) { _, _ in
                counted(.json(.object(["tasks": .array(await node.tasks().map { .object($0.members) })])))
            },
            Route(
                .get, "/v1/jobs", "What is fetched or served now", answers: [.init(200, "done", schema: "Jobs")],
                access: .role(.read)
            ) { _, _ in counted(.json(.object(["jobs": .array(await node.jobs().map(\.json))]))) },
            Route(
                .get, "/v1/jobs/{file}", "One of them", parameters: ["file"],
                answers: [.init(200, "done", schema: "Job"), missing], access: .role(.read)
            ) { _, context in counted(await job(context)) },
            call(.send, "/v1/tasks/send", "Serve content by a task file", "TaskFilePath"),
            call(.sends, "/v1/tasks/sends", "Make a task file and serve by it", "TaskRequest"),
            call(.recv, "/v1/tasks/recv", "Receive content by a task file", "TaskFilePath"),
            Route(
                .get, "/v1/tasks/{file}", "A task and its progress", parameters: ["file", "direction"],
                answers: [.init(200, "done", schema: "Task"), missing], access: .role(.read)
            ) { request, context in counted(await task(request, context)) },
            Route(
                .delete, "/v1/tasks/{file}", "Cancel a task", parameters: ["file"], answers: [done, missing, failed],
                access: .role(.operate)
            ) { _, context in counted(await cancel(context)) },
            Route(
                .get, "/v1/tasks/{file}/events",
                "A task's progress as server-sent events: progress (data is a Task), gone",
                parameters: ["file", "direction"],
                answers: [.init(200, "until the task is gone", type: "text/event-stream"), missing],
                access: .role(.read)
            ) { request, context in counted(await follow(request, context)) },
            call(.gentask, "/v1/taskfiles/gen", "Make torrents and a task file", "TaskRequest"),
            call(.taskfilesquery, "/v1/taskfiles/query", "Whether they are made", "TaskRequest"),
            Route(
                .get, "/v1/taskfiles/{file}", "A finished task file", parameters: ["file"],
                answers: [.init(200, "done"), missing], access: .role(.operate)
            ) { _, context in counted(await taskFile(context)) },
        ]
    }

    private func counted(_ response: Response) -> Response {
        counters.count("other", status: response.status.code)
        return response
    }

    private func run(_ call: APICall, _ request: Request) async -> Response {
        let bytes: [UInt8]
        switch await RequestBytes.collect(request, limits: limits.http) {
        case .success(let read): bytes = read
        case .failure(let problem): return counted(.json(Envelope.description(problem.text), status: problem.status))
        }
        guard let params = try? JSONValue.parse(bytes, limits: Envelope.limits(limits)).objectValue else {
            return counted(.json(Envelope.description("the body is not a JSON object"), status: .badRequest))
        }
        let reply = await call.run(APIRequest(method: call.rawValue, parameters: params), on: node)
        return counted(.json(.object(reply.content), status: reply.succeeded ? .ok : .conflict))
    }

    private func taskFile(_ context: ServiceContext) async -> Response {
        guard case .name(let name) = TaskFileName(context), let bytes = await node.taskFile(named: name) else {
            return missing(context)
        }
        return .json(bytes: bytes)
    }

    private func task(_ request: Request, _ context: ServiceContext) async -> Response {
        guard case .name(let name) = TaskFileName(context), let entry = await entry(name, direction(request)) else {
            return missing(context)
        }
        return .json(await state(entry))
    }

    private func job(_ context: ServiceContext) async -> Response {
        guard case .name(let name) = TaskFileName(context), let job = await node.job(named: name) else {
            return missing(context)
        }
        return .json(job.json)
    }

    private func cancel(_ context: ServiceContext) async -> Response {
        guard case .name(let name) = TaskFileName(context) else { return missing(context) }
        let isThere = await !node.tasks(named: name).isEmpty
        let reply = await node.cancel(APIRequest(method: "cancel", parameters: ["taskfile": .string(name)]))
        return .json(.object(reply.content), status: !isThere ? .notFound : reply.succeeded ? .ok : .conflict)
    }

    /// A task's progress as server-sent events, until the task is removed or the subscriber disconnects.
    private func follow(_ request: Request, _ context: ServiceContext) async -> Response {
        let direction = direction(request)
        guard case .name(let name) = TaskFileName(context), await entry(name, direction) != nil else {
            return missing(context)
        }
        let snapshots = snapshots
        let response = events.response(event: "progress", every: limits.progressInterval) {
            await snapshots.state(of: name, direction).map { .state($0) } ?? .gone
        }
        return response
            ?? .json(Envelope.description("too many are following already"), status: .serviceUnavailable)
    }

    private func direction(_ request: Request) -> TaskEntry.Direction? {
        request.uri.queryParameters["direction"].flatMap { TaskEntry.Direction(rawValue: String($0)) }
    }

    private func entry(_ name: String, _ wanted: TaskEntry.Direction?) async -> TaskEntry? {
        await TaskStates(node: node).entry(name, wanted)
    }

    private func state(_ entry: TaskEntry) async -> JSONValue { await TaskStates(node: node).state(entry) }

    private func missing(_ context: ServiceContext) -> Response {
        if case .broken = TaskFileName(context) {
            return .json(Envelope.description("the path has a broken escape in it"), status: .badRequest)
        }
        return .json(Envelope.description("no such task"), status: .notFound)
    }
}

extension TaskEntry {
    var members: JSONObject {
        [
            "taskfile": .string(file), "direction": .string(direction.rawValue), "state": .string(state),
            "path": .string(path),
        ]
    }
}

/// The name of a task file in a path.
enum TaskFileName {
    case name(String)
    /// Not a valid task file name.
    case nothing
    /// A broken escape, or bytes that are not UTF-8.
    case broken

    init(_ context: ServiceContext) {
        guard let segment = context.parameters.get("file"), let name = PercentEncoding.decode(segment) else {
            self = .broken
            return
        }
        let isName =
            name.hasSuffix(".task.json") && name.utf8.count <= 255 && !name.hasPrefix(".")
            && name.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F && $0 != UInt8(ascii: "/") }
        self = isName ? .name(name) : .nothing
    }
}
