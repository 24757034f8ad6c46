import BFT
import JSON

/// One task and its progress, as in the resources.
struct TaskStates<Node: NodeCalls>: Sendable {
    let node: Node

    func bytes(of name: String, _ wanted: TaskEntry.Direction?) async -> [UInt8]? {
        guard let entry = await entry(name, wanted) else { return nil }
        return await state(entry).encode()
    }

    /// The task with this name in the given direction; without one, a download before an upload, as for cancel.
    func entry(_ name: String, _ wanted: TaskEntry.Direction?) async -> TaskEntry? {
        let found = await node.tasks(named: name).filter { wanted == nil || $0.direction == wanted }
        return found.first { $0.direction == .receive } ?? found.first
    }

    func state(_ entry: TaskEntry) async -> JSONValue {
        let parameters: JSONObject = ["taskfile": .string(entry.file)]
        let reply =
            entry.direction == .send
            ? await node.uploadprogress(APIRequest(method: "uploadprogress", parameters: parameters))
            : await node.progress(APIRequest(method: await node.progressMethod, parameters: parameters))
        var members = entry.members
        members["progress"] = .object(reply.content)
        return .object(members)
    }
}
