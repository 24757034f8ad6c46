import Fleet
import JSON

/// Displays a job: a progress bar for all targets together, and a line for each target that is late or has failed, once
/// for each of its states.
struct JobDisplay {
    let reporter: Reporter
    let job: String
    private var said: Set<String> = []
    private var rate = TransferRate()
    private var last: JobView?

    init(_ reporter: Reporter, job: String) {
        self.reporter = reporter
        self.job = job
    }

    mutating func hashing(_ done: Int64, _ total: Int64) {
        reporter.progress(
            Progress(phase: "hashing", done: Int(clamping: done), total: Int(clamping: total), isTransfer: false),
            label: job)
    }

    mutating func show(_ view: JobView, force: Bool = false) {
        for line in view.lines where said.insert("\(line.node) \(line.state) \(line.code ?? "")").inserted {
            reporter.note(Self.text(line))
            reporter.event(
                .object([
                    ("event", .string("target")), ("job", .string(job)), ("node", .string(line.node)),
                    ("state", .string(line.state)), ("code", line.code.map { .string($0) } ?? .null),
                    ("message", .string(line.text)), ("advice", .string(line.advice ?? "")),
                ]))
        }
        if let reason = view.reason, !view.state.hasEnded, said.insert(reason).inserted {
            reporter.note("\(view.state.rawValue): \(reason)".shown)
            if view.state == .held {
                reporter.note("  swoop fleet job promote, retry, rollback or cancel \(job) says how it goes on".shown)
            }
        }
        var progress = Progress(
            phase: view.state.rawValue, done: Int(clamping: view.bytes), total: Int(clamping: view.total),
            knowsPeers: false)
        progress.from = Self.from(view)
        progress.down = rate.update(progress.done)
        if progress.down > 0, progress.done < progress.total {
            progress.eta = (progress.total - progress.done) / progress.down
        }
        reporter.progress(progress, label: Self.label(job, view), force: force)
        last = view
    }

    /// Bytes by where the targets had them from.
    static func from(_ view: JobView) -> JSONValue {
        .object([
            ("site", .int(Int(clamping: view.sources.site))), ("peers", .int(Int(clamping: view.sources.peers))),
            ("sources", .int(Int(clamping: view.sources.others))),
        ])
    }

    private static func label(_ job: String, _ view: JobView) -> String {
        let done = view.counts["done"] ?? 0
        return "\(job) \(done)/\(view.targets)"
    }

    /// The line of a target: `web-3: failed (hook_exit_3): …`.
    static func text(_ line: TargetLine) -> String {
        let code = line.code.map { " (\($0))" } ?? ""
        let advice = line.advice.map { "\n  \($0.shown)" } ?? ""
        return "\(line.node): \(line.state)\(code): \(line.text)".shown + advice
    }

    /// The number of targets in each state: `17 done, 3 receiving`.
    static func counts(_ view: JobView) -> String {
        let parts = view.counts.filter { $0.value > 0 }.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }
        return parts.isEmpty ? "no targets" : parts.joined(separator: ", ")
    }
}

extension JobView {
    /// The exit status of a command that has waited for the job.
    var ending: ExitStatus { state == .done ? .done : .failed }
}
