import ArgumentParser
import Fleet
import JSON

/// `swoop fleet token`: creates a join token, like its subcommand `create`.
struct FleetTokenCommand: SwoopCommand {
    static let configuration = CommandConfiguration(
        commandName: "token", abstract: "Make a token with which a host joins, list or revoke tokens.",
        discussion: """
            Prints the command that adds a node, unless a subcommand is named.

            Examples:
              swoop fleet token
              swoop fleet token --labels site=bj --labels tier=edge --uses 20 --ttl 1d
              swoop fleet token list
            """,
        subcommands: [
            FleetTokenCreateCommand.self, FleetTokenListCommand.self, FleetTokenShowCommand.self,
            FleetTokenRevokeCommand.self,
        ])

    @OptionGroup var token: FleetTokenArguments
    @OptionGroup var fleet: FleetArguments
    @OptionGroup var global: GlobalOptions

    func run(_ reporter: Reporter) async throws { try await token.create(fleet, reporter) }
}

struct FleetTokenCreateCommand: SwoopCommand {
    static let configuration = CommandConfiguration(
        commandName: "create", abstract: "Print the command that adds a node.",
        discussion: """
            Example:
              swoop fleet token create --labels site=bj --uses 20 --ttl 1d
            """)

    /// The parser assigns these options to the parent command, wherever they stand, and copies them here.
    @OptionGroup var token: FleetTokenArguments
    @OptionGroup var fleet: FleetArguments
    @OptionGroup var global: GlobalOptions

    func run(_ reporter: Reporter) async throws { try await token.create(fleet, reporter) }
}

/// The options of a new join token.
struct FleetTokenArguments: ParsableArguments {
    @Option(help: ArgumentHelp("Hosts that may join with it. Default: 1.", valueName: "n"))
    var uses: Int?

    @Option(help: ArgumentHelp("How long it can be used, at most 30d. Default: 1h.", valueName: "time"))
    var ttl: String?

    @Option(help: ArgumentHelp("The only name that the node may have.", valueName: "name"))
    var name: String?

    @Option(help: ArgumentHelp("A label of its nodes. May be given several times.", valueName: "key=value"))
    var labels: [String] = []

    @Flag(help: "Its nodes wait until an admin says yes.")
    var approve = false

    @Flag(help: "Its nodes are forgotten when they are away.")
    var ephemeral = false

    /// Creates the token at control, and prints the command that adds a node.
    func create(_ fleet: FleetArguments, _ reporter: Reporter) async throws {
        var body = JSONObject()
        if let uses { body["uses"] = .integer(Int64(uses)) }
        if let ttl { body["ttl"] = .string(try TokenLife.checked(ttl)) }
        if let name { body["name"] = .string(name) }
        if !labels.isEmpty { body["labels"] = LabelArguments.object(labels) }
        if approve { body["approve"] = true }
        if ephemeral { body["ephemeral"] = true }
        let reply = try await fleet.using { try await $0.post("/v1/tokens", .object(body)) }
        guard !reporter.mode.json else { return reporter.raw(reply.json) }
        reporter.result(reply.json["command"]?.stringValue ?? "")
        reporter.note("to be run on the new host until \(reply.json.moment("expires")) UTC")
    }
}

struct FleetTokenListCommand: SwoopCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List enrolment tokens.",
        discussion: """
            Example:
              swoop fleet token list
            """)

    @OptionGroup var fleet: FleetArguments
    @OptionGroup var global: GlobalOptions

    func run(_ reporter: Reporter) async throws {
        let items = try await fleet.using { try await $0.all("/v1/tokens") }
        reporter.list(items, "token", ["ID", "STATE", "USED", "NAME", "LABELS", "EXPIRES"]) { token in
            [
                token.shown("id"), token.shown("state"),
                "\(token.shown("used"))/\(token.shown("uses"))", token.shown("name"),
                token.shown("labels"), token.moment("expires"),
            ]
        }
    }
}

struct FleetTokenShowCommand: SwoopCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Show an enrolment token.",
        discussion: """
            Example:
              swoop fleet token show 5f0c1e2d3b4a6978
            """)

    @Argument(help: ArgumentHelp("The token's id.", valueName: "id"))
    var id: String

    @OptionGroup var fleet: FleetArguments
    @OptionGroup var global: GlobalOptions

    func run(_ reporter: Reporter) async throws {
        reporter.document(try await fleet.using { try await $0.get("/v1/tokens/\(FleetClient.part(id))") }.json)
    }
}

struct FleetTokenRevokeCommand: SwoopCommand {
    static let configuration = CommandConfiguration(
        commandName: "revoke", abstract: "Make an enrolment token useless. Nodes that joined with it stay.",
        discussion: """
            Example:
              swoop fleet token revoke 5f0c1e2d3b4a6978
            """)

    @Argument(help: ArgumentHelp("The token's id.", valueName: "id"))
    var id: String

    @OptionGroup var fleet: FleetArguments
    @OptionGroup var global: GlobalOptions

    func run(_ reporter: Reporter) async throws {
        let path = "/v1/tokens/\(FleetClient.part(id))"
        let reply = try await fleet.using { client in
            let known = try await client.get(path)
            return try await client.change(.DELETE, path, etag: known.etag ?? "*")
        }
        if reporter.mode.json { reporter.raw(reply.json) }
        reporter.note("the token \(id.shown) is revoked")
    }
}

/// `swoop fleet api-token`.
struct FleetAPITokenCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "api-token", abstract: "Make, list or remove tokens of the API.",
        discussion: """
            Examples:
              swoop fleet api-token create ci --role operator > ci.token
              swoop fleet api-token list
              swoop fleet api-token remove ci
            """,
        subcommands: [
            FleetAPITokenCreateCommand.self, FleetAPITokenListCommand.self, FleetAPITokenShowCommand.self,
            FleetAPITokenRemoveCommand.self,
        ])
}

struct FleetAPITokenCreateCommand: SwoopCommand {
    static let configuration = CommandConfiguration(
        commandName: "create", abstract: "Make a token of the API, and print it.",
        discussion: """
            Example:
              swoop fleet api-token create ci --role operator --class release > ci.token
            """)

    @Argument(help: ArgumentHelp("A name for it.", valueName: "name"))
    var name: String

    @Option(help: ArgumentHelp("viewer, operator or admin. Default: viewer.", valueName: "role"))
    var role = "viewer"

    @Option(
        name: .customLong("class"),
        help: ArgumentHelp("A class that it is for. May be given several times. Default: all.", valueName: "class"))
    var classes: [String] = []

    @Option(help: ArgumentHelp("How long it can be used. Default: 90d.", valueName: "time"))
    var ttl: String?

    @OptionGroup var fleet: FleetArguments
    @OptionGroup var global: GlobalOptions

    func run(_ reporter: Reporter) async throws {
        var body = JSONObject(["name": .string(name), "role": .string(role)])
        if !classes.isEmpty { body["classes"] = .array(classes.map(JSON.JSONValue.string)) }
        if let ttl { body["ttl"] = .string(try TokenLife.checked(ttl)) }
        let reply = try await fleet.using { try await $0.post("/v1/api-tokens", .object(body)) }
        guard !reporter.mode.json else { return reporter.raw(reply.json) }
        reporter.result(reply.json["token"]?.stringValue ?? "")
        reporter.note("a token of the role \(role.shown), until \(reply.json.moment("expires")) UTC; it is shown once")
    }
}

struct FleetAPITokenListCommand: SwoopCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List tokens of the API.",
        discussion: """
            Example:
              swoop fleet api-token list
            """)

    @OptionGroup var fleet: FleetArguments
    @OptionGroup var global: GlobalOptions

    func run(_ reporter: Reporter) async throws {
        let items = try await fleet.using { try await $0.all("/v1/api-tokens") }
        reporter.list(items, "api-token", ["ID", "NAME", "ROLE", "CLASSES", "EXPIRES", "LAST USE"]) { token in
            [
                token.shown("id"), token.shown("name"), token.shown("role"), token.shown("classes"),
                token.moment("expires"), token.moment("last_use"),
            ]
        }
    }
}

struct FleetAPITokenShowCommand: SwoopCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Show a token of the API.",
        discussion: """
            Example:
              swoop fleet api-token show ci
            """)

    @Argument(help: ArgumentHelp("The token's id or name.", valueName: "id"))
    var id: String

    @OptionGroup var fleet: FleetArguments
    @OptionGroup var global: GlobalOptions

    func run(_ reporter: Reporter) async throws {
        reporter.document(try await fleet.using { try await $0.get("/v1/api-tokens/\(FleetClient.part(id))") }.json)
    }
}

struct FleetAPITokenRemoveCommand: SwoopCommand {
    static let configuration = CommandConfiguration(
        commandName: "remove", abstract: "Make a token of the API useless.",
        discussion: """
            Example:
              swoop fleet api-token remove ci
            """, aliases: ["revoke"])

    @Argument(help: ArgumentHelp("The token's id or name.", valueName: "id"))
    var id: String

    @OptionGroup var fleet: FleetArguments
    @OptionGroup var global: GlobalOptions

    func run(_ reporter: Reporter) async throws {
        let reply = try await fleet.using { client in
            let known = try await client.get("/v1/api-tokens/\(FleetClient.part(id))")
            let path = "/v1/api-tokens/\(FleetClient.part(known.json["id"]?.stringValue ?? id))"
            return try await client.change(.DELETE, path, etag: known.etag ?? "*")
        }
        if reporter.mode.json { reporter.raw(reply.json) }
        reporter.note("the token \(id.shown) is removed")
    }
}

enum LabelArguments {
    /// The labels in arguments: `key=value`, `key` for a label with an empty value, `key-` to remove a label.
    static func object(_ texts: [String], removing: Bool = false) -> JSON.JSONValue {
        var object = JSONObject()
        for text in texts {
            if removing, text.hasSuffix("-"), !text.contains("=") {
                object[String(text.dropLast())] = .null
            } else {
                let (key, value) = Labels.pair(text)
                object[key] = .string(value)
            }
        }
        return .object(object)
    }
}

enum TokenLife {
    /// A duration with its unit: a bare number would be so many seconds.
    static func checked(_ text: String) throws -> String {
        guard Int(text) == nil else {
            throw Failure(.usage, "'--ttl \(text.shown)' has no unit", advice: "Write 90s, 10m, 2h or 7d.")
        }
        return text
    }
}
