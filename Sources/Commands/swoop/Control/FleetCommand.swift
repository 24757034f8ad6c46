import ArgumentParser
import JSON

/// `swoop fleet`: shows the state of a fleet, and gives orders to its control.
struct FleetTools: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fleet",
        abstract: "Look at a fleet, and give orders to its control.",
        discussion: """
            Examples:
              swoop fleet token                   # prints the command that adds a node
              swoop fleet node list --follow
              swoop fleet class apply release.yaml
              swoop fleet job list
              swoop fleet audit
            """,
        subcommands: [
            FleetTokenCommand.self, FleetNodeCommand.self, FleetClassCommand.self, FleetJobCommand.self,
            FleetAPITokenCommand.self, FleetAuditCommand.self,
        ])
}

/// `swoop fleet audit`.
struct FleetAuditCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "audit", abstract: "Show who changed what.",
        discussion: """
            Examples:
              swoop fleet audit --subject release
              swoop fleet audit show 4711        # what was before, and after
            """,
        subcommands: [List.self, Show.self], defaultSubcommand: List.self)

    struct Show: SwoopCommand {
        static let configuration = CommandConfiguration(
            commandName: "show", abstract: "Show one line with all that it says.",
            discussion: """
                Example:
                  swoop fleet audit show 4711
                """)

        @Argument(help: ArgumentHelp("The line's id.", valueName: "id"))
        var id: Int

        @OptionGroup var fleet: FleetArguments
        @OptionGroup var global: GlobalOptions

        func run(_ reporter: Reporter) async throws {
            let line = try await fleet.using { try await $0.get("/v1/audit/\(id)").json }
            guard !reporter.mode.json else { return reporter.raw(line, "audit") }
            var object = line.objectValue ?? JSON.JSONObject()
            let change = object["change"]
            object["change"] = nil
            reporter.document(.object(object))
            if let change {
                reporter.result(String(decoding: change.encode(.indented), as: UTF8.self).trimmingSuffixBlanks)
            }
        }
    }

    struct List: SwoopCommand {
        static let configuration = CommandConfiguration(
            commandName: "list", abstract: "Show who changed what, newest first.",
            discussion: """
                Example:
                  swoop fleet audit list --subject release
                """)

        @Option(help: ArgumentHelp("Lines of one node, job, class or token.", valueName: "id"))
        var subject: String?

        @Option(help: ArgumentHelp("Lines of one kind, such as node.join.", valueName: "action"))
        var action: String?

        @OptionGroup var length: FleetListLength
        @OptionGroup var fleet: FleetArguments
        @OptionGroup var global: GlobalOptions

        func run(_ reporter: Reporter) async throws {
            let page = try await fleet.using {
                try await $0.get("/v1/audit", [("limit", "\(length.limit)"), ("subject", subject), ("action", action)])
            }
            reporter.list(
                page.json["items"]?.arrayValue ?? [], "audit", ["ID", "TIME", "WHO", "FROM", "ACTION", "SUBJECT"]
            ) {
                line in
                [
                    line.shown("id"), line.moment("time"), line.shown("who"), line.shown("from"), line.shown("action"),
                    line.shown("subject"),
                ]
            }
        }
    }
}

/// How much of a long list is shown.
struct FleetListLength: ParsableArguments {
    @Option(help: ArgumentHelp("How many to show: 1 to 1000.", valueName: "n"))
    var limit = 50

    func validate() throws {
        guard (1...1000).contains(limit) else { throw ValidationError("'--limit' is 1 to 1000") }
    }
}
