import Metainfo
import Synchronization

/// All output of a command: results on standard output, everything else on standard error. With `--json`, standard
/// output contains only JSON lines.
final class Reporter: Sendable {
    /// The amount and the form of output.
    struct Mode: Sendable, Equatable {
        var json = false
        var quiet = false
        /// Whether progress is redrawn in place.
        var redraws = false
        var style = ProgressText.Style()
    }

    /// How often progress is shown.
    struct Pace: Sendable {
        var redraw = Duration.milliseconds(200)
        var line = Duration.seconds(5)
        var json = Duration.seconds(1)
    }

    private struct State {
        var lastJSON: ContinuousClock.Instant?
        var lastShown: ContinuousClock.Instant?
        /// Number of lines of bars above the cursor.
        var drawn = 0
        var errorSaid = false
    }

    let mode: Mode
    private let pace: Pace
    private let out: @Sendable (String) -> Void
    private let err: @Sendable (String) -> Void
    private let width: @Sendable () -> Int
    private let state = Mutex(State())

    init(
        mode: Mode, pace: Pace = Pace(), out: @escaping @Sendable (String) -> Void = { Terminal.write($0, to: 1) },
        err: @escaping @Sendable (String) -> Void = { Terminal.write($0, to: 2) },
        width: @escaping @Sendable () -> Int = { Terminal.width(2) }
    ) {
        self.mode = mode
        self.pace = pace
        // Passwords in URLs are removed from all output.
        self.out = { out(Redaction.text($0)) }
        self.err = { err(Redaction.text($0)) }
        self.width = width
    }

    /// A result for a person: on standard output, or on standard error if that carries JSON.
    func result(_ text: String) {
        state.withLock { state in
            clear(&state)
            mode.json ? (mode.quiet ? () : err(text + "\n")) : out(text + "\n")
        }
    }

    /// Information for a person.
    func note(_ text: String) {
        guard !mode.quiet else { return }
        state.withLock { state in
            clear(&state)
            err(text + "\n")
        }
    }

    /// A problem that does not stop the command. Also printed with `--quiet`.
    func warning(_ text: String) {
        state.withLock { state in
            clear(&state)
            err("warning: \(text)\n")
        }
    }

    /// Prints a JSON line, with `--json` only.
    func event(_ value: JSONValue) {
        guard mode.json else { return }
        state.withLock { _ in out(value.text + "\n") }
    }

    /// The final error of a command. A second one is dropped, because scripts expect at most one.
    func failure(_ failure: Failure) {
        state.withLock { state in
            clear(&state)
            guard !state.errorSaid else { return }
            state.errorSaid = true
            err(failure.text + "\n")
            if mode.json { out(failure.json.text + "\n") }
        }
    }

    /// Shows progress if it is due; `force` for the first and the last. `rows` are the bars that people see.
    func progress(
        _ json: Progress, rows: [(label: String, progress: Progress)], force: Bool = false,
        now: ContinuousClock.Instant = .now
    ) {
        state.withLock { state in
            if mode.json, force || isDue(state.lastJSON, pace.json, now) {
                state.lastJSON = now
                out(json.json.text + "\n")
            }
            let interval = mode.redraws ? pace.redraw : pace.line
            guard !mode.quiet, force || isDue(state.lastShown, interval, now) else { return }
            state.lastShown = now
            if mode.redraws {
                redraw(rows, &state)
            } else {
                err(rows.map { ProgressText.line($0.progress, label: rows.count > 1 ? $0.label : nil) + "\n" }.joined())
            }
        }
    }

    func progress(_ progress: Progress, label: String, force: Bool = false, now: ContinuousClock.Instant = .now) {
        self.progress(progress, rows: [(label, progress)], force: force, now: now)
    }

    /// Keeps the bars on the screen, so that further output comes below them.
    func keepBars() { state.withLock { $0.drawn = 0 } }

    /// Removes the bars from the screen.
    func clearBars() { state.withLock { clear(&$0) } }

    private func isDue(_ last: ContinuousClock.Instant?, _ interval: Duration, _ now: ContinuousClock.Instant) -> Bool {
        // Tolerates a tick that is slightly early: "about once a second" must not become every two seconds.
        last.map { now - $0 >= interval - .milliseconds(50) } ?? true
    }

    private func redraw(_ rows: [(label: String, progress: Progress)], _ state: inout State) {
        // One column is left free, because a full line makes some terminals wrap.
        let columns = max(1, width() - 1)
        var text = state.drawn > 0 ? "\u{1B}[\(state.drawn)A\r" : "\r"
        for row in rows {
            text += ProgressText.bar(row.progress, label: row.label, width: columns, style: mode.style) + "\u{1B}[K\n"
        }
        err(text + "\u{1B}[J")
        state.drawn = rows.count
    }

    private func clear(_ state: inout State) {
        guard state.drawn > 0 else { return }
        err("\u{1B}[\(state.drawn)A\r\u{1B}[J")
        state.drawn = 0
    }
}
