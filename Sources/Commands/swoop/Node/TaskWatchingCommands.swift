import ArgumentParser
import FoundationEssentials

/// `swoop task progress`.
struct TaskProgressCommand: SwoopCommand {
    static let configuration = CommandConfiguration(
        commandName: "progress",
        abstract: "Show how far a download is.",
        discussion: """
            Says it once; on a terminal, or with --follow, until the download is complete.

            Example:
              swoop task progress film cfec-001
            """)

    @OptionGroup var task: TaskName
    @Flag(inversion: .prefixedNo, help: "Go on until the download is complete.")
    var follow: Bool?
    @OptionGroup var node: NodeOptions
    @OptionGroup var global: GlobalOptions

    func run(_ reporter: Reporter) async throws {
        let follows = follow ?? (reporter.mode.redraws && !reporter.mode.json)
        let reply = try await node.use { client, defaults in
            let file = try task.file(defaults)
            guard follows else { return try await client.call("progress", [("taskfile", .string(file))]) }
            return try await TaskWatch(client: client, reporter: reporter, file: file).downloaded()
        }
        reporter.keepBars()
        try show(reply, TaskProgress(reply.content).text, reporter)
    }
}

/// `swoop task uprogress`.
struct TaskUploadProgressCommand: SwoopCommand {
    static let configuration = CommandConfiguration(
        commandName: "uprogress",
        abstract: "Show whether published content can be fetched yet.",
        discussion: """
            Example:
              swoop task uprogress film cfec-001 --follow
            """)

    @OptionGroup var task: TaskName
    @Flag(inversion: .prefixedNo, help: "Go on until every method can be fetched from.")
    var follow: Bool?
    @OptionGroup var node: NodeOptions
    @OptionGroup var global: GlobalOptions

    func run(_ reporter: Reporter) async throws {
        let follows = follow ?? (reporter.mode.redraws && !reporter.mode.json)
        let reply = try await node.use { client, defaults in
            let file = try task.file(defaults)
            guard follows else { return try await client.call("uploadprogress", [("taskfile", .string(file))]) }
            return try await TaskWatch(client: client, reporter: reporter, file: file).ready()
        }
        reporter.clearBars()
        try show(reply, Self.text(reply.content), reporter)
    }

    static func text(_ content: ReplyValue) -> String {
        let methods = ["bt", "obs", "cdn"].compactMap { name in
            content["\(name)status"].map { "\(name) \($0.text.shown)" }
        }
        let problem = content["desc"]?.text ?? ""
        return ([content["status"]?.text.shown ?? ""] + methods + (problem.isEmpty ? [] : [problem.shown]))
            .joined(separator: "  ")
    }
}

/// `swoop task cprogress`.
struct TaskCacheProgressCommand: SwoopCommand {
    static let configuration = CommandConfiguration(
        commandName: "cprogress",
        abstract: "Show whether a cacher serves its share.",
        discussion: """
            Example:
              swoop task cprogress film cfec-001 --node cache1.example
            """)

    @OptionGroup var task: TaskName
    @Flag(help: "Go on until it does.")
    var follow = false
    @OptionGroup var node: NodeOptions
    @OptionGroup var global: GlobalOptions

    func run(_ reporter: Reporter) async throws {
        let reply = try await node.use { client, defaults in
            let file = try task.file(defaults)
            if follow { return try await TaskWatch(client: client, reporter: reporter, file: file).seeding() }
            return try await client.call("cprogress", path: "progress", [("taskfile", .string(file))])
        }
        reporter.clearBars()
        try show(reply, "\(reply.status.shown)  \(reply.desc.shown)", reporter)
    }
}

/// `swoop task list`.
struct TaskListCommand: SwoopCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "List the tasks of a node.",
        discussion: """
            With --json, one line for each task.

            Example:
              swoop task list --node sender.example --token-file token
            """)

    @OptionGroup var node: NodeOptions
    @OptionGroup var global: GlobalOptions

    func run(_ reporter: Reporter) async throws {
        let bytes = try await node.use { client, _ in try await client.get("/v1/tasks") }
        guard let reply = ReplyValue.parse(bytes), let tasks = reply["tasks"]?.list else {
            throw Failure(.failed, "the node's list of tasks cannot be read", advice: "Is it a node of this version?")
        }
        var table = TextTable(headings: ["direction", "state", "task"])
        for task in tasks {
            let row = ["direction", "state", "taskfile"].map { task[$0]?.text ?? "" }
            table.rows.append(row.map(\.shown))
            reporter.event(
                .object([
                    ("event", .string("task")), ("direction", .string(row[0])), ("state", .string(row[1])),
                    ("taskfile", .string(row[2])), ("path", .string(task["path"]?.text ?? "")),
                ]))
        }
        reporter.result(table.rows.isEmpty ? "no tasks" : table.text)
    }
}
