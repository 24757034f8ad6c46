import ArgumentParser
import Fleet
import FleetAgent
import FleetLink
import JSON
import Threads

/// `swoop send`: sends content to the nodes of a class, through this host's agent.
struct SendCommand: SwoopCommand {
    static let configuration = CommandConfiguration(
        commandName: "send",
        abstract: "Send a file or directory to all nodes of a class.",
        discussion: """
            The agent of this host hashes it, has the job started, and gives it to the targets, who give it on. Its file says \
            who may send, and from where (send.users, send.roots). Ctrl-C leaves the job running.

            -x leaves out what a path names, or what a regular expression matches as a whole relative path.

            Ends with 0 when all targets are done, 1 when some failed, 5 when the send is refused.

            Examples:
              swoop send -c web -p /srv/builds/4711
              swoop send -c web -p /srv/builds/4711 --to site=bj --dry-run
              swoop send -c base1 -p /home/work/data/base -x tmp '.*[.]log'
            """)

    @Option(name: [.customShort("c"), .customLong("class")], help: "The class.")
    var className: String

    @Option(name: [.customShort("p"), .long], help: "The file or directory.")
    var path: String

    @Option(
        name: [.customShort("x"), .long], parsing: .upToNextOption,
        help: ArgumentHelp("What is left out: paths, or regular expressions for whole paths.", valueName: "pattern"))
    var exclude: [String] = []

    @Option(help: "How the content is called at the targets. Default: the path's last component.")
    var name: String?

    @Option(help: ArgumentHelp("Only those of the class's targets; may be given more than once.", valueName: "expr"))
    var to: [String] = []

    @Option(help: ArgumentHelp("When it begins: 22:00, or 2026-12-01T06:00:00Z, or 2h.", valueName: "time"))
    var at: String?

    @Option(help: ArgumentHelp("When it should be everywhere: a time, or 6h.", valueName: "time"))
    var deadline: String?

    @Option(help: ArgumentHelp("0 to 9; 9 first.", valueName: "0-9"))
    var priority: Int?

    @Flag(help: "Say what would happen, and do nothing.")
    var dryRun = false

    @Flag(help: "End when the job is made; it goes on.")
    var detach = false

    @Option(
        help: ArgumentHelp(
            "An ephemeral token of the fleet, with --control: this command is an agent for its own life.",
            valueName: "file"))
    var tokenFile: String?

    @Option(help: ArgumentHelp("Controls, with commas between them.", valueName: "url"))
    var control: String?

    @Option(
        name: .customLong("as"),
        help: ArgumentHelp(
            "With --token-file: what this host is called, so that a class's senders can name it (node:NAME). Default: at random.",
            valueName: "name"))
    var node: String?

    @OptionGroup var place: FleetPlace

    @OptionGroup var global: GlobalOptions

    func validate() throws {
        if node != nil, tokenFile == nil { throw ValidationError("--as goes with --token-file") }
        if let priority, !(0...9).contains(priority) { throw ValidationError("--priority is from 0 to 9") }
        if exclude.count > SendFilter.mostPatterns {
            throw ValidationError("-x takes at most \(SendFilter.mostPatterns) patterns")
        }
        if exclude.contains(where: { $0.utf8.count > SendFilter.longestPattern }) {
            throw ValidationError("a pattern of -x has at most \(SendFilter.longestPattern) bytes")
        }
    }

    var order: SendOrder {
        SendOrder(
            className: className, path: FleetPlace.absolute(path), exclude: exclude, name: name, to: to,
            at: at.map { MomentText.resolved($0) }, deadline: deadline.map { MomentText.resolved($0) },
            priority: priority.map(Int64.init))
    }

    func run(_ reporter: Reporter) async throws {
        if let tokenFile { return try await sendAlone(tokenFile, reporter) }
        let sent = Sent(order)
        let calls = try await AgentCalls(place.places)
        try await calls.ask([
            "do": "send", "order": order.json, "dry_run": .bool(dryRun), "detach": .bool(detach),
        ])
        let first = try await calls.answer()
        let plan = try Self.plan(first)
        if dryRun { return Self.show(plan, reporter) }
        let job = first["job"]?.stringValue ?? plan.job
        reporter.event(Self.started(plan))
        if !plan.refusals.isEmpty || plan.away > 0 { Self.show(plan, reporter) }
        if detach {
            reporter.result(job.shown)
            return
        }
        let work = Task { try await Self.follow(calls, job, sent, reporter) }
        let stop = Task {
            await StopSignal.shared.wait()
            guard !Task.isCancelled else { return }
            reporter.clearBars()
            reporter.note("detached: the job \(job.shown) goes on; 'swoop status \(job.shown)' shows it")
            work.cancel()
            // The agent's further answers are not needed.
            throw QuietExit(status: .interrupted)
        }
        let result = await Self.first(work, stop)
        stop.cancel()
        try result.get()
    }

    static func started(_ plan: SendPlan) -> JSONValue {
        .object([
            ("event", .string("job")), ("job", .string(plan.job)), ("targets", .int(Int(clamping: plan.targets))),
        ])
    }

    /// Sends without an agent on this host.
    private func sendAlone(_ tokenFile: String, _ reporter: Reporter) async throws {
        guard let control, let controls = ControlAddress.list(control) else {
            throw Failure(.usage, "--token-file needs --control https://HOST:PORT")
        }
        let read = try await Threads.offload { Result { try SecretLine.read(tokenFile) } }.get()
        guard let token = EnrolmentToken(read) else {
            throw Failure(.usage, "\(tokenFile.shown) has no token of a fleet in it")
        }
        let order = order
        let own = try await OwnAgent.join(
            token, at: controls, path: order.path, named: node, proxy: Terminal.environment("https_proxy"),
            logger: global.logger)
        do {
            if dryRun {
                Self.show(try await own.plan(order), reporter)
            } else {
                try await untilStopped { try await own.send(order, reporter) }
            }
        } catch {
            await own.stop()
            throw error
        }
        await own.stop()
    }

    private static func first(
        _ work: Task<Void, any Error>, _ stop: Task<Void, any Error>
    ) async -> Result<Void, any Error> {
        await withCheckedContinuation { continuation in
            let once = Once(continuation)
            Task { once.resume(await work.result) }
            Task {
                let result = await stop.result
                if case .failure = result { once.resume(result) }
            }
        }
    }

    private static func follow(_ calls: AgentCalls, _ job: String, _ sent: Sent, _ reporter: Reporter) async throws {
        var display = JobDisplay(reporter, job: job)
        while true {
            let line = try await calls.answer()
            switch line["event"]?.stringValue {
            case "hashing":
                display.hashing(line["done"]?.lenientInteger ?? 0, line["total"]?.lenientInteger ?? 0)
            case "view", "end":
                guard let value = line["view"], let view = try? JobView(json: value) else { continue }
                display.show(view, force: view.state.hasEnded)
                guard view.state.hasEnded else { continue }
                return try end(view, job, sent, reporter)
            default: continue
            }
        }
    }

    /// What a command has sent, and since when.
    struct Sent {
        let path: String
        private let begin = ContinuousClock.now

        init(_ order: SendOrder) { path = order.path }

        var seconds: Double { (ContinuousClock.now - begin) / .seconds(1) }
    }

    /// - Parameter sent: nil for a command that only looks.
    static func end(_ view: JobView, _ job: String, _ sent: Sent?, _ reporter: Reporter) throws {
        reporter.keepBars()
        let sent: [(String, JSONValue)] =
            sent.map { [("path", .string($0.path)), ("seconds", .double($0.seconds))] } ?? []
        reporter.event(
            .object(
                [
                    ("event", .string("complete")), ("job", .string(job)), ("state", .string(view.state.rawValue)),
                    (
                        "counts",
                        .object(view.counts.sorted { $0.key < $1.key }.map { ($0.key, .int(Int(clamping: $0.value))) })
                    ),
                    ("bytes", .int(Int(clamping: view.total / max(1, view.targets)))),
                    ("info_hash", view.infoHashes.first.map { .string($0) } ?? .null), ("from", JobDisplay.from(view)),
                ] + sent))
        reporter.result("\(job) \(view.state.rawValue): \(JobDisplay.counts(view))".shown)
        guard view.ending == .done else { throw QuietExit(status: view.ending) }
    }

    static func plan(_ line: JSON.JSONValue) throws -> SendPlan {
        guard let value = line["plan"], let plan = try? SendPlan(json: value) else {
            throw Failure(.failed, "the agent's answer cannot be understood")
        }
        return plan
    }

    /// Prints a plan: targets, caches, and expected refusals.
    static func show(_ plan: SendPlan, _ reporter: Reporter) {
        var object: [(String, JSONValue)] = [
            ("event", .string("plan")), ("targets", .int(Int(clamping: plan.targets))),
            ("caches", .int(Int(clamping: plan.caches))), ("away", .int(Int(clamping: plan.away))),
        ]
        object.append(
            (
                "refusals",
                .object(plan.refusals.sorted { $0.key < $1.key }.map { ($0.key, .int(Int(clamping: $0.value))) })
            ))
        reporter.event(.object(object))
        guard !reporter.mode.json else { return }
        var lines = [
            HumanText.plural(Int(clamping: plan.targets), "target") + (plan.caches > 0 ? ", \(plan.caches) caches" : "")
        ]
        if plan.away > 0 { lines.append("\(plan.away) of \(plan.targets) are away and get it on return") }
        for (key, count) in plan.refusals.sorted(by: { $0.key < $1.key }) {
            lines.append("\(count) of \(plan.targets) would refuse: \(key)".shown)
        }
        reporter.result(lines.joined(separator: "\n"))
    }
}
