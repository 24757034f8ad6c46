/// Follows a task on a node until it is where it should be.
struct TaskWatch: Sendable {
    /// How often a node is asked.
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

    /// Waits until a cacher serves its share.
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

    /// Waits until others can fetch what is sent.
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

    /// Waits until torrents and task file are made.
    func made(_ params: [(String, JSONValue)]) async throws -> NodeClient.Reply {
        while true {
            let reply = try await client.mustCall("taskfilesquery", params)
            if reply.status == "finished" { return reply }
            // Also when nothing is being made and nothing is there: then it never will be.
            guard reply.status == "unfinished", !reply.desc.hasPrefix("no make seed process") else {
                throw reply.failure
            }
            reporter.progress(Progress(phase: "making torrents", isTransfer: false), label: file)
            try await Task.sleep(for: Self.interval)
        }
    }

    /// An upload as progress: hundredths of what the store holds.
    static func upload(_ content: ReplyValue) -> Progress {
        var progress = Progress(phase: content["status"]?.text ?? "", isTransfer: false)
        let store = content["obsstatus"]?.text ?? ""
        if store.hasPrefix("uncompleted "), store.hasSuffix("%"), let part = Int(store.dropFirst(12).dropLast()) {
            progress.phase += ", object store \(min(max(part, 0), 100)) %"
        }
        return progress
    }
}
