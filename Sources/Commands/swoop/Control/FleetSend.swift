import ArgumentParser
import JSON

struct FleetJobSendCommand: SwoopCommand {
    static let configuration = CommandConfiguration(
        commandName: "send", abstract: "Have a node send something that lies there.",
        discussion: """
            Example:
              swoop fleet job send -c release --node build-1 -p /srv/build/1.2.3 --dry-run
            """)

    @Option(name: [.customShort("c"), .customLong("class")], help: ArgumentHelp("The class.", valueName: "class"))
    var className: String

    @Option(help: ArgumentHelp("The node that sends, by name or id.", valueName: "node"))
    var node: String

    @Option(name: [.short, .long], help: ArgumentHelp("What to send: a path at that node.", valueName: "path"))
    var path: String

    @Option(
        name: [.customShort("x"), .customLong("exclude")], help: ArgumentHelp("What stays there.", valueName: "pattern")
    )
    var exclude: [String] = []

    @Option(help: ArgumentHelp("How it is called at targets.", valueName: "name"))
    var name: String?

    @Option(help: ArgumentHelp("Narrows the class's targets.", valueName: "expr"))
    var to: [String] = []

    @Option(help: ArgumentHelp("When it begins: 22:00, or 2026-12-01T06:00:00Z, or 2h.", valueName: "time"))
    var at: String?

    @Option(help: ArgumentHelp("When it should be everywhere: 6h, or a time.", valueName: "time"))
    var deadline: String?

    @Option(help: ArgumentHelp("0 to 9; 9 first.", valueName: "n"))
    var priority: Int?

    @Flag(help: "Only say whom it would reach, and who would refuse.")
    var dryRun = false

    @OptionGroup var fleet: FleetArguments
    @OptionGroup var global: GlobalOptions

    func run(_ reporter: Reporter) async throws {
        var body = JSONObject(["class": .string(className), "node": .string(node), "path": .string(path)])
        if !exclude.isEmpty { body["exclude"] = .array(exclude.map(JSON.JSONValue.string)) }
        if !to.isEmpty { body["to"] = .array(to.map(JSON.JSONValue.string)) }
        let times = (at.map { MomentText.resolved($0) }, deadline.map { MomentText.resolved($0) })
        for (key, value) in [("name", name), ("at", times.0), ("deadline", times.1)] {
            if let value { body[key] = .string(value) }
        }
        if let priority { body["priority"] = .integer(Int64(priority)) }
        if dryRun { body["dry_run"] = true }
        let reply = try await fleet.using { try await $0.post("/v1/jobs", .object(body)) }
        guard !reporter.mode.json else { return reporter.raw(reply.json) }
        guard dryRun else { return reporter.result(reply.json.shown("id")) }
        let targets = reply.json.shown("targets")
        reporter.result(
            "\(reply.json.count("targets", "target")), \(reply.json.count("caches", "cache")), \(reply.json.shown("away")) away"
        )
        for refusal in reply.json["refusals"]?.objectValue?.members ?? [] {
            reporter.result("\(refusal.value.lenientText ?? "0") of \(targets) would refuse: \(refusal.key.shown)")
        }
    }
}
