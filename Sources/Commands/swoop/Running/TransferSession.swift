import Metainfo
import Swarm

/// Follows one transfer from start to end: shows progress, reports completion, runs the hook, and ends when the seed
/// time is over, the transfer fails, or a stop is requested.
struct TransferSession {
    /// What determines the end.
    struct Plan {
        /// The name of the content for people.
        var label: String
        /// How long to seed after completion; nil for no limit.
        var seedTime: Duration?
        /// Whether content that was complete from the start is not seeded at all.
        var endsWhenAlreadyComplete = false
        /// Whether the transfer begins with complete content.
        var isSeed = false
        var hook: CompletionHook?
    }

    private enum Happening: Sendable {
        case tick
        case event(TransferEvent)
        case eventsEnded
        case stop
        case hookEnded(Failure?)
    }

    let transfer: Transfer
    let reporter: Reporter
    let plan: Plan

    private var complete: CompletedContent?
    private var seedUntil: ContinuousClock.Instant?
    private var hookIsRunning = false
    private var hookFailure: Failure?
    private var hadEverything = false

    init(_ transfer: Transfer, reporter: Reporter, plan: Plan) {
        self.transfer = transfer
        self.reporter = reporter
        self.plan = plan
    }

    /// Returns when everything is done. Throws the error, or `QuietExit(.interrupted)` for a stop before completion.
    mutating func run() async throws {
        let (happenings, feed) = AsyncStream.makeStream(of: Happening.self)
        let (transfer, interval) = (transfer, reporter.mode.redraws ? Duration.milliseconds(200) : .milliseconds(500))
        let feeders = [
            Task {
                for await event in transfer.events { feed.yield(.event(event)) }
                feed.yield(.eventsEnded)
            },
            Task {
                while !Task.isCancelled {
                    feed.yield(.tick)
                    try? await Task.sleep(for: interval)
                }
            },
            Task {
                await StopSignal.shared.wait()
                feed.yield(.stop)
            },
        ]
        defer { for feeder in feeders { feeder.cancel() } }
        for await happening in happenings where try await handle(happening, feed) { break }
        reporter.clearBars()
        if let hookFailure { throw hookFailure }
    }

    /// - Returns: whether this is the end.
    private mutating func handle(
        _ happening: Happening, _ feed: AsyncStream<Happening>.Continuation
    ) async throws -> Bool {
        switch happening {
        case .tick:
            reporter.progress(Progress(await transfer.status()), label: plan.label)
        case .event(let event):
            try await handle(event, feed)
        case .eventsEnded:
            return complete != nil && !hookIsRunning
        case .hookEnded(let failure):
            hookIsRunning = false
            hookFailure = failure
            if let failure { reporter.warning(failure.message) }
        case .stop:
            guard complete != nil else { throw stopped() }
            return true
        }
        return seedUntil.map { ContinuousClock.now >= $0 } == true && !hookIsRunning
    }

    private mutating func handle(_ event: TransferEvent, _ feed: AsyncStream<Happening>.Continuation) async throws {
        switch event {
        case .metadata(let info):
            reporter.note("\(info.name.display): \(HumanText.bytes(Int(info.layout.totalLength))) in \(files(info))")
        case .checked(let have):
            hadEverything = await have == transfer.status().total
            if have > 0, !hadEverything { reporter.note("\(HumanText.bytes(Int(have))) are already there") }
        case .complete(let path, let infoHash, let bytes, let seconds):
            var content = CompletedContent(path: path, infoHash: infoHash, bytes: Int(bytes), seconds: seconds)
            // The last progress is reported before completion.
            if !plan.isSeed {
                let status = await transfer.status()
                if !hadEverything { content.efficiency = status.efficiency.map(EfficiencyText.init) }
                reporter.progress(Progress(status), label: plan.label, force: true)
            }
            finish(content, feed)
        case .warning(let text):
            reporter.warning(text)
        case .fileComplete: break
        case .failed(let error):
            throw Failure(error)
        }
    }

    private mutating func finish(_ content: CompletedContent, _ feed: AsyncStream<Happening>.Continuation) {
        guard complete == nil else { return }
        complete = content
        StopSignal.shared.setForcedStatus(.done)
        if plan.isSeed {
            reporter.event(content.seedingJSON)
            reporter.note("seeding \(content.path.shown), \(HumanText.bytes(content.bytes))")
        } else {
            reporter.event(content.json)
            reporter.note(content.text(wasThere: hadEverything))
            if let said = content.efficiency?.long { reporter.note(said) }
        }
        let seedTime = plan.endsWhenAlreadyComplete && hadEverything ? .zero : plan.seedTime
        seedUntil = seedTime.map { ContinuousClock.now + $0 }
        guard let hook = plan.hook else { return }
        hookIsRunning = true
        Task {
            feed.yield(.hookEnded(await hook.run(content)))
        }
    }

    private func stopped() -> QuietExit {
        reporter.note("stopped; what has arrived is kept, and the same command goes on from there")
        return QuietExit(status: .interrupted)
    }

    private func files(_ info: Info) -> String {
        HumanText.plural(info.layout.files.count { !$0.isPadding }, "file")
    }
}
