import HTTPOrigin
import Logging
import Metainfo
import Reactor
import SwarmCore
import Synchronization

/// A range source (web seed, CDN, object store) that acts as a peer: the machine requests spans, and it delivers whole
/// spans.
///
/// Contiguous spans become one range request. Chunks are collected into spans and passed to the loop, which allows the
/// next read when the limits permit. Lives on the loop; its fetches run in parallel.
final class WebSource {
    /// Maximum length of a span, in bytes.
    static let spanLength = 1 << 20
    /// Maximum number of spans in one request.
    private static let longestRun = 16

    /// What the source may be asked for now: nothing while it is paused or backing off.
    struct Offer: Equatable {
        var isOpen: Bool
        /// Nil for all.
        var files: Set<Int>?
        var missing: Set<Int>
    }

    /// Calls to the engine.
    struct Hooks {
        /// A complete span; spans are in order.
        let deliver: (BlockSpan, [WebSeedChunk]) -> Void
        /// A span that will not be delivered.
        let reject: (BlockSpan) -> Void
        let warn: (String) -> Void
        /// The offer may have changed.
        let changed: () -> Void
        /// Runs its argument with this object on the loop; callable from any thread.
        let enter: @Sendable (@escaping @Sendable (WebSource) -> Void) -> Void
    }

    let id: String
    private(set) var health: WebSeedHealth
    /// Files that may be requested; nil for all.
    var files: Set<Int>?
    private(set) var isActive: Bool
    /// Time of the last complete span, or of the last activation.
    private(set) var lastByteAt: Double
    /// Bytes in its responses, and the count at the last check.
    private let arrivals = ByteCount()
    private var noted = 0
    /// The offer that the machine was last told.
    var offered: Offer?

    private let source: any RangeSource
    private let context: EngineContext
    private let layout: ContentLayout
    /// Those of what comes from outside our site.
    var limits: TransferLimits
    private let hooks: Hooks
    private var bucket: TokenBucket
    /// Waiting spans, in the machine's order.
    private var queue: [BlockSpan] = []
    private var fetches: [Int: Fetch] = [:]
    private var lastFetch = 0
    private var isStopped = false

    private struct Fetch {
        /// In order; nil for spans that have been delivered or cancelled.
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

    /// Whether it may be used now or later.
    var isAlive: Bool {
        if case .banned = health.state(at: context.loop.now) { return false }
        return !isStopped
    }

    /// Whether bytes have arrived since the last call, with or without a complete span.
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

    /// Ends current fetches, without penalty. The machine knows, or the caller tells it.
    func cancelAll() {
        for fetch in fetches.values { fetch.task.cancel() }
        fetches = [:]
        queue = []
    }

    func stop() {
        isStopped = true
        cancelAll()
    }

    /// A piece whose bytes all came from this source passed verification.
    func sentGoodPiece(_ piece: PieceIndex) { health.goodPiece(of: files(in: piece)) }

    /// A piece with bytes from this source failed verification.
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
            // None of the fetch is wanted any more, so the request is ended.
            if fetches[id]?.spans.allSatisfy({ $0 == nil }) == true {
                fetches[id] = nil
                fetch.task.cancel()
            }
        }
    }

    /// Starts fetches that may start. Call after the machine has sent requests, and a few times a second.
    func pump() {
        let now = context.loop.now
        guard !isStopped, isActive, health.state(at: now) == .usable else { return }
        // After a problem, a single fetch tests whether the source works again.
        let most = health.trouble == nil ? health.fetchesAllowed : 1
        while !queue.isEmpty, fetches.count < most {
            let run = nextRun(at: now)
            if !run.isEmpty { begin(run) }
        }
    }

    /// The first contiguous spans of the queue; empty if the first is of a file that the source does not deliver.
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
        // A cancelled fetch has no end to report.
        guard let fetch = fetches.removeValue(forKey: id) else { return }
        switch outcome {
        case .complete: health.succeeded(at: context.loop.now)
        case .stopped: break
        case .failed(let problem, _):
            context.logger.debug("web seed trouble", metadata: ["problem": "\(problem)", "source": "\(source.host)"])
            if problem != .cancelled { hooks.warn("\(problem)") }
            health.failed(problem, at: context.loop.now)
        }
        // The machine withdraws what the source cannot be asked for now, before the rest is rejected.
        hooks.changed()
        for case let span? in fetch.spans { hooks.reject(span) }
        pump()
    }
}

/// Counts bytes on one thread while another reads the count.
private final class ByteCount: Sendable {
    private let count = Atomic<Int>(0)

    var value: Int { count.load(ordering: .relaxed) }

    func add(_ bytes: Int) { count.wrappingAdd(bytes, ordering: .relaxed) }
}

/// Whether a waiting fetch should continue. Answered once; false if the loop ends and drops its work.
private final class GoOn: Sendable {
    private let waiting: Mutex<CheckedContinuation<Bool, Never>?>

    init(_ continuation: CheckedContinuation<Bool, Never>) { waiting = Mutex(continuation) }

    deinit { answer(false) }

    func answer(_ goesOn: Bool) {
        let continuation = waiting.withLock { $0.take() }
        continuation?.resume(returning: goesOn)
    }
}
