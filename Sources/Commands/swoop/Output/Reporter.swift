import Metainfo
import Synchronization

/// Everything a command says, in one place: results on standard output, everything else on standard error. With
/// `--json`, standard output carries JSON lines and nothing but them.
final class Reporter: Sendable {
    /// How much is said, and in which form.
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
        /// Lines of bars on the screen below which the cursor stands.
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
        // Whatever is said, and in whatever form, no password of a URL is in it.
        self.out = { out(Redaction.text($0)) }
        self.err = { err(Redaction.text($0)) }
        self.width = width
    }

    /// A result a person asked for: on standard output, or on standard error when that carries JSON.
    func result(_ text: String) {
        state.withLock { state in
            clear(&state)
            mode.json ? (mode.quiet ? () : err(text + "\n")) : out(text + "\n")
        }
    }

    /// News on the way, for people.
    func note(_ text: String) {
        guard !mode.quiet else { return }
        state.withLock { state in
            clear(&state)
            err(text + "\n")
        }
    }

    /// Something is wrong, but not so wrong as to stop. Quiet means quiet about what goes well.
    func warning(_ text: String) {
        state.withLock { state in
            clear(&state)
            err("warning: \(text)\n")
        }
    }

    /// A JSON line, when there are JSON lines.
    func event(_ value: JSONValue) {
        guard mode.json else { return }
        state.withLock { _ in out(value.text + "\n") }
    }

    /// The one error that ends a command; a second one is dropped, since scripts count on one.
    func failure(_ failure: Failure) {
        state.withLock { state in
            clear(&state)
            guard !state.errorSaid else { return }
            state.errorSaid = true
            err(failure.text + "\n")
            if mode.json { out(failure.json.text + "\n") }
        }
    }

    /// Shows progress if it is time to, `force` for the first and the last. `rows` is what people see: one bar each.
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

    /// Leaves the bars as they are on the screen, so that what follows comes below them.
    func keepBars() { state.withLock { $0.drawn = 0 } }

    /// Takes the bars off the screen.
    func clearBars() { state.withLock { clear(&$0) } }

    private func isDue(_ last: ContinuousClock.Instant?, _ interval: Duration, _ now: ContinuousClock.Instant) -> Bool {
        // A tick that comes a moment early counts: "about once a second" must not become two.
        last.map { now - $0 >= interval - .milliseconds(50) } ?? true
    }

    private func redraw(_ rows: [(label: String, progress: Progress)], _ state: inout State) {
        // One column is left free: a full line makes some terminals wrap.
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
