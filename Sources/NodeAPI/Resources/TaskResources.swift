import Delivery
import HTTPTypes
import Hummingbird
import NIOCore

/// The same operations as resources under /v1, without envelopes: a body is the parameters, an answer the content, and
/// the status says how it ended.
struct TaskResources<Node: NodeCalls>: Sendable {
    let node: Node
    let limits: NodeAPILimits
    let counters: RequestCounters
    let followers: Followers

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
        guard let name = TaskFileName.checked(context), let bytes = await node.taskFile(named: name) else {
            return notFound
        }
        return Response(
            status: .ok, headers: [.contentType: JSON.type], body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
    }

    private func task(_ request: Request, _ context: BasicRequestContext) async -> Response {
        guard let name = TaskFileName.checked(context), let entry = await entry(name, request) else { return notFound }
        return JSON.response(await state(entry), .ok)
    }

    private func cancel(_ context: BasicRequestContext) async -> Response {
        guard let name = TaskFileName.checked(context) else { return notFound }
        let isThere = await node.tasks().contains { $0.file == name }
        let reply = await node.cancel(APIRequest(method: "cancel", parameters: ["taskfile": .string(name)]))
        return JSON.response(.object(reply.content), !isThere ? .notFound : reply.succeeded ? .ok : .conflict)
    }

    /// A task's progress as server-sent events, until the task is gone or the follower is.
    private func follow(_ request: Request, _ context: BasicRequestContext) async -> Response {
        guard let name = TaskFileName.checked(context), await entry(name, request) != nil else { return notFound }
        guard followers.hasRoom else {
            return JSON.response(JSON.description("too many are following already"), .serviceUnavailable)
        }
        let (interval, silence, followers) = (limits.progressInterval, limits.followerSilence, followers)
        let body = ResponseBody { writer in
            guard followers.enter() else { return try await writer.finish(nil) }
            defer { followers.leave() }
            let clock = ContinuousClock()
            var last: [UInt8] = []
            var saidAt = clock.now
            while !Task.isCancelled {
                guard let found = await entry(name, request) else {
                    try await writer.write(ByteBuffer(string: "event: gone\ndata: {}\n\n"))
                    break
                }
                let text = await state(found).encode()
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

    /// The task of that name in the direction asked for; a download before an upload, as cancel has it.
    private func entry(_ name: String, _ request: Request) async -> TaskEntry? {
        let wanted = request.uri.queryParameters["direction"].flatMap { TaskEntry.Direction(rawValue: String($0)) }
        let found = await node.tasks().filter { $0.file == name && (wanted == nil || $0.direction == wanted) }
        return found.first { $0.direction == .receive } ?? found.first
    }

    private func state(_ entry: TaskEntry) async -> JSONValue {
        let parameters: JSONObject = ["taskfile": .string(entry.file)]
        let reply =
            entry.direction == .send
            ? await node.uploadprogress(APIRequest(method: "uploadprogress", parameters: parameters))
            : await node.progress(APIRequest(method: await node.progressMethod, parameters: parameters))
        var members = entry.members
        members["progress"] = .object(reply.content)
        return .object(members)
    }

    private var notFound: Response { JSON.response(JSON.description("no such task"), .notFound) }
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
    static func checked(_ context: BasicRequestContext) -> String? {
        // Percent signs are decoded once, by the router.
        guard let name = context.parameters.get("file"), name.hasSuffix(".task.json"), name.utf8.count <= 255,
            name.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F && $0 != UInt8(ascii: "/") }), !name.hasPrefix(".")
        else { return nil }
        return name
    }
}
