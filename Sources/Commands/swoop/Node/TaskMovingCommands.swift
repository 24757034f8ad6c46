import ArgumentParser

/// `swoop task send`.
struct TaskSendCommand: SwoopCommand {
    static let configuration = CommandConfiguration(
        commandName: "send",
        abstract: "Publish content by its task file.",
        discussion: """
            Example:
              swoop task send film cfec-001 --wait
            """)

    @OptionGroup var task: TaskName
    @Option(help: ArgumentHelp("The task file, where it is not in DATA/sender/tmp.", valueName: "path"))
    var taskFile: String?
    @Flag(inversion: .prefixedNo, help: "Begin again where a task of this name is served already.")
    var reactive = true
    @Flag(help: "Wait until every method can be fetched from.")
    var wait = false
    @OptionGroup var node: NodeOptions
    @OptionGroup var global: GlobalOptions

    func run(_ reporter: Reporter) async throws {
        let reply = try await node.use { client, defaults in
            let file = try task.file(defaults)
            let path = taskFile ?? "\(defaults.data)/sender/tmp/\(file)"
            let reply = try await client.call(
                "send", [("taskfile", .string(path)), ("reactive", .string(reactive ? "true" : "false"))])
            guard wait, reply.succeeded else { return reply }
            return try await TaskWatch(client: client, reporter: reporter, file: file).ready()
        }
        reporter.clearBars()
        try show(reply, reply.desc.isEmpty ? reply.status.shown : reply.desc.shown, reporter)
    }
}

/// `swoop task recv`.
struct TaskRecvCommand: SwoopCommand {
    static let configuration = CommandConfiguration(
        commandName: "recv",
        abstract: "Receive content by its task file.",
        discussion: """
            Example:
              swoop task recv film cfec-001 --task-file /tmp/cfec-001-film.task.json --wait
            """)

    @OptionGroup var task: TaskName
    @Option(help: ArgumentHelp("The task file, where it is not in DATA/receiver/tmp.", valueName: "path"))
    var taskFile: String?
    @Flag(help: "On a cacher: serve a task that it has already for another whole seed time.")
    var reactive = false
    @Flag(help: "Wait until the content is complete.")
    var wait = false
    @OptionGroup var node: NodeOptions
    @OptionGroup var global: GlobalOptions

    func run(_ reporter: Reporter) async throws {
        let reply = try await node.use { client, defaults in
            let file = try task.file(defaults)
            let path = taskFile ?? "\(defaults.data)/receiver/tmp/\(file)"
            let reply = try await client.call(
                "recv", [("taskfile", .string(path)), ("reactive", .string(reactive ? "true" : "false"))])
            guard wait, reply.succeeded else { return reply }
            return try await TaskWatch(client: client, reporter: reporter, file: file).downloaded()
        }
        reporter.keepBars()
        try show(reply, reply.desc.isEmpty ? TaskProgress(reply.content).text : reply.desc.shown, reporter)
    }
}

/// `swoop task cancel`.
struct TaskCancelCommand: SwoopCommand {
    static let configuration = CommandConfiguration(
        commandName: "cancel",
        abstract: "Stop a task and remove what it has not finished; a download before an upload of the same name.",
        discussion: """
            Example:
              swoop task cancel film cfec-001
            """)

    @OptionGroup var task: TaskName
    @OptionGroup var node: NodeOptions
    @OptionGroup var global: GlobalOptions

    func run(_ reporter: Reporter) async throws {
        let reply = try await node.use { client, defaults in
            try await client.call("cancel", [("taskfile", .string(try task.file(defaults)))])
        }
        try show(reply, reply.desc.shown, reporter)
    }
}
