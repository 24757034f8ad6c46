import ArgumentParser
import JSON

/// `swoop fleet node`.
struct FleetNodeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "node", abstract: "List nodes, label, drain, admit, revoke or remove them.",
        discussion: """
            Examples:
              swoop fleet node list --select 'site=bj, !canary'
              swoop fleet node label web-1 site=bj tier=edge
              swoop fleet node drain web-1
              swoop fleet node revoke web-1
            """,
        subcommands: [
            FleetNodeListCommand.self, FleetNodeShowCommand.self, FleetNodeLabelCommand.self,
            FleetNodeRenameCommand.self, FleetNodeDrainCommand.self, FleetNodeApproveCommand.self,
            FleetNodeRevokeCommand.self, FleetNodeRemoveCommand.self,
        ], defaultSubcommand: FleetNodeListCommand.self)

    /// Changes a node, unless it has been changed since it was read.
    static func change(
        _ node: String, _ body: JSON.JSONValue, _ fleet: FleetArguments, _ reporter: Reporter, done: String
    ) async throws {
        let reply = try await fleet.using { client in
            let known = try await client.get("/v1/nodes/\(FleetClient.part(node))")
            let path = "/v1/nodes/\(FleetClient.part(known.json["id"]?.stringValue ?? node))"
            return try await client.change(.PATCH, path, body, etag: known.etag ?? "*")
        }
        if reporter.mode.json { reporter.raw(reply.json) }
        reporter.note("\(node.shown) \(done)")
    }
}

struct FleetNodeListCommand: SwoopCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List nodes.",
        discussion: """
            Examples:
              swoop fleet node list --select 'site=bj, !canary'
              swoop fleet node list --follow             # until Ctrl-C
            """)

    @Option(help: ArgumentHelp("Only nodes that an expression selects.", valueName: "expr"))
    var select: String?

    @Option(help: ArgumentHelp("pending, active, drained, cloned, revoked, away or present.", valueName: "state"))
    var state: String?

    @Flag(help: "Go on: a line for each node that joins or changes.")
    var follow = false

    @OptionGroup var fleet: FleetArguments
    @OptionGroup var global: GlobalOptions

    private static let headings = ["NAME", "ID", "STATE", "CONTACT", "SITE", "VERSION", "LABELS", "LAST CONTACT"]

    private static func row(_ node: JSON.JSONValue) -> [String] {
        [
            node.shown("name"), node.shown("id"), node.shown("state"), node.shown("contact"), node.shown("site"),
            node.shown("version"), node.shown("labels"), node.moment("last_contact"),
        ]
    }

    func run(_ reporter: Reporter) async throws {
        let query = [("select", select), ("state", state)]
        try await fleet.using { client in
            let first = try await client.all("/v1/nodes", query)
            reporter.list(first, "node", Self.headings, Self.row)
            if !reporter.mode.json { reporter.note(HumanText.plural(first.count, "node")) }
            guard follow else { return }
            var known = Self.marks(first)
            while !StopSignal.shared.isStopped {
                try await Task.sleep(for: .seconds(1))
                let now = try await client.all("/v1/nodes", query)
                let marks = Self.marks(now)
                for node in now where known[node.shown("id")] != marks[node.shown("id")] {
                    if reporter.mode.json {
                        reporter.raw(node, "node")
                    } else {
                        reporter.result(Self.row(node).joined(separator: "  "))
                    }
                }
                known = marks
            }
        }
    }

    /// For each node, a text that differs when the node must be printed again.
    private static func marks(_ nodes: [JSON.JSONValue]) -> [String: String] {
        Dictionary(nodes.map { ($0.shown("id"), "\($0.shown("revision")) \($0.shown("contact"))") }) { first, _ in first
        }
    }
}

struct FleetNodeShowCommand: SwoopCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Show all that is known of a node.",
        discussion: """
            Example:
              swoop fleet node show web-1
            """)

    @Argument(help: ArgumentHelp("The node's name or id.", valueName: "node"))
    var node: String

    @OptionGroup var fleet: FleetArguments
    @OptionGroup var global: GlobalOptions

    func run(_ reporter: Reporter) async throws {
        reporter.document(try await fleet.using { try await $0.get("/v1/nodes/\(FleetClient.part(node))") }.json)
    }
}

struct FleetNodeLabelCommand: SwoopCommand {
    static let configuration = CommandConfiguration(
        commandName: "label", abstract: "Set or take away labels of a node.",
        discussion: """
            Example:
              swoop fleet node label web-1 site=bj canary tier-   # 'tier-' takes it away
            """)

    @Argument(help: ArgumentHelp("The node's name or id.", valueName: "node"))
    var node: String

    @Argument(help: ArgumentHelp("key=value, key, or key- to take it away.", valueName: "label"))
    var labels: [String]

    @OptionGroup var fleet: FleetArguments
    @OptionGroup var global: GlobalOptions

    func run(_ reporter: Reporter) async throws {
        try await FleetNodeCommand.change(
            node, ["labels": LabelArguments.object(labels, removing: true)], fleet, reporter, done: "has its labels")
    }
}

struct FleetNodeRenameCommand: SwoopCommand {
    static let configuration = CommandConfiguration(
        commandName: "rename", abstract: "Give a node another name.",
        discussion: """
            Example:
              swoop fleet node rename web-1 web-bj-1
            """)

    @Argument(help: ArgumentHelp("The node's name or id.", valueName: "node"))
    var node: String

    @Argument(help: ArgumentHelp("Its new name.", valueName: "name"))
    var name: String

    @OptionGroup var fleet: FleetArguments
    @OptionGroup var global: GlobalOptions

    func run(_ reporter: Reporter) async throws {
        try await FleetNodeCommand.change(node, ["name": .string(name)], fleet, reporter, done: "is \(name.shown) now")
    }
}

struct FleetNodeDrainCommand: SwoopCommand {
    static let configuration = CommandConfiguration(
        commandName: "drain", abstract: "Give a node nothing new; what runs there ends.",
        discussion: """
            Examples:
              swoop fleet node drain web-1 --now         # what runs there pauses
              swoop fleet node drain web-1 --off         # the node is back
            """)

    @Argument(help: ArgumentHelp("The node's name or id.", valueName: "node"))
    var node: String

    @Flag(help: "What runs there pauses, and does not end first.")
    var now = false

    @Flag(help: "The node takes new jobs again.")
    var off = false

    @OptionGroup var fleet: FleetArguments
    @OptionGroup var global: GlobalOptions

    func validate() throws {
        if now, off { throw ValidationError("'--now' and '--off' exclude each other") }
    }

    func run(_ reporter: Reporter) async throws {
        var body = JSONObject(["state": .string(off ? "active" : "drained")])
        if now { body["now"] = true }
        try await FleetNodeCommand.change(
            node, .object(body), fleet, reporter, done: off ? "takes new jobs again" : "is drained")
    }
}

struct FleetNodeApproveCommand: SwoopCommand {
    static let configuration = CommandConfiguration(
        commandName: "approve", abstract: "Admit a node that waits, or one of two hosts that had one key.",
        discussion: """
            Example:
              swoop fleet node approve web-1
            """)

    @Argument(help: ArgumentHelp("The node's name or id.", valueName: "node"))
    var node: String

    @OptionGroup var fleet: FleetArguments
    @OptionGroup var global: GlobalOptions

    func run(_ reporter: Reporter) async throws {
        try await FleetNodeCommand.change(node, ["state": "active"], fleet, reporter, done: "is admitted")
    }
}

struct FleetNodeRevokeCommand: SwoopCommand {
    static let configuration = CommandConfiguration(
        commandName: "revoke", abstract: "Answer no request of a node's key any more.",
        discussion: """
            Example:
              swoop fleet node revoke web-1
            """)

    @Argument(help: ArgumentHelp("The node's name or id.", valueName: "node"))
    var node: String

    @OptionGroup var fleet: FleetArguments
    @OptionGroup var global: GlobalOptions

    func run(_ reporter: Reporter) async throws {
        try await FleetNodeCommand.change(node, ["state": "revoked"], fleet, reporter, done: "is revoked")
    }
}

struct FleetNodeRemoveCommand: SwoopCommand {
    static let configuration = CommandConfiguration(
        commandName: "remove", abstract: "Forget a node. It may join again with a new token.",
        discussion: """
            Example:
              swoop fleet node remove web-1
            """)

    @Argument(help: ArgumentHelp("The node's name or id.", valueName: "node"))
    var node: String

    @OptionGroup var fleet: FleetArguments
    @OptionGroup var global: GlobalOptions

    func run(_ reporter: Reporter) async throws {
        let reply = try await fleet.using { client in
            let known = try await client.get("/v1/nodes/\(FleetClient.part(node))")
            let path = "/v1/nodes/\(FleetClient.part(known.json["id"]?.stringValue ?? node))"
            return try await client.change(.DELETE, path, etag: known.etag ?? "*")
        }
        if reporter.mode.json { reporter.raw(reply.json) }
        reporter.note("\(node.shown) is removed")
    }
}
