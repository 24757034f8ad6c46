import ArgumentParser
import Fleet
import FleetAgent
import JSON
import Threads

/// `swoop status`: the jobs of this host's agent, or one job of the fleet.
struct StatusCommand: SwoopCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Show this host's jobs of the fleet, or one job at all its targets.",
        discussion: """
            Examples:
              swoop status
              swoop status -c web
              swoop status j018f2a3b4c5d6e7f809 --follow
            """)

    @Argument(help: "The job.")
    var job: String?

    @Option(name: [.customShort("c"), .customLong("class")], help: "Only jobs of this class.")
    var className: String?

    @Flag(help: "Go on until the job has ended.")
    var follow = false

    @OptionGroup var place: FleetPlace

    @OptionGroup var global: GlobalOptions

    func run(_ reporter: Reporter) async throws {
        guard let job else { return try await host(reporter) }
        var display = JobDisplay(reporter, job: job)
        while true {
            let line = try await ask(["do": "status", "job": .string(job)])
            guard let value = line["view"], let view = try? JobView(json: value) else {
                throw Failure(.failed, "the agent's answer cannot be understood")
            }
            if follow {
                display.show(view, force: view.state.hasEnded)
                if view.state.hasEnded { return try SendCommand.end(view, job, nil, reporter) }
                guard await Self.pause() else { return }
                continue
            }
            reporter.event(.object([("event", .string("job")), ("job", .string(job)), ("view", JSONValue(view.json))]))
            if !reporter.mode.json {
                let reason = view.reason.map { " (\($0))" } ?? ""
                let rows = ["\(job) \(view.state.rawValue)\(reason): \(JobDisplay.counts(view))".shown]
                reporter.result((rows + view.lines.map(JobDisplay.text)).joined(separator: "\n"))
            }
            return
        }
    }

    /// Waits for a second. Returns false if the command is to stop.
    private static func pause() async -> Bool {
        await withTaskGroup(of: Bool.self) { group in
            group.addTask { (try? await Task.sleep(for: .seconds(1))) != nil }
            group.addTask {
                await StopSignal.shared.wait()
                return false
            }
            defer { group.cancelAll() }
            return await group.next() ?? false
        }
    }

    private func ask(_ request: JSON.JSONValue) async throws -> JSON.JSONValue {
        let calls = try await AgentCalls(place.places)
        try await calls.ask(request)
        return try await calls.answer()
    }

    private func host(_ reporter: Reporter) async throws {
        repeat {
            try await Self.show(place.places, class: className, reporter)
            guard follow else { return }
        } while await Self.pause()
    }

    /// Prints the state of this host's agent and its jobs.
    static func show(_ places: AgentPlaces, class name: String? = nil, _ reporter: Reporter) async throws {
        var request: JSON.JSONObject = ["do": "status"]
        if let name { request["class"] = .string(name) }
        let calls = try await AgentCalls(places)
        try await calls.ask(.object(request))
        let status = try await calls.answer()
        reporter.event(JSONValue(status))
        if !reporter.mode.json { reporter.result(text(status)) }
    }

    private static func text(_ status: JSON.JSONValue) -> String {
        func text(_ value: JSON.JSONValue?) -> String { (value?.stringValue ?? "").shown }
        var rows: [[String]] = []
        let now = Clocks.wallWholeSeconds
        for job in (status["jobs"]?.arrayValue ?? []) + (status["ended"]?.arrayValue ?? []) {
            let ended = job["ended"]?.lenientInteger.map { ", \(HumanText.time(Int(clamping: now - $0))) ago" } ?? ""
            let done = Int(clamping: job["done"]?.lenientInteger ?? 0)
            let total = Int(clamping: job["total"]?.lenientInteger ?? 0)
            rows.append([
                text(job["job"]), text(job["class"]), text(job["state"]) + ended,
                "\(HumanText.percent(done, of: total)) of \(HumanText.bytes(total))",
                text(job["name"]) + (job["detail"]?.stringValue.map { ": \($0.shown)" } ?? ""),
            ])
        }
        for send in status["sends"]?.arrayValue ?? [] {
            rows.append([
                text(send["job"]), text(send["class"]), "sends: " + text(send["state"]), "",
                text(send["path"]) + (send["detail"]?.stringValue.map { ": \($0.shown)" } ?? ""),
            ])
        }
        for task in status["tasks"]?.arrayValue ?? [] {
            let total = task["total"]?.lenientInteger.map { Int(clamping: $0) }
            rows.append([
                text(task["name"]), "BFT", text(task["state"]),
                total.map {
                    "\(HumanText.percent(Int(clamping: task["done"]?.lenientInteger ?? 0), of: $0)) of "
                        + HumanText.bytes($0)
                } ?? "",
                text(task["direction"]) + (task["detail"]?.stringValue.map { ": \($0.shown)" } ?? ""),
            ])
        }
        let link = status["link"]
        let control = text(link?["control"])
        let problem = link?["problem"]?.stringValue.map { "\n  control is not reached: \($0.shown)" } ?? ""
        // What control said of the host before that may not hold any more.
        let state = problem.isEmpty ? link?["state"]?.stringValue.map { ", \($0.shown)" } ?? "" : ""
        let head =
            "node \(text(status["node"]))\(state)" + (control.isEmpty ? "" : " at \(control)") + problem
            + (rows.isEmpty ? "\nno jobs" : "")
        let widths = (0..<4).map { column in rows.map { $0[column].columns }.max() ?? 0 }
        let width = Terminal.isTerminal(1) ? Terminal.width(1) : Int.max
        return
            ([head]
            + rows.map { row in
                ((0..<4).map { row[$0] + String(repeating: " ", count: widths[$0] - row[$0].columns + 2) }.joined()
                    + row[4]).cut(to: width)
            }).joined(separator: "\n")
    }
}
