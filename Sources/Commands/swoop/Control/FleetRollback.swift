import ArgumentParser
import JSON

struct FleetJobRollbackCommand: SwoopCommand {
    static let configuration = CommandConfiguration(
        commandName: "rollback", abstract: "Have targets show what they had before; needs publish: versions.",
        discussion: """
            Examples:
              swoop fleet job rollback j018f2a3b4c5d6e7f809
              swoop fleet job rollback -c release --to site=bj
            """)

    @Argument(help: ArgumentHelp("The job whose content goes.", valueName: "job"))
    var job: String?

    @Option(
        name: [.customShort("c"), .customLong("class")],
        help: ArgumentHelp("The class whose last job's content goes.", valueName: "class"))
    var className: String?

    @Option(help: ArgumentHelp("Only at targets that an expression selects.", valueName: "expr"))
    var to: [String] = []

    @Flag(help: "In the class's waves, and not in one.")
    var waves = false

    @OptionGroup var fleet: FleetArguments
    @OptionGroup var global: GlobalOptions

    func validate() throws {
        guard (job == nil) != (className == nil) else {
            throw ValidationError("a job or '-c CLASS' is needed, not both")
        }
    }

    func run(_ reporter: Reporter) async throws {
        var body = JSONObject()
        if !to.isEmpty { body["to"] = .array(to.map(JSON.JSONValue.string)) }
        if waves { body["waves"] = true }
        let path =
            job.map { "/v1/jobs/\(FleetClient.part($0))/rollback" }
            ?? "/v1/classes/\(FleetClient.part(className ?? ""))/rollback"
        let reply = try await fleet.using { try await $0.post(path, .object(body)) }
        guard !reporter.mode.json else { return reporter.raw(reply.json) }
        reporter.result(reply.json.shown("id"))
        reporter.note(
            "\(reply.json.count("targets", "target")) to go back to what \(reply.json.shown("restores")) brought")
    }
}
