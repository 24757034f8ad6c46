import ArgumentParser
import JSON

/// `swoop fleet job`.
struct FleetJobCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "job", abstract: "Look at jobs, and steer them.",
        discussion: """
            Examples:
              swoop fleet job list --state running
              swoop fleet job show j018f2a3b4c5d6e7f809
              swoop fleet job promote j018f2a3b4c5d6e7f809
              swoop fleet job receipts j018f2a3b4c5d6e7f809 --verify
            """,
        subcommands: [
            FleetJobListCommand.self, FleetJobShowCommand.self, FleetJobTargetsCommand.self, FleetJobSendCommand.self,
            FleetJobPromoteCommand.self, FleetJobRetryCommand.self, FleetJobPauseCommand.self,
            FleetJobResumeCommand.self, FleetJobCancelCommand.self, FleetJobRollbackCommand.self,
            FleetJobReceiptsCommand.self,
        ], defaultSubcommand: FleetJobListCommand.self)

    /// Gives an order for a job, and prints the job's state afterwards.
    static func order(_ job: String, _ action: String, _ fleet: FleetArguments, _ reporter: Reporter) async throws {
        let reply = try await fleet.using { try await $0.post("/v1/jobs/\(FleetClient.part(job))/\(action)") }
        if reporter.mode.json { reporter.raw(reply.json) }
        reporter.note("\(job.shown) is \(line(reply.json))")
    }

    /// The state of a job: `running: 3 done, 1 failed of 12`.
    static func line(_ job: JSON.JSONValue) -> String {
        let counts = (job["counts"]?.objectValue?.members ?? []).map { "\($0.value.lenientText ?? "") \($0.key.shown)" }
        let reason = job["reason"]?.stringValue.map { " (\($0.shown))" } ?? ""
        guard !counts.isEmpty else { return job.shown("state") + reason }
        return "\(job.shown("state"))\(reason): \(counts.joined(separator: ", ")) of \(job.shown("targets"))"
    }
}

struct FleetJobListCommand: SwoopCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List jobs, newest first.",
        discussion: """
            Example:
              swoop fleet job list --state running
            """)

    @Option(name: .customLong("class"), help: ArgumentHelp("Jobs of one class.", valueName: "class"))
    var className: String?

    @Option(
        help: ArgumentHelp(
            "planned, hashing, running, held, paused, done, partly, failed or cancelled.", valueName: "state"))
    var state: String?

    @OptionGroup var length: FleetListLength
    @OptionGroup var fleet: FleetArguments
    @OptionGroup var global: GlobalOptions

    func run(_ reporter: Reporter) async throws {
        let page = try await fleet.using {
            try await $0.get("/v1/jobs", [("limit", "\(length.limit)"), ("class", className), ("state", state)])
        }
        reporter.list(
            page.json["items"]?.arrayValue ?? [], "job", ["ID", "CLASS", "NAME", "STATE", "SENDER", "CREATED", "ENDED"]
        ) {
            job in
            [
                job.shown("id"), job.shown("class"), job.shown("name"), job.shown("state"),
                job["sender"]?.shown("name") ?? "-", job.moment("created"), job.moment("ended"),
            ]
        }
    }
}

struct FleetJobShowCommand: SwoopCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Show a job, and which of its targets need attention.",
        discussion: """
            Example:
              swoop fleet job show j018f2a3b4c5d6e7f809
            """)

    @Argument(help: ArgumentHelp("The job's id.", valueName: "job"))
    var job: String

    @OptionGroup var fleet: FleetArguments
    @OptionGroup var global: GlobalOptions

    func run(_ reporter: Reporter) async throws {
        let json = try await fleet.using { try await $0.get("/v1/jobs/\(FleetClient.part(job))") }.json
        guard !reporter.mode.json else { return reporter.raw(json) }
        reporter.result("\(json.shown("id"))  \(json.shown("class")) \(json.shown("version"))  \(json.shown("name"))")
        reporter.result(FleetJobCommand.line(json))
        let (done, total) = (json["bytes"]?.lenientInteger ?? 0, json["total_bytes"]?.lenientInteger ?? 0)
        if total > 0 {
            reporter.result(
                "\(HumanText.percent(Int(clamping: done), of: Int(clamping: total))) of \(HumanText.bytes(Int(clamping: total))) at all targets together"
            )
        }
        for line in json["attention"]?.arrayValue ?? [] {
            let advice = line["advice"]?.stringValue.map { "; \($0.shown)" } ?? ""
            reporter.result("  \(line.shown("node")): \(line.shown("text"))\(advice)")
        }
    }
}

struct FleetJobTargetsCommand: SwoopCommand {
    static let configuration = CommandConfiguration(
        commandName: "targets", abstract: "List a job's targets, those that need attention first.",
        discussion: """
            Examples:
              swoop fleet job targets j018f2a3b4c5d6e7f809 --state failed
              swoop fleet job targets j018f2a3b4c5d6e7f809 --select site=bj
            """)

    @Argument(help: ArgumentHelp("The job's id.", valueName: "job"))
    var job: String

    @Option(help: ArgumentHelp("Only targets in one state, such as failed.", valueName: "state"))
    var state: String?

    @Option(help: ArgumentHelp("Only nodes that an expression selects.", valueName: "expr"))
    var select: String?

    @OptionGroup var fleet: FleetArguments
    @OptionGroup var global: GlobalOptions

    func run(_ reporter: Reporter) async throws {
        let items = try await fleet.using {
            try await $0.all(
                "/v1/jobs/\(FleetClient.part(job))/targets",
                [("state", state), ("select", select), ("sort", "attention")])
        }
        reporter.list(items, "target", ["NODE", "STATE", "WAVE", "DONE", "RATE", "ETA", "WHAT"]) { target in
            let (done, total) = (target["bytes"]?.lenientInteger ?? 0, target["total_bytes"]?.lenientInteger ?? 0)
            let code = target["code"]?.stringValue.map { "(\($0.shown))" } ?? ""
            let rate: Double =
                switch target["rate"] {
                case .double(let rate)?: rate
                case .integer(let rate)?: Double(rate)
                default: 0
                }
            return [
                target.shown("name"), target.shown("state") + code, target.shown("wave"),
                HumanText.percent(Int(clamping: done), of: max(1, Int(clamping: total))),
                rate > 0 ? HumanText.rate(Int(min(rate, 1e15))) : "-", target.moment("eta"), target.shown("text"),
            ]
        }
    }
}

struct FleetJobPromoteCommand: SwoopCommand {
    static let configuration = CommandConfiguration(
        commandName: "promote", abstract: "Go on: open the next wave, switch, or go on after a hold.",
        discussion: """
            Example:
              swoop fleet job promote j018f2a3b4c5d6e7f809
            """)

    @Argument(help: ArgumentHelp("The job's id.", valueName: "job"))
    var job: String

    @OptionGroup var fleet: FleetArguments
    @OptionGroup var global: GlobalOptions

    func run(_ reporter: Reporter) async throws { try await FleetJobCommand.order(job, "promote", fleet, reporter) }
}

struct FleetJobRetryCommand: SwoopCommand {
    static let configuration = CommandConfiguration(
        commandName: "retry", abstract: "Try targets that failed again.",
        discussion: """
            Example:
              swoop fleet job retry j018f2a3b4c5d6e7f809
            """)

    @Argument(help: ArgumentHelp("The job's id.", valueName: "job"))
    var job: String

    @OptionGroup var fleet: FleetArguments
    @OptionGroup var global: GlobalOptions

    func run(_ reporter: Reporter) async throws { try await FleetJobCommand.order(job, "retry", fleet, reporter) }
}

struct FleetJobPauseCommand: SwoopCommand {
    static let configuration = CommandConfiguration(
        commandName: "pause", abstract: "Pause a job at all its targets.",
        discussion: """
            Example:
              swoop fleet job pause j018f2a3b4c5d6e7f809
            """)

    @Argument(help: ArgumentHelp("The job's id.", valueName: "job"))
    var job: String

    @OptionGroup var fleet: FleetArguments
    @OptionGroup var global: GlobalOptions

    func run(_ reporter: Reporter) async throws { try await FleetJobCommand.order(job, "pause", fleet, reporter) }
}

struct FleetJobResumeCommand: SwoopCommand {
    static let configuration = CommandConfiguration(
        commandName: "resume", abstract: "Go on with a job that is paused.",
        discussion: """
            Example:
              swoop fleet job resume j018f2a3b4c5d6e7f809
            """)

    @Argument(help: ArgumentHelp("The job's id.", valueName: "job"))
    var job: String

    @OptionGroup var fleet: FleetArguments
    @OptionGroup var global: GlobalOptions

    func run(_ reporter: Reporter) async throws { try await FleetJobCommand.order(job, "resume", fleet, reporter) }
}

struct FleetJobCancelCommand: SwoopCommand {
    static let configuration = CommandConfiguration(
        commandName: "cancel", abstract: "Cancel a job. What is published stays.",
        discussion: """
            Example:
              swoop fleet job cancel j018f2a3b4c5d6e7f809
            """)

    @Argument(help: ArgumentHelp("The job's id.", valueName: "job"))
    var job: String

    @OptionGroup var fleet: FleetArguments
    @OptionGroup var global: GlobalOptions

    func run(_ reporter: Reporter) async throws { try await FleetJobCommand.order(job, "cancel", fleet, reporter) }
}
