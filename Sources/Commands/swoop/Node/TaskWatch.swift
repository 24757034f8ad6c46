/// Follows a task on a node until it reaches a state.
struct TaskWatch: Sendable {
    /// Time between two requests to the node.
    static let interval = Duration.seconds(1)

    let client: NodeClient
    let reporter: Reporter
    let file: String

    /// Waits until a download is complete.
    /// - Returns: the last reply.
    func downloaded() async throws -> NodeClient.Reply {
        while true {
            let reply = try await client.call("progress", [("taskfile", .string(file))])
            let isQueued = !reply.succeeded && reply.desc.hasPrefix("task in queues")
            guard reply.succeeded || isQueued else { throw reply.failure }
            let task = TaskProgress(reply.content)
            var shown = task.progress
            if isQueued { shown.phase = "queued" }
            reporter.progress(shown, rows: isQueued ? [(file, shown)] : task.rows(file), force: task.isDone)
            if task.isDone { return reply }
            if task.hasFailed {
                throw Failure(
                    .failed, task.problem.isEmpty ? "the download failed" : task.problem.shown,
                    advice: "The node keeps the details beside the task file, in its directory 'failed'.")
            }
            try await Task.sleep(for: Self.interval)
        }
    }

    /// Waits until a cacher seeds its share.
    func seeding() async throws -> NodeClient.Reply {
        while true {
            let reply = try await client.call("cprogress", path: "progress", [("taskfile", .string(file))])
            guard reply.succeeded else { throw reply.failure }
            if reply.status == "seeding" { return reply }
            if reply.status.hasSuffix("error") { throw reply.failure }
            reporter.progress(Progress(phase: reply.status, isTransfer: false), label: file)
            try await Task.sleep(for: Self.interval)
        }
    }

    /// Waits until others can fetch the content.
    func ready() async throws -> NodeClient.Reply {
        while true {
            let reply = try await client.call("uploadprogress", [("taskfile", .string(file))])
            guard reply.succeeded else { throw reply.failure }
            let shown = Self.upload(reply.content)
            reporter.progress(shown, label: file)
            switch reply.status {
            case "ready": return reply
            case "finished": throw Failure(.failed, "\(file.shown): its seed time is over already")
            case "error": throw reply.failure
            default: try await Task.sleep(for: Self.interval)
            }
        }
    }

    /// Waits until the torrents and the task file exist.
    func made(_ params: [(String, JSONValue)]) async throws -> NodeClient.Reply {
        while true {
            let reply = try await client.mustCall("taskfilesquery", params)
            if reply.status == "finished" { return reply }
            // Also if nothing is being made and nothing exists: then it never will.
            guard reply.status == "unfinished", !reply.desc.hasPrefix("no make seed process") else {
                throw reply.failure
            }
            reporter.progress(Progress(phase: "making torrents", isTransfer: false), label: file)
            try await Task.sleep(for: Self.interval)
        }
    }

    /// The progress of an upload: its status, and the percentage that the object store has.
    static func upload(_ content: ReplyValue) -> Progress {
        var progress = Progress(phase: content["status"]?.text ?? "", isTransfer: false)
        let store = content["obsstatus"]?.text ?? ""
        if store.hasPrefix("uncompleted "), store.hasSuffix("%"), let part = Int(store.dropFirst(12).dropLast()) {
            progress.phase += ", object store \(min(max(part, 0), 100)) %"
        }
        return progress
    }
}
