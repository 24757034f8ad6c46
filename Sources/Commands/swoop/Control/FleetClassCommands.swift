import ArgumentParser
import Files
import JSON
import NIOHTTP1

/// `swoop fleet class`.
struct FleetClassCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "class", abstract: "Define classes: where content of one kind goes, and how.",
        discussion: """
            Examples:
              swoop fleet class apply release.yaml
              swoop fleet class show release
              swoop fleet class diff release 3
              swoop fleet class revert release 3
            """,
        subcommands: [
            FleetClassListCommand.self, FleetClassShowCommand.self, FleetClassApplyCommand.self,
            FleetClassDiffCommand.self, FleetClassRevertCommand.self, FleetClassRemoveCommand.self,
        ], defaultSubcommand: FleetClassListCommand.self)
}

struct FleetClassListCommand: SwoopCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List classes.",
        discussion: """
            Example:
              swoop fleet class list
            """)

    @OptionGroup var fleet: FleetArguments
    @OptionGroup var global: GlobalOptions

    func run(_ reporter: Reporter) async throws {
        let items = try await fleet.using { try await $0.all("/v1/classes") }
        reporter.list(items, "class", ["NAME", "VERSION", "TARGETS", "CHANGED", "BY"]) { item in
            [
                item.shown("name"), item.shown("version"), item["definition"]?.shown("targets") ?? "-",
                item.moment("changed"), item.shown("changed_by"),
            ]
        }
    }
}

struct FleetClassShowCommand: SwoopCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Show a class.",
        discussion: """
            Examples:
              swoop fleet class show release
              swoop fleet class show release --version 3
            """)

    @Argument(help: ArgumentHelp("The class.", valueName: "class"))
    var name: String

    @Option(help: ArgumentHelp("An earlier version.", valueName: "n"))
    var version: Int?

    @OptionGroup var fleet: FleetArguments
    @OptionGroup var global: GlobalOptions

    func run(_ reporter: Reporter) async throws {
        let item = try await fleet.using {
            try await $0.get("/v1/classes/\(FleetClient.part(name))", [("version", version.map(String.init))])
        }.json
        guard !reporter.mode.json else { return reporter.raw(item) }
        let definition = item["definition"] ?? [:]
        reporter.result(String(decoding: definition.encode(.indented), as: UTF8.self).trimmingSuffixBlanks)
        reporter.note(
            "version \(item.shown("version")) of \(item.moment("changed")) by \(item.shown("changed_by")); "
                + "matches \(item.count("matches", "node")) now")
    }
}

struct FleetClassApplyCommand: SwoopCommand {
    static let configuration = CommandConfiguration(
        commandName: "apply", abstract: "Define a class by a file in YAML or JSON; each change is a new version.",
        discussion: """
            The class is called as its key 'name' says, or as the file is.

            Example:
              swoop fleet class apply release.yaml
            """)

    @Argument(help: ArgumentHelp("The definition.", valueName: "file"))
    var file: String

    @OptionGroup var fleet: FleetArguments
    @OptionGroup var global: GlobalOptions

    func run(_ reporter: Reporter) async throws {
        let bytes: [UInt8]
        do throws(SystemError) {
            bytes = try SystemFileLayer().readSmallFile(SystemPath(file), limit: 1 << 20, followSymlink: true).bytes
        } catch { throw Failure(.usage, "cannot read '\(file.shown)': \(error)") }
        let name = try Self.name(of: bytes, file)
        let path = "/v1/classes/\(FleetClient.part(name))"
        let reply = try await fleet.using { client in
            var headers: HTTPHeaders = ["If-None-Match": "*"]
            do {
                if let etag = try await client.get(path).etag { headers = ["If-Match": etag] }
            } catch let failure as Failure where failure.status == .notFound {}
            do {
                return try await client.call(
                    .PUT, path, headers: headers, body: bytes,
                    type: file.hasSuffix(".json") ? "application/json" : "application/yaml")
            } catch let failure as Failure where failure.status == .usage {
                throw Failure(.usage, "\(file.shown): \(failure.message)", advice: failure.advice)
            }
        }
        if reporter.mode.json { reporter.raw(reply.json) }
        reporter.note(
            "\(name.shown) has version \(reply.json.shown("version")); it matches \(reply.json.count("matches", "node")) now"
        )
    }

    private static func name(of bytes: [UInt8], _ file: String) throws -> String {
        let source = try? FleetClassFile.read(bytes)
        if let name = source?["name"]?.lenientText, !name.isEmpty { return name }
        let last = file.split(separator: "/").last.map(String.init) ?? file
        return last.split(separator: ".").first.map(String.init) ?? last
    }
}

struct FleetClassDiffCommand: SwoopCommand {
    static let configuration = CommandConfiguration(
        commandName: "diff", abstract: "Show what differs between two versions of a class.",
        discussion: """
            Example:
              swoop fleet class diff release 3           # version 3 and the newest
            """)

    @Argument(help: ArgumentHelp("The class.", valueName: "class"))
    var name: String

    @Argument(help: ArgumentHelp("The earlier version.", valueName: "n"))
    var from: Int

    @Argument(help: ArgumentHelp("The later version. Default: the newest.", valueName: "n"))
    var to: Int?

    @OptionGroup var fleet: FleetArguments
    @OptionGroup var global: GlobalOptions

    func run(_ reporter: Reporter) async throws {
        let path = "/v1/classes/\(FleetClient.part(name))"
        let (old, new) = try await fleet.using { client in
            (
                try await client.get(path, [("version", "\(from)")]).json["definition"] ?? [:],
                try await client.get(path, [("version", to.map(String.init))]).json["definition"] ?? [:]
            )
        }
        let keys = (old.objectValue?.keys ?? []) + (new.objectValue?.keys ?? []).filter { old[$0] == nil }
        for key in keys where old[key] != new[key] {
            if reporter.mode.json {
                reporter.raw(["key": .string(key), "before": old[key] ?? .null, "after": new[key] ?? .null])
            } else {
                if let value = old[key] { reporter.result("- \(key.shown): \(value.text.shown)") }
                if let value = new[key] { reporter.result("+ \(key.shown): \(value.text.shown)") }
            }
        }
    }
}

struct FleetClassRevertCommand: SwoopCommand {
    static let configuration = CommandConfiguration(
        commandName: "revert", abstract: "Make an earlier version of a class the newest.",
        discussion: """
            Example:
              swoop fleet class revert release 3
            """)

    @Argument(help: ArgumentHelp("The class.", valueName: "class"))
    var name: String

    @Argument(help: ArgumentHelp("The version to go back to.", valueName: "n"))
    var version: Int

    @OptionGroup var fleet: FleetArguments
    @OptionGroup var global: GlobalOptions

    func run(_ reporter: Reporter) async throws {
        let reply = try await fleet.using {
            try await $0.post("/v1/classes/\(FleetClient.part(name))/revert", ["version": .integer(Int64(version))])
        }
        if reporter.mode.json { reporter.raw(reply.json) }
        reporter.note("\(name.shown) has version \(reply.json.shown("version")), as \(version) was")
    }
}

struct FleetClassRemoveCommand: SwoopCommand {
    static let configuration = CommandConfiguration(
        commandName: "remove", abstract: "Remove a class. Jobs that run keep their version of it.",
        discussion: """
            Example:
              swoop fleet class remove release
            """)

    @Argument(help: ArgumentHelp("The class.", valueName: "class"))
    var name: String

    @OptionGroup var fleet: FleetArguments
    @OptionGroup var global: GlobalOptions

    func run(_ reporter: Reporter) async throws {
        let path = "/v1/classes/\(FleetClient.part(name))"
        let reply = try await fleet.using { client in
            let known = try await client.get(path)
            return try await client.change(.DELETE, path, etag: known.etag ?? "*")
        }
        if reporter.mode.json { reporter.raw(reply.json) }
        reporter.note("the class \(name.shown) is removed")
    }
}
