import Address
import Fleet
import FleetLink
import Hashing
import Jobs
import Logging
import Metainfo
import Policy
import Swarm
import Synchronization
import Threads

/// One job on this host. A ``TargetLife`` decides what happens; the runner carries it out, one event after the other.
/// Each change is stored before it takes effect.
actor TargetRunner {
    enum Input: Sendable {
        case life(TargetLife.Event)
        /// The same, for a caller that waits until the change is stored.
        case order(TargetLife.Event, CheckedContinuation<Bool, Never>)
        /// Whether the job may receive now.
        case turn(Bool, because: TargetState.WaitReason?)
        /// What may come from outside this host's site, in bytes a second.
        case share(Int64)
        case torrent(Torrent)
        case sums(FileSums)
        /// The content is not what it should be.
        case wrong(code: String, String)
        case engine(JobEvent)
        case cached
        case peers(AnnounceReply?)
        case tick
        /// The moment to switch has come.
        case moment
    }

    nonisolated let job: String
    nonisolated let file: TargetFile
    nonisolated let context: AgentContext
    nonisolated let placement: AgentPolicy.Placement
    nonisolated let board: TargetBoard
    nonisolated let inbox: AsyncStream<Input>.Continuation
    private let inputs: AsyncStream<Input>
    /// The addresses at which peers can dial this host.
    nonisolated let addresses: @Sendable () async -> [PeerAddress]
    /// Stops other jobs that seed content at a path, because other content replaces it.
    nonisolated let vacate: @Sendable (String) async -> Void

    private var main: Task<Void, Never>?
    var runner: JobRunner?
    var gate = PublishGate()
    var torrent: Torrent?
    /// SHA-1 of each file, in the job's order; empty where its sender said none, nil before it was asked.
    var digests: [SHA1Digest]?
    var fetch: Task<Void, Never>?
    var mayReceive = false
    /// The rate limit with which the `JobRunner` was started.
    var rate: Int64?
    /// See ``Fleet/SyncReply/shares``.
    private var share: Int64?
    var lastReceived: Int64 = 0
    var lastByte: Double
    var isAnnouncing = false
    /// Time of the next announce, in seconds of the monotonic clock.
    var nextAnnounce = 0.0
    /// Number of announces in the current transfer.
    var announces = 0
    private var hookTask: Task<Void, Never>?
    private var isStopped = false
    /// Whether the moment to switch is slept through.
    var isWaking = false

    init(
        _ file: TargetFile, placement: AgentPolicy.Placement, context: AgentContext,
        addresses: @escaping @Sendable () async -> [PeerAddress], vacate: @escaping @Sendable (String) async -> Void
    ) {
        self.addresses = addresses
        self.file = file
        self.placement = placement
        self.context = context
        self.vacate = vacate
        job = file.now.job
        board = TargetBoard()
        lastByte = context.clock.now.uptime
        (inputs, inbox) = AsyncStream.makeStream()
    }

    var record: TargetRecord { file.now }

    /// Of what comes from outside this host's site, in bytes a second. Until control has said how many share the site's line,
    /// it is taken that they are a few.
    var outsideLimit: Int? {
        guard let limit = placement.terms.limits.site else { return nil }
        return Int(clamping: share ?? max(1, limit / 8))
    }

    nonisolated func tell(_ event: TargetLife.Event) { inbox.yield(.life(event)) }

    /// Returns when the event has been stored and its actions have been started.
    /// - Returns: false if the event was not handled, and has to come again.
    nonisolated func obey(_ event: TargetLife.Event) async -> Bool {
        await withCheckedContinuation { continuation in
            if case .enqueued = inbox.yield(.order(event, continuation)) { return }
            continuation.resume(returning: false)
        }
    }

    // MARK: Life

    /// - Parameter isNew: false for a job of an earlier run of the agent.
    func start(isNew: Bool) {
        guard main == nil, !isStopped else { return }
        if !isNew { inbox.yield(.life(.resumed)) }
        main = Task { await run(isNew: isNew) }
    }

    /// Stops everything. Data on the disk is kept for the next run of the agent. A running hook is not interrupted.
    func stop() async {
        isStopped = true
        inbox.finish()
        fetch?.cancel()
        await main?.value
        await stopEngine()
    }

    private func run(isNew: Bool) async {
        if !isNew { await recover() }
        for await input in inputs {
            if isStopped {
                if case .order(_, let continuation) = input { continuation.resume(returning: false) }
                continue
            }
            await handle(input)
        }
    }

    private func handle(_ input: Input) async {
        switch input {
        case .life(let event): await happened(event)
        case .order(let event, let continuation):
            if event == .order(.cancel) || event == .order(.end), !(await finishPublication()) {
                return continuation.resume(returning: false)
            }
            await happened(event) { continuation.resume(returning: true) }
        case .turn(let mayReceive, let reason): await turn(mayReceive, reason)
        case .share(let share):
            guard share != self.share else { return }
            self.share = share
            await runner?.setOutsideLimit(outsideLimit)
        case .torrent(let torrent):
            self.torrent = torrent
            // Also where it may not receive now: a paused job that goes on asks whether something is fetched.
            fetch = nil
            if record.life.wantsTurn, mayReceive { await beginReceiving() }
        case .sums(let sums): await arrived(sums)
        case .wrong(let code, let reason): await isWrong(code, reason)
        case .engine(let event): await heard(event)
        case .cached: await happened(.arrived)
        case .peers(let reply): await heard(reply)
        case .tick: await look()
        case .moment:
            isWaking = false
            await wakeAtMoment()
        }
    }

    /// Handles an event of the job's life.
    /// - Parameter stored: called when the event is durable, before what follows from it is done, which may take long.
    func happened(_ event: TargetLife.Event, stored: () -> Void = {}) async {
        let now = await context.controlTime
        let wall = context.clock.now.wall.seconds
        let before = record.life
        var after = before
        let actions = after.handle(event, at: now)
        do throws(FileFailure) {
            if after != before {
                // Only this actor changes the life.
                try await file.changing { [after] record in
                    record.life = after
                    record.stamp(from: before, at: wall)
                }
            }
        } catch {
            // A change that is not durable must not be reported or carried out.
            context.logger.error(
                "the record of a job cannot be written", metadata: ["job": "\(job)", "reason": "\(error)"])
            let (inbox, clock) = (inbox, context.clock)
            Task {
                await clock.sleep(seconds: 5)
                inbox.yield(.life(event))
            }
            return stored()
        }
        stored()
        for action in actions { await carryOut(action) }
        if after.due != nil, after.due != before.due { await wakeAtMoment() }
    }

    /// The job is about to end. Content that is being put in place at this moment counts as published first, so that what is told of the
    /// end agrees with what is there; otherwise it is not published any more.
    /// - Returns: false if the content is in place and that could not be stored: the job must not end until it is.
    private func finishPublication() async -> Bool {
        guard record.life.stage == .delivered, !record.life.isVisible, placement.terms.publish == .replace,
            record.restores == nil, let runner, await runner.withdraw()
        else { return true }
        await heard(.complete)
        return record.life.isVisible
    }

    private func carryOut(_ action: TargetLife.Action) async {
        switch action {
        case .report(let report): await say(report)
        case .publish: await publish()
        case .startHook(let attempt): await startHook(attempt)
        case .stop: await stopEngine()
        case .discard:
            await stopEngine()
            let (places, isVisible) = (places, record.life.isVisible)
            await places?.discard(keepsVersion: isVisible, context.publications)
        case .keep:
            await stopEngine()
            if let places { await noteInLibrary(at: places.complete) }
        case .close: await close()
        }
    }

    private func close() async {
        await stopEngine()
        guard let places else { return }
        // Published content stays. Only the transfer's own files are deleted.
        let tree = OwnTree(path: places.staging)
        let own = job
        await places.discardCopies(context.publications)
        await Threads.offload { tree.remove("\(tree.path)/\(own)") }
    }

    // MARK: Reports

    private func say(_ report: JobMachine.Report) async {
        var receipt: String?
        switch report {
        case .done, .hookUnknown, .failed, .refused, .cancelled: receipt = await makeReceipt()
        default: break
        }
        let record = record
        var detail = record.detail
        if case .waiting = report { detail = nil }
        do throws(LinkRefusal) {
            try await context.link.report(
                AgentReport(
                    job: job, attempt: record.life.attempt, time: context.clock.now.wall.seconds, report: report,
                    detail: detail, receipt: receipt, sources: board.now.sources))
        } catch {
            context.logger.error("an event is not kept", metadata: ["job": "\(job)", "reason": "\(error.text)"])
            return sayAgainLater()
        }
        if receipt != nil, self.record.owesReceipt { try? await file.changing { $0.owesReceipt = false } }
        context.logger.info(
            "job", metadata: ["job": "\(job)", "state": "\(report.name)", "code": "\(report.code ?? "")"])
    }

    private func sayAgainLater() {
        let (inbox, clock) = (inbox, context.clock)
        Task {
            await clock.sleep(seconds: 5)
            inbox.yield(.life(.resumed))
        }
    }

    /// The receipt of the current attempt. A repeated report has the same receipt.
    private func makeReceipt() async -> String? {
        if let receipt = record.receipt { return receipt }
        let difference = await context.link.difference
        let payload = Receipt.payload(
            of: record, node: context.link.node, path: record.life.isVisible ? places?.visible : nil,
            ahead: difference.seconds,
            efficiency: board.efficiency)
        guard let signed = try? await context.link.sign(payload) else { return nil }
        try? await file.changing { ($0.receipt, $0.owesReceipt) = (signed, true) }
        return signed
    }

    // MARK: The hook

    private func startHook(_ attempt: Int64) async {
        guard hookTask == nil else { return }
        let directory = HookDirectory(context.places.hook(job, attempt: attempt))
        // The agent's file does not have it any more. An earlier run of the agent may have started it.
        guard let order = placement.hook else { return followHook(retry: []) { directory.withdraw() } }
        let record = record
        let hook = HookSpecification(
            order, path: places?.visible ?? "", job: job, className: record.offer.className,
            version: record.offer.classVersion)
        let waiter = context.settings.waiter
        let retry = order.settings.retry
        // Stored before the hook starts, so that the next run of the agent finds it.
        let problem = await Threads.offload { () -> FileFailure? in
            do throws(FileFailure) { try directory.prepare(hook) } catch { return error }
            return nil
        }
        if let problem {
            try? await file.changing { $0.detail = problem.description }
            return await happened(.hookEnded(.notStarted, retry: []))
        }
        try? await file.changing { $0.hook = TargetRecord.HookState(attempt: attempt, boot: BootID.now, ending: nil) }
        followHook(retry: retry) { directory.run(by: waiter) }
    }

    /// - Parameter run: returns when the hook has ended. Blocks.
    private func followHook(retry: [Int], _ run: @escaping @Sendable () -> HookEnding) {
        hookTask = Task { [inbox, weak self] in
            let ending = await Threads.offload(name: "hook", run)
            await self?.hookIsOver(ending)
            inbox.yield(.life(.hookEnded(ending, retry: retry)))
        }
    }

    private func hookIsOver(_ ending: HookEnding) async {
        hookTask = nil
        let isGone = placement.hook == nil && ending == .notStarted
        try? await file.changing {
            $0.hook?.ending = ending
            if isGone { $0.detail = "the hook is not in the agent's file any more" }
        }
    }

    /// Continues what an earlier run of the agent has left unfinished.
    private func recover() async {
        let record = record
        await loadTorrent()
        switch record.life.stage {
        case .hook: await startHook(record.life.attempt)
        case .receiving, .delivered:
            if record.restores == nil, record.engineState == .serving { await heard(.complete) }
        case .switched, .ended: break
        }
        await serveAgain()
    }
}

extension TargetRecord {
    /// Sets the times of the transitions, by this host's clock.
    mutating func stamp(from before: TargetLife, at now: Double) {
        if life.attempt != before.attempt { (receipt, owesReceipt, detail, ended) = (nil, false, nil, nil) }
        guard life.stage != before.stage || life.hasBegun != before.hasBegun else { return }
        if life.hasBegun, began == nil { began = now }
        if life.hasContent, delivered == nil { delivered = now }
        if life.isVisible, switched == nil { switched = now }
        if life.stage == .hook, before.stage != .hook { hookStarted = now }
        if life.stage == .ended, before.stage != .ended { ended = now }
    }
}
