import Admission
import ArgumentParser
import Fleet
import FleetLink
import Text
import Threads

/// `swoop simulate fleet`: simulated agents with real keys, joins, TLS and syncs, all in one process.
struct SimulateFleetCommand: SwoopCommand {
    static let configuration = CommandConfiguration(
        commandName: "fleet",
        abstract: "Be many agents of a control, to see what it bears.",
        discussion: """
            Each agent has a key of its own, joins with the token (which needs as many uses), and syncs as a host's agent \
            does. What it is offered it says to have received at once, or with --receiving bit by bit: no content is moved. \
            Ends after --for, or with Ctrl-C.

            Examples:
              swoop fleet token --uses 1000
              swoop simulate fleet --agents 1000 --control https://127.0.0.1:7443 \\
                --token swt1.… --for 60s
            """)

    @Option(help: ArgumentHelp("Agents.", valueName: "n"))
    var agents: Int

    @Option(
        help: ArgumentHelp("The controls' doors for agents, separated by commas.", valueName: "url"),
        transform: { text in
            guard let list = ControlAddress.list(text) else { throw ArgumentProblem("https://HOST:PORT is expected") }
            return list
        })
    var control: [ControlAddress]

    @Option(
        help: ArgumentHelp("An enrolment token with at least as many uses as there are agents.", valueName: "token"),
        transform: { text in
            guard let token = EnrolmentToken(text) else {
                throw ArgumentProblem("no token: swt1.ID.SECRET.PIN is expected")
            }
            return token
        })
    var token: EnrolmentToken

    @Option(name: .customLong("for"), help: "How long they sync. Default: until Ctrl-C.", transform: TimeSpan.parse)
    var time: TimeSpan?

    @Option(
        help: "How long each says that it takes to receive a job, half more or less. Default: no time.",
        transform: TimeSpan.parse)
    var receiving: TimeSpan?

    @Option(help: ArgumentHelp("Enrolments under way at a time.", valueName: "n"))
    var joining = 16

    /// The parser assigns this option to the parent command, wherever it stands, and copies it here.
    @OptionGroup var places: SimulatedSites

    @Option(
        help: "Break all connections once, so long after the last agent has joined, and tell when all are back.",
        transform: TimeSpan.parse)
    var reconnectAfter: TimeSpan?

    @OptionGroup var global: GlobalOptions

    func validate() throws {
        for (name, value, range) in [
            ("--agents", agents, 1...50_000), ("--joining", joining, 1...1000),
            ("--sites", places.sites ?? 10, 1...10_000),
        ] where !range.contains(value) {
            throw ValidationError(
                "The value is invalid for '\(name) <n>': \(range.lowerBound) to \(range.upperBound) are possible")
        }
    }

    func run(_ reporter: Reporter) async throws {
        DescriptorLimit.raise()
        var settings = SimulatedFleet.Settings(agents: agents, controls: control, token: token)
        (settings.joining, settings.sites) = (joining, places.sites ?? 10)
        settings.receiving = Double(receiving?.seconds ?? 0)
        let fleet = SimulatedFleet(settings, logger: global.logger)
        let begin = Clocks.steadySeconds
        let clients = try await untilStopped { await fleet.join() }
        let joinTime = Clocks.steadySeconds - begin
        tellJoined(fleet.figures, joinTime, reporter)
        guard !clients.isEmpty else { throw Failure(.failed, "no agent has joined", advice: "is the token good?") }
        let (time, reconnectAfter) = (time, reconnectAfter)
        let running = Task { await fleet.run(clients) }
        let watching = Task {
            while !Task.isCancelled {
                try? await Task.sleep(for: .seconds(5))
                guard !Task.isCancelled else { return }
                for receipt in fleet.takeReceipts() { Self.tell(receipt, reporter) }
                Self.tell(fleet.figures, reporter)
            }
        }
        defer {
            running.cancel()
            watching.cancel()
        }
        do {
            try await untilStopped {
                if let reconnectAfter {
                    try await Task.sleep(for: reconnectAfter.duration)
                    Self.tellReconnected(
                        await fleet.reconnect(clients, patience: 120), clients.count, fleet.figures, reporter)
                }
                try await Task.sleep(for: time?.duration ?? .seconds(TimeSpan.longest))
            }
        } catch is QuietExit where time == nil {
            // Without --for, Ctrl-C is the normal end.
        }
        watching.cancel()
        Self.tell(fleet.figures, reporter)
    }

    private func tellJoined(_ figures: LoadFigures, _ seconds: Double, _ reporter: Reporter) {
        let rate = Double(figures.joined) / max(seconds, 0.001)
        reporter.event(
            .object([
                ("event", .string("joined")), ("agents", .int(figures.joined)), ("failed", .int(figures.joinFailures)),
                ("seconds", .double(seconds)), ("rate", .double(rate)),
                ("problems", Self.json(figures.problems)),
            ]))
        reporter.result(
            "joined: \(figures.joined) of \(agents) in \(Self.text(seconds)) s, \(Self.text(rate)) a second"
                + Self.text(figures.problems))
    }

    /// For measurements of how late others see it; nothing to read.
    private static func tell(_ receipt: SimulatedReceipt, _ reporter: Reporter) {
        reporter.event(
            .object([
                ("event", .string("received")), ("node", .string(receipt.node.description)),
                ("job", .string(receipt.job)), ("begun", .double(receipt.begun)), ("ended", .double(receipt.ended)),
            ]))
    }

    private static func tell(_ figures: LoadFigures, _ reporter: Reporter) {
        let times = figures.acknowledgements
        let (median, late) = (LoadFigures.quantile(0.5, of: times), LoadFigures.quantile(0.99, of: times))
        reporter.event(
            .object([
                ("event", .string("figures")), ("answers", .int(figures.answers)), ("commands", .int(figures.commands)),
                ("acknowledged", .int(times.count)), ("p50", median.map { .double($0) } ?? .null),
                ("p99", late.map { .double($0) } ?? .null), ("most", times.max().map { .double($0) } ?? .null),
                ("present", .int(figures.present.count)), ("problems", json(figures.problems)),
            ]))
        var line = "answers \(figures.answers), commands \(figures.commands)"
        if let median, let late, let most = times.max() {
            line += ", acknowledged after \(text(median)) s (p99 \(text(late)) s, at most \(text(most)) s)"
        }
        reporter.result(line + text(figures.problems))
    }

    private static func tellReconnected(
        _ seconds: Double?, _ agents: Int, _ figures: LoadFigures, _ reporter: Reporter
    ) {
        reporter.event(
            .object([
                ("event", .string("reconnected")), ("agents", .int(agents)), ("present", .int(figures.present.count)),
                ("seconds", seconds.map { .double($0) } ?? .null),
            ]))
        if let seconds {
            reporter.result("reconnected: all \(agents) in \(text(seconds)) s")
        } else {
            reporter.result("reconnected: \(figures.present.count) of \(agents) within 120 s")
        }
    }

    private static func json(_ problems: [String: Int]) -> JSONValue {
        .object(problems.sorted { $0.key < $1.key }.map { ($0.key, .int($0.value)) })
    }

    private static func text(_ problems: [String: Int]) -> String {
        guard !problems.isEmpty else { return "" }
        return "; " + problems.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }.joined(separator: ", ")
    }

    private static func text(_ number: Double) -> String {
        let thousandths = Int((number * 1000).rounded())
        return "\(thousandths / 1000).\(zeroPadded(Int64(thousandths % 1000), 3))"
    }
}
