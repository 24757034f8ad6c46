import ArgumentParser

/// `swoop task`: commands for a node's operator.
struct TaskCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "task",
        abstract: "Make, send and receive tasks on a node, and watch them.",
        discussion: """
            Talks to the API of the node on this machine, or of the one named with --node. What is not given is taken \
            from the node's configuration where that can be read.

            Examples:
              swoop task autosend film 1:1:1 fulltime cfec-001         # on a sender
              swoop task autorecv film cfec-001 true sender.example    # on a receiver
              swoop task list
            """,
        subcommands: [
            TaskGenCommand.self, TaskQueryCommand.self, TaskSendCommand.self, TaskRecvCommand.self,
            TaskProgressCommand.self, TaskUploadProgressCommand.self, TaskCacheProgressCommand.self,
            TaskCancelCommand.self, TaskListCommand.self, TaskAutoSendCommand.self, TaskAutoRecvCommand.self,
        ])
}

extension SwoopCommand {
    /// Prints a node's reply: the JSON line for a script, `text` for a person.
    func show(_ reply: NodeClient.Reply, _ text: String, _ reporter: Reporter) throws {
        reporter.event(reply.json)
        guard reply.succeeded else { throw reply.failure }
        reporter.result(text)
    }
}
