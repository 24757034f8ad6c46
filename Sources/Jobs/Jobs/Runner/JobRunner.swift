import Address
import Logging
import Metainfo
import Policy
import Swarm
import Threads

/// One job, from its first byte to the end of its service. What to do next is a `DeliveryMachine`'s to say; this carries
/// it out, one event after the other, and tells the machine what came of it.
package actor JobRunner {
    enum Input: Sendable {
        case tick
        case fileComplete(Int)
        case copied(Int, Bool)
        case verified(Int, isRight: Bool)
        case probed(DeliveryMethod, SourceTrouble?)
        case published(String?)
        case transferFailed(String)
        case extend
    }

    nonisolated let job: Job
    nonisolated let host: JobHost
    nonisolated let store: any JobStore
    nonisolated let hooks: JobHooks
    nonisolated let board: JobBoard
    var record: JobRecord
    var state: JobState
    var machine: DeliveryMachine
    var fetching: Fetching?
    private(set) var outsideLimit: Int?
    var checked: CheckRecord
    var seed: Transfer?
    package nonisolated let children = ChildTasks()
    /// The step that puts the content at its final place, once it has begun.
    private var step: Task<String?, Never>?
    /// Whether that step must not begin any more.
    private var isWithdrawn = false
    nonisolated let interruption = Interruption()
    var figures = DeliveryFigures()
    /// Of transfers that have ended.
    var earlierFromSite: Int64 = 0
    /// Files whose completion the machine has heard of.
    var reported: Set<Int> = []
    /// What each method complains of.
    var troubles = PerMethod<SourceTrouble?>(repeating: nil)
    var diskRetry: DiskRetry
    package private(set) var isStopped = false
    var hasEnded = false
    nonisolated let feed = RunnerFeed<Input>()
    private var main: Task<Void, Never>?

    /// - Parameters:
    ///   - record: as the store has it.
    ///   - state: as the store has it: `receiving` or `serving`.
    package init(
        job: Job, record: JobRecord, state: JobState, host: JobHost, store: any JobStore, hooks: JobHooks
    ) {
        self.job = job
        self.record = record
        self.state = state
        self.host = host
        self.store = store
        self.hooks = hooks
        // Whoever asks before the runner has begun is told all of the truth too: what is still to come, or all that came.
        figures.begin(sizes: job.shares(besides: record.local), isComplete: state == .serving)
        var status = JobStatus(
            name: job.name, state: state, record: record, totalBytes: job.totalSize,
            localBytes: job.size(of: record.local))
        (status.received, status.pending) = (figures.received, figures.pending)
        board = JobBoard(status)
        checked = CheckRecord(path: job.places.checkRecord)
        diskRetry = DiskRetry(host.settings.diskRetry)
        machine = DeliveryMachine(plan: job.plan, clock: host.clock.calendar)
    }

    // MARK: From outside

    package func start() {
        guard main == nil, !isStopped else { return }
        main = Task { await run() }
    }

    /// Stops everything and returns when it has; the record and what came so far stay where they are. A publication that has
    /// begun is finished and recorded before this returns, and none begins afterwards.
    package func stop() async {
        isStopped = true
        interruption.set()
        feed.finish()
        await main?.value
    }

    /// Forbids the publication of content, for a job that is about to be ended.
    /// - Returns: whether the content is at its final place: publication had begun, and has now ended well.
    package func withdraw() async -> Bool {
        guard state == .receiving else { return state == .serving }
        isWithdrawn = true
        interruption.set()
        guard let step else { return false }
        return await step.value == nil
    }

    /// The service begins anew, for the whole seed time.
    package nonisolated func extend() { feed.yield(.extend) }

    /// Peers that were heard of elsewhere than from trackers.
    package func addPeers(_ addresses: [PeerAddress]) async {
        await fetching?.peers?.transfer.addPeers(addresses)
        await seed?.addPeers(addresses)
    }

    /// Changes what comes from outside this host's site, in bytes per second; nil for no limit.
    package func setOutsideLimit(_ rate: Int?) async {
        outsideLimit = rate
        await fetching?.setOutsideLimit(rate)
    }

    /// How the job stands now. Waits for nothing.
    package nonisolated var status: JobStatus { board.now }

    /// What is decided of it, while it is fetched; nil afterwards.
    package func schedule() -> DeliveryMachine? { machine.phase == .fetching ? machine : nil }

    // MARK: Life

    private func run() async {
        await begin()
        await feed.run(tick: .tick, every: host.settings.tick, clock: host.clock) { input in
            if isStopped || hasEnded { return false }
            await handle(input)
            return !hasEnded
        }
        await finishStep()
        children.cancel()
        await saveReceived()
        await stopTransfers()
        board.update { $0.isSeeding = false }
        if hasEnded { await hooks.ended(job.name) }
    }

    /// Begins the step that puts the content at its final place, and returns when it has ended.
    /// - Returns: nil if the job was stopped before.
    func takeStep(_ body: @escaping @Sendable () async -> String?) async -> PublicationEnd? {
        if isStopped || isWithdrawn || hasEnded { return nil }
        let step = Task { await body() }
        self.step = step
        let problem = await step.value
        // A copy into a mounted bucket that was interrupted is no failure of the job.
        if problem != nil, interruption.isSet { return nil }
        return PublicationEnd(problem: problem)
    }

    /// The job was stopped. If its content is being published now, that is finished first, and recorded.
    private func finishStep() async {
        guard isStopped, !hasEnded, let step, await step.value == nil, state == .receiving else { return }
        await noteInLibrary()
        await afterPublication()
    }

    /// Finds out how far it had come, and begins from there.
    private func begin() async {
        let publication = job.places.publication
        let standing = await Threads.offload { publication?.standing() ?? .unchecked }
        if state == .serving || standing == .published {
            if state == .receiving {
                // It may have ended right after the step: the marker and what was there before are still to be seen to.
                if let publication, let problem = await host.finish(publication) {
                    host.log(.error, "content cannot be published", job.name, ["reason": "\(problem)"])
                }
                await noteInLibrary()
                await afterPublication()
            }
            return await beginService()
        }
        if !machine.plan.keepsContent, let begun = record.completed {
            machine = DeliveryMachine(
                plan: machine.plan, clock: host.clock.calendar, seedingUntil: begun + Double(machine.plan.seedTime))
            await serve()
            // It only gives now: the next job may receive.
            await hooks.placeIsFree(job.name)
            return
        }
        if record.began == nil {
            record.began = host.clock.now.wall
            await save()
        }
        let still = await Threads.offload { [checked, job] in checked.stillRight(job) }
        machine = DeliveryMachine(plan: machine.plan, clock: host.clock.calendar, verified: still)
        await apply(machine.start(at: host.clock.now))
        showFigures(sources: [])
    }

    private func handle(_ input: Input) async {
        let now = host.clock.now
        switch input {
        case .tick:
            await look()
            await apply(machine.tick(at: now))
            if state == .serving { await watchService() }
        case .fileComplete(let file): await apply(machine.fileComplete(file, at: now))
        case .copied(let file, true):
            hooks.count(.copied, job.files[file].size)
            await apply(machine.fileComplete(file, at: now))
        case .copied(let file, false):
            record.local.remove(file)
            await save()
            await apply(machine.copyFailed(file, at: now))
        case .verified(let file, let isRight):
            if isRight {
                checked.note(file, at: job.path(of: file, in: job.places.incoming))
            } else {
                hooks.count(.wrongFile, 1)
                host.log(.warning, "file is not what its hash says", job.name, ["file": "\(job.files[file].path)"])
            }
            await apply(machine.verified(file, isRight: isRight, at: now))
        case .probed(let method, let trouble):
            troubles[method] = trouble
            await apply(machine.probed(method, trouble: trouble, at: now))
        case .published(nil):
            await noteInLibrary()
            await afterPublication()
            await apply(machine.published(at: now))
        case .published(let problem?): await apply(machine.publishFailed(problem))
        case .transferFailed(let text):
            diskRetry.failed(text, at: now.uptime)
            host.log(.warning, "transfer interrupted", job.name, ["reason": "\(text)"])
        case .extend:
            // While the content is fetched, all of the service is still to come.
            guard case .seeding = machine.phase else { break }
            // Counted from now; a restart must know it.
            record.completed = now.wall
            await save()
            await apply(machine.extendSeeding(at: now))
        }
    }

    // MARK: The record

    func save() async {
        board.update { [record] in
            $0.record = record
            $0.localBytes = job.size(of: record.local)
        }
        do throws(FileFailure) {
            try await Threads.offload { [store, job, record, state] () throws(FileFailure) in
                try store.save(record, of: job.name, in: state)
            }
        } catch {
            host.log(.error, "record of the job cannot be written", job.name, ["reason": "\(error)"])
        }
    }

    func move(to next: JobState) async -> Bool {
        do throws(FileFailure) {
            try await Threads.offload { [store, job, state] () throws(FileFailure) in
                try store.move(job.name, from: state, to: next)
            }
        } catch {
            host.log(.error, "job cannot change its state", job.name, ["reason": "\(error)"])
            return false
        }
        enter(next)
        return true
    }

    func enter(_ next: JobState) {
        state = next
        board.update { $0.state = next }
    }

    func stopTransfers() async {
        await endTransfers()
        await seed?.stop()
        seed = nil
    }

    /// Ends the transfers; what they brought still counts.
    func endTransfers() async {
        guard let fetching else { return }
        figures.transfersEnded(Self.received(in: await sources()), most: mostBytes)
        earlierFromSite = board.now.receivedFromSite
        self.fetching = nil
        await fetching.stop()
    }
}

extension JobHost {
    /// Sees to what is left of a step that a crash came right after. Another job may be publishing content of that name.
    /// - Returns: for a person; nil if nothing is left.
    fileprivate func finish(_ publication: Publication) async -> String? {
        await publications.run(publication.final) {
            await Threads.offload { () -> String? in
                // Meanwhile the other job's content may have taken the place.
                guard publication.standing() == .published else { return nil }
                do throws(FileFailure) {
                    try publication.publish()
                    return nil
                } catch {
                    return error.description
                }
            }
        }
    }
}

/// How the step ended that puts content at its final place.
struct PublicationEnd: Sendable {
    /// For a person; nil if the content is there.
    let problem: String?
}
