import HTTPOrigin
import Logging
import Metainfo
import Reactor
import SwarmCore
import Synchronization

/// A source of ranges (web seed, CDN, object store) in the place of a peer: the machine asks it for spans, and it
/// answers with whole spans.
///
/// Contiguous spans become one range request. Chunks gather span by span and are handed to the loop, which lets the
/// next be read when the limits allow. Lives on the loop; its fetches run beside it.
final class WebSource {
    /// Longest span asked for at once, bytes.
    static let spanLength = 1 << 20
    /// Spans of one request at most.
    private static let longestRun = 16

    /// What it can be asked for at a moment: nothing while it pauses or waits.
    struct Offer: Equatable {
        var isOpen: Bool
        /// Nil for all.
        var files: Set<Int>?
        var missing: Set<Int>
    }

    /// What the engine does for it.
    struct Hooks {
        /// A span that came whole, in order.
        let deliver: (BlockSpan, [WebSeedChunk]) -> Void
        /// A span that will not come.
        let reject: (BlockSpan) -> Void
        let warn: (String) -> Void
        /// Its offer may have changed.
        let changed: () -> Void
        /// Carries work back from other threads to this object, on the loop.
        let enter: @Sendable (@escaping @Sendable (WebSource) -> Void) -> Void
    }

    let id: String
    private(set) var health: WebSeedHealth
    /// Files to ask it for; nil for all.
    var files: Set<Int>?
    private(set) var isActive: Bool
    /// Of the last whole span, or of the last activation.
    private(set) var lastByteAt: Double
    /// Bytes that its answers have brought, and how many there were at the last look.
    private let arrivals = ByteCount()
    private var noted = 0
    /// What the machine was last told.
    var offered: Offer?

    private let source: any RangeSource
    private let context: EngineContext
    private let layout: ContentLayout
    private let limits: TransferLimits
    private let hooks: Hooks
    private var bucket: TokenBucket
    /// Spans that wait, in the machine's order.
    private var queue: [BlockSpan] = []
    private var fetches: [Int: Fetch] = [:]
    private var lastFetch = 0
    private var isStopped = false

    private struct Fetch {
        /// In order; nil once they have come or been cancelled.
        var spans: [BlockSpan?]
        let task: Task<Void, Never>
    }

    init(
        plan: RangeSourcePlan, sharesFiles: Bool, layout: ContentLayout, context: EngineContext, limits: TransferLimits,
        settings: WebSeedHealth.Settings, hooks: Hooks
    ) {
        id = plan.id
        source = plan.source
        files = sharesFiles ? plan.files : nil
        isActive = plan.isActive
        self.layout = layout
        self.context = context
        self.limits = limits
        self.hooks = hooks
        let now = context.loop.now
        bucket = TokenBucket(rate: plan.rateLimit, now: now)
        lastByteAt = now
        health = WebSeedHealth(settings: settings, seed: UInt64.random(in: .min ... .max))
    }

    /// It may be asked now or later.
    var isAlive: Bool {
        if case .banned = health.state(at: context.loop.now) { return false }
        return !isStopped
    }

    /// Whether bytes have come since the last call, be a span whole or not.
    func noteIncoming() -> Bool {
        let count = arrivals.value
        defer { noted = count }
        return count != noted
    }

    var isFetching: Bool { !fetches.isEmpty || !queue.isEmpty }

    func offer(at now: Double) -> Offer {
        let isOpen = isActive && !isStopped && health.state(at: now) == .usable
        return Offer(isOpen: isOpen, files: files, missing: isOpen ? health.missingFiles(at: now) : [])
    }

    // MARK: Changes

    func setActive(_ active: Bool) {
        guard active != isActive else { return }
        isActive = active
        if active { lastByteAt = context.loop.now } else { cancelAll() }
    }

    func setRateLimit(_ rate: Int?) { bucket.setRate(rate, now: context.loop.now) }

    /// Ends what is under way; that counts against nobody. The machine knows, or is told by the caller.
    func cancelAll() {
        for fetch in fetches.values { fetch.task.cancel() }
        fetches = [:]
        queue = []
    }

    func stop() {
        isStopped = true
        cancelAll()
    }

    /// A piece all of whose bytes came from here did verify.
    func sentGoodPiece(_ piece: PieceIndex) { health.goodPiece(of: files(in: piece)) }

    /// A piece whose bytes came from here did not verify.
    func sentBadPiece(_ piece: PieceIndex) {
        let files = files(in: piece)
        let names =
            files.min().map { layout.name(ofFile: $0) + (files.count > 1 ? " (or a file beside it)" : "") } ?? ""
        let reason = "\(names): \(source.host) sent data that does not verify"
        health.badPiece(of: files, reason: reason, at: context.loop.now)
        hooks.warn("web seed: \(reason)")
        hooks.changed()
    }

    private func files(in piece: PieceIndex) -> Set<Int> {
        Set(layout.spans(of: piece).lazy.filter { !$0.isPadding && $0.length > 0 }.map(\.file))
    }

    // MARK: Asking

    func fetch(_ span: BlockSpan) { queue.append(span) }

    func cancel(_ span: BlockSpan) {
        queue.removeAll { $0 == span }
        for (id, fetch) in fetches {
            guard let index = fetch.spans.firstIndex(of: span) else { continue }
            fetches[id]?.spans[index] = nil
            // Nothing of it is wanted any more: the server need not go on.
            if fetches[id]?.spans.allSatisfy({ $0 == nil }) == true {
                fetches[id] = nil
                fetch.task.cancel()
            }
        }
    }

    /// Begins what may begin. Called after the machine has asked, and a few times a second.
    func pump() {
        let now = context.loop.now
        guard !isStopped, isActive, health.state(at: now) == .usable else { return }
        // One fetch finds out whether a source that had trouble is well again.
        let most = health.trouble == nil ? health.fetchesAllowed : 1
        while !queue.isEmpty, fetches.count < most {
            let run = nextRun(at: now)
            if !run.isEmpty { begin(run) }
        }
    }

    /// The first contiguous spans of the queue; none when the first is of a file that it does not give out.
    private func nextRun(at now: Double) -> [BlockSpan] {
        var run = [queue.removeFirst()]
        guard isFetchable(run[0], at: now) else {
            hooks.reject(run[0])
            return []
        }
        while let next = queue.first, let last = run.last, offset(next) == offset(last) + Int64(last.length),
            run.count < Self.longestRun, isFetchable(next, at: now)
        {
            run.append(queue.removeFirst())
        }
        return run
    }

    private func isFetchable(_ span: BlockSpan, at now: Double) -> Bool {
        let piece = PieceIndex(unchecked: span.piece)
        return layout.spans(of: piece, in: span.begin..<span.begin + span.length).allSatisfy {
            $0.isPadding || health.mayFetch(file: $0.file, at: now)
        }
    }

    private func offset(_ span: BlockSpan) -> Int64 {
        layout.offset(of: PieceIndex(unchecked: span.piece)) + Int64(span.begin)
    }

    private func begin(_ run: [BlockSpan]) {
        guard let first = run.first else { return }
        lastFetch += 1
        let id = lastFetch
        let start = offset(first)
        let end = start + run.reduce(0) { $0 + Int64($1.length) }
        let (source, enter, lengths, arrivals) = (source, hooks.enter, run.map(\.length), arrivals)
        let task = Task {
            var gathering = SpanGathering(lengths: lengths)
            let outcome = await source.fetch(start..<end) { chunk in
                arrivals.add(chunk.count)
                for span in gathering.add(chunk) {
                    let goesOn = await withCheckedContinuation { continuation in
                        let goOn = GoOn(continuation)
                        enter { $0.arrived(span, of: id, goOn) }
                    }
                    if !goesOn { return false }
                }
                return true
            }
            enter { $0.ended(id, outcome) }
        }
        fetches[id] = Fetch(spans: run, task: task)
    }

    // MARK: Answers

    private func arrived(_ whole: SpanGathering.Whole, of id: Int, _ goOn: GoOn) {
        guard !isStopped, let fetch = fetches[id], fetch.spans.indices.contains(whole.index) else {
            return goOn.answer(false)
        }
        let now = context.loop.now
        limits.received(whole.length)
        bucket.spend(whole.length)
        lastByteAt = now
        health.answered(at: now)
        if let span = fetch.spans[whole.index] {
            fetches[id]?.spans[whole.index] = nil
            if !health.refusedFiles.isEmpty {
                for part in layout.spans(of: PieceIndex(unchecked: span.piece)) { health.answered(file: part.file) }
            }
            hooks.deliver(span, whole.parts)
        }
        let delay = max(limits.receiveDelay(now), bucket.delay(for: blockLength, now: now))
        if delay <= 0 { return goOn.answer(true) }
        context.loop.schedule(after: delay) { goOn.answer(true) }
    }

    private func ended(_ id: Int, _ outcome: WebSeedOutcome) {
        // What was cancelled has no end.
        guard let fetch = fetches.removeValue(forKey: id) else { return }
        switch outcome {
        case .complete: health.succeeded(at: context.loop.now)
        case .stopped: break
        case .failed(let problem, _):
            context.logger.debug("web seed trouble", metadata: ["problem": "\(problem)", "source": "\(source.host)"])
            if problem != .cancelled { hooks.warn("\(problem)") }
            health.failed(problem, at: context.loop.now)
        }
        // The machine takes back what it cannot be asked for now, before the rest is rejected.
        hooks.changed()
        for case let span? in fetch.spans { hooks.reject(span) }
        pump()
    }
}

/// Counts bytes on one thread while another looks.
private final class ByteCount: Sendable {
    private let count = Atomic<Int>(0)

    var value: Int { count.load(ordering: .relaxed) }

    func add(_ bytes: Int) { count.wrappingAdd(bytes, ordering: .relaxed) }
}

/// Whether a fetch that waits is to read on. Told once; a loop that ends and drops its work says no.
private final class GoOn: Sendable {
    private let waiting: Mutex<CheckedContinuation<Bool, Never>?>

    init(_ continuation: CheckedContinuation<Bool, Never>) { waiting = Mutex(continuation) }

    deinit { answer(false) }

    func answer(_ goesOn: Bool) {
        let continuation = waiting.withLock { $0.take() }
        continuation?.resume(returning: goesOn)
    }
}
