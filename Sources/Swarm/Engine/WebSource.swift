import HTTPOrigin
import Logging
import Metainfo
import Reactor
import SwarmCore

/// A web seed (BEP 19) in the place of a peer: the machine asks it for spans, and it answers with whole spans.
///
/// Contiguous spans become one range request. Bytes gather in memory of their own, span by span, and are handed to the
/// loop, which lets the next span be read when the limits allow. Lives on the loop; its fetches run beside it.
final class WebSource {
    /// Longest span asked for at once, bytes.
    static let spanLength = 1 << 20

    private let seed: WebSeed
    private var health: WebSeedHealth
    private let context: EngineContext
    private let layout: ContentLayout
    /// Spans that wait, in the machine's order.
    private var queue: [BlockSpan] = []
    /// Spans of each fetch in order, nil once they have come or been cancelled.
    private var fetches: [Int: [BlockSpan?]] = [:]
    private var tasks: [Int: Task<Void, Never>] = [:]
    private var lastFetch = 0
    private var isStopped = false
    /// What the engine does with a span that came, and with one that will not.
    private let deliver: (BlockSpan, [UInt8]) -> Void
    private let reject: (BlockSpan) -> Void
    private let warn: (String) -> Void
    private let limits: TransferLimits
    private let enter: @Sendable (@escaping @Sendable (WebSource) -> Void) -> Void

    init(
        seed: WebSeed, layout: ContentLayout, context: EngineContext, limits: TransferLimits,
        deliver: @escaping (BlockSpan, [UInt8]) -> Void, reject: @escaping (BlockSpan) -> Void,
        warn: @escaping (String) -> Void,
        enter: @escaping @Sendable (@escaping @Sendable (WebSource) -> Void) -> Void
    ) {
        self.seed = seed
        self.layout = layout
        self.context = context
        self.limits = limits
        self.deliver = deliver
        self.reject = reject
        self.warn = warn
        self.enter = enter
        health = WebSeedHealth(seed: UInt64.random(in: .min ... .max))
    }

    /// It may be asked now or later.
    var isAlive: Bool {
        if case .banned = health.state(at: context.loop.now) { return false }
        return !isStopped
    }

    func fetch(_ span: BlockSpan) {
        guard isAlive else { return reject(span) }
        queue.append(span)
    }

    func cancel(_ span: BlockSpan) {
        queue.removeAll { $0 == span }
        for (id, spans) in fetches {
            if let index = spans.firstIndex(of: span) { fetches[id]?[index] = nil }
        }
    }

    func sentBadPiece() {
        health.badPiece(at: context.loop.now)
        warn("web seed \(seed.host) sent data that does not verify")
        if !isAlive { dropAll() }
    }

    func stop() {
        isStopped = true
        for task in tasks.values { task.cancel() }
        tasks = [:]
        queue = []
        fetches = [:]
    }

    // MARK: Fetching

    /// Begins what may begin. Called after the machine has asked, and a few times a second.
    func pump() {
        guard !isStopped else { return }
        let now = context.loop.now
        while !queue.isEmpty, tasks.count < health.fetchesAllowed {
            guard let run = nextRun(at: now) else { return }
            begin(run)
        }
    }

    /// The first contiguous spans of the queue.
    private func nextRun(at now: Double) -> [BlockSpan]? {
        switch health.state(at: now) {
        case .banned:
            dropAll()
            return nil
        case .waiting: return nil
        case .usable: break
        }
        var run = [queue.removeFirst()]
        guard isFetchable(run[0], at: now) else {
            reject(run[0])
            return nil
        }
        while let next = queue.first, let last = run.last, offset(next) == offset(last) + Int64(last.length),
            run.count < 16, isFetchable(next, at: now)
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
        fetches[id] = run
        let start = offset(first)
        let end = start + run.reduce(0) { $0 + Int64($1.length) }
        let (seed, enter, lengths) = (seed, enter, run.map(\.length))
        tasks[id] = Task {
            var gathering = SpanGathering(lengths: lengths)
            let outcome = await seed.fetch(start..<end) { chunk in
                for span in chunk.withUnsafeBytes({ gathering.add($0) }) {
                    let goesOn = await withCheckedContinuation { continuation in
                        enter { $0.arrived(span, of: id, continuation) }
                    }
                    if !goesOn { return false }
                }
                return true
            }
            enter { $0.ended(id, outcome) }
        }
    }

    private func arrived(_ gathered: SpanGathering.Whole, of id: Int, _ goOn: CheckedContinuation<Bool, Never>) {
        guard !isStopped, fetches[id] != nil else { return goOn.resume(returning: false) }
        limits.received(gathered.bytes.count)
        if let span = fetches[id]?[gathered.index] {
            fetches[id]?[gathered.index] = nil
            deliver(span, gathered.bytes)
        }
        let delay = limits.receiveDelay(context.loop.now)
        if delay <= 0 { return goOn.resume(returning: true) }
        context.loop.schedule(after: delay) { goOn.resume(returning: true) }
    }

    private func ended(_ id: Int, _ outcome: WebSeedOutcome) {
        tasks[id] = nil
        let rest = fetches.removeValue(forKey: id) ?? []
        switch outcome {
        case .complete: health.succeeded()
        case .stopped: break
        case .failed(let problem, _):
            context.logger.debug("web seed trouble", metadata: ["problem": "\(problem)"])
            if problem != .cancelled { warn("\(problem)") }
            health.failed(problem, at: context.loop.now)
        }
        for case let span? in rest { reject(span) }
        pump()
    }

    private func dropAll() {
        let waiting = queue
        queue = []
        for span in waiting { reject(span) }
    }
}

/// Cuts a stream of bytes into the spans that were asked for.
struct SpanGathering: Sendable {
    struct Whole: Sendable {
        /// Position among the spans asked for.
        let index: Int
        let bytes: [UInt8]
    }

    private let lengths: [Int]
    private var index = 0
    private var bytes: [UInt8] = []

    init(lengths: [Int]) { self.lengths = lengths }

    /// - Returns: spans that these bytes have made whole. Bytes past the last span are dropped.
    mutating func add(_ chunk: UnsafeRawBufferPointer) -> [Whole] {
        var whole: [Whole] = []
        var rest = chunk[...]
        while !rest.isEmpty, index < lengths.count {
            if bytes.isEmpty { bytes.reserveCapacity(lengths[index]) }
            let part = rest.prefix(lengths[index] - bytes.count)
            bytes.append(contentsOf: part)
            rest = rest.dropFirst(part.count)
            if bytes.count == lengths[index] {
                whole.append(Whole(index: index, bytes: bytes))
                bytes = []
                index += 1
            }
        }
        return whole
    }
}
