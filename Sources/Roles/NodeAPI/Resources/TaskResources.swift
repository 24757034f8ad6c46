import Delivery
import HTTPTypes
import Hummingbird
import JSON
import NIOCore
import Text

/// The same operations as resources under /v1, without envelopes: a body is the parameters, an answer the content, and
/// the status says how it ended.
struct TaskResources<Node: NodeCalls>: Sendable {
    let node: Node
    let limits: NodeAPILimits
    let counters: RequestCounters
    let followers: Followers
    private let snapshots: TaskSnapshots

    init(node: Node, limits: NodeAPILimits, counters: RequestCounters) {
        self.node = node
        self.limits = limits
        self.counters = counters
        followers = Followers(limit: limits.followers)
        snapshots = TaskSnapshots(interval: limits.progressInterval) { name, direction in
            await TaskStates(node: node).bytes(of: name, direction)
        }
    }

    func add(to router: Router<BasicRequestContext>) {
        router.get("v1/openapi.json") { _, _ in counted(.text(OpenAPI.text, type: JSON.type)) }
        router.get("v1/node") { _, _ in
            counted(
                JSON.response(
                    .object([
                        "version": .string(await node.version()), "heartbeat": .string(await node.heartbeat()),
                        "trouble": .string(await node.trouble() ?? ""),
                    ]), .ok))
        }
        router.get("v1/schedules") { _, _ in counted(.text(await node.showschedules())) }
        router.post("v1/reload") { _, _ in
            counted(JSON.response(JSON.description(await node.reloadconf()), .ok))
        }
        router.get("v1/tasks") { _, _ in
            counted(JSON.response(.object(["tasks": .array(await node.tasks().map { .object($0.members) })]), .ok))
        }
        for (path, call) in [("gen", APICall.gentask), ("query", .taskfilesquery)] {
            router.post(RouterPath("v1/taskfiles/\(path)")) { request, _ in await run(call, request) }
        }
        for (path, call) in [("send", APICall.send), ("sends", .sends), ("recv", .recv)] {
            router.post(RouterPath("v1/tasks/\(path)")) { request, _ in await run(call, request) }
        }
        router.get("v1/taskfiles/:file") { _, context in counted(await taskFile(context)) }
        router.get("v1/tasks/:file") { request, context in counted(await task(request, context)) }
        router.delete("v1/tasks/:file") { _, context in counted(await cancel(context)) }
        router.get("v1/tasks/:file/events") { request, context in counted(await follow(request, context)) }
    }

    private func counted(_ response: Response) -> Response {
        counters.count(.other, status: response.status.code)
        return response
    }

    private func run(_ call: APICall, _ request: Request) async -> Response {
        let bytes: [UInt8]
        switch await RequestBytes.collect(request, limits: limits) {
        case .success(let read): bytes = read
        case .failure(let problem): return counted(JSON.response(JSON.description(problem.text), problem.status))
        }
        guard let params = try? JSONValue.parse(bytes, limits: JSON.limits(limits)).objectValue else {
            return counted(JSON.response(JSON.description("the body is not a JSON object"), .badRequest))
        }
        let reply = await call.run(APIRequest(method: call.rawValue, parameters: params), on: node)
        return counted(JSON.response(.object(reply.content), reply.succeeded ? .ok : .conflict))
    }

    private func taskFile(_ context: BasicRequestContext) async -> Response {
        guard case .name(let name) = TaskFileName(context), let bytes = await node.taskFile(named: name) else {
            return missing(context)
        }
        return Response(
            status: .ok, headers: [.contentType: JSON.type], body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
    }

    private func task(_ request: Request, _ context: BasicRequestContext) async -> Response {
        guard case .name(let name) = TaskFileName(context), let entry = await entry(name, direction(request)) else {
            return missing(context)
        }
        return JSON.response(await state(entry), .ok)
    }

    private func cancel(_ context: BasicRequestContext) async -> Response {
        guard case .name(let name) = TaskFileName(context) else { return missing(context) }
        let isThere = await !node.tasks(named: name).isEmpty
        let reply = await node.cancel(APIRequest(method: "cancel", parameters: ["taskfile": .string(name)]))
        return JSON.response(.object(reply.content), !isThere ? .notFound : reply.succeeded ? .ok : .conflict)
    }

    /// A task's progress as server-sent events, until the task is gone or the follower is.
    private func follow(_ request: Request, _ context: BasicRequestContext) async -> Response {
        let direction = direction(request)
        guard case .name(let name) = TaskFileName(context), await entry(name, direction) != nil else {
            return missing(context)
        }
        guard followers.hasRoom else {
            return JSON.response(JSON.description("too many are following already"), .serviceUnavailable)
        }
        let (interval, silence, followers, snapshots) =
            (limits.progressInterval, limits.followerSilence, followers, snapshots)
        let body = ResponseBody { writer in
            guard followers.enter() else { return try await writer.finish(nil) }
            defer { followers.leave() }
            let clock = ContinuousClock()
            var last: [UInt8] = []
            var saidAt = clock.now
            while !Task.isCancelled {
                guard let text = await snapshots.state(of: name, direction) else {
                    try await writer.write(ByteBuffer(string: "event: gone\ndata: {}\n\n"))
                    break
                }
                if text != last {
                    var event = ByteBuffer(string: "event: progress\ndata: ")
                    event.writeBytes(text)
                    event.writeString("\n\n")
                    try await writer.write(event)
                    (last, saidAt) = (text, clock.now)
                } else if clock.now - saidAt >= silence {
                    try await writer.write(ByteBuffer(string: ": still here\n\n"))
                    saidAt = clock.now
                }
                try await Task.sleep(for: interval)
            }
            try await writer.finish(nil)
        }
        return Response(status: .ok, headers: [.contentType: "text/event-stream"], body: body)
    }

    private func direction(_ request: Request) -> TaskEntry.Direction? {
        request.uri.queryParameters["direction"].flatMap { TaskEntry.Direction(rawValue: String($0)) }
    }

    private func entry(_ name: String, _ wanted: TaskEntry.Direction?) async -> TaskEntry? {
        await TaskStates(node: node).entry(name, wanted)
    }

    private func state(_ entry: TaskEntry) async -> JSONValue { await TaskStates(node: node).state(entry) }

    private func missing(_ context: BasicRequestContext) -> Response {
        if case .broken = TaskFileName(context) {
            return JSON.response(JSON.description("the path has a broken escape in it"), .badRequest)
        }
        return JSON.response(JSON.description("no such task"), .notFound)
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
    /// No task file is called so.
    case nothing
    /// An escape is broken, or the bytes are not UTF-8.
    case broken

    init(_ context: BasicRequestContext) {
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
