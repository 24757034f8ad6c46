import Delivery
import Logging
import Metainfo
import Swarm
import Synchronization
import Threads

/// Runs one task that is received, from its first byte to the end of seeding. A `DeliveryMachine` decides what to do
/// next; this actor carries it out, one event after the other, and reports the results.
actor ReceiveRunner {
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

    /// Notifications for the node.
    struct Hooks: Sendable {
        /// The task no longer needs its place in the queue.
        var placeIsFree: @Sendable (String) async -> Void
        /// The task has ended; the last call.
        var ended: @Sendable (String) async -> Void
    }

    let name: String
    nonisolated let context: NodeContext
    nonisolated let board = ReceiveBoard()
    let torrents: TaskTorrents
    let hooks: Hooks
    let publications: Turns
    let checks: Turns
    nonisolated let incoming: String
    nonisolated let work: String
    var task: TaskFile
    var state: TaskState
    var machine: DeliveryMachine
    var fetching: Fetching?
    var verified: VerifiedFiles
    var seed: Transfer?
    var children: [Task<Void, Never>] = []
    var figures = DeliveryFigures()
    /// Files whose completion was reported to the machine.
    var reported: Set<Int> = []
    var lastProbe = PerMethod<Double>(repeating: -1e9)
    var troubles = PerMethod<SourceTrouble?>(repeating: nil)
    var diskRetry: DiskRetry
    private(set) var isStopped = false
    var hasEnded = false
    private let inputs: AsyncStream<Input>
    nonisolated let feed: AsyncStream<Input>.Continuation
    private var main: Task<Void, Never>?

    init(
        name: String, task: TaskFile, torrents: TaskTorrents, state: TaskState, context: NodeContext,
        publications: Turns, checks: Turns, hooks: Hooks
    ) {
        self.name = name
        self.task = task
        self.torrents = torrents
        self.state = state
        self.context = context
        self.publications = publications
        self.checks = checks
        self.hooks = hooks
        incoming = context.places.incoming(task)
        work = context.places.work(task)
        verified = VerifiedFiles(path: work + "/verified")
        diskRetry = DiskRetry(context.tunables.diskRetry)
        var plan = DeliveryPlan(task: task, configuration: context.configuration)
        plan.settings = context.tunables.delivery
        plan.settings.sourceTimeout = Double(context.configuration.sourceTimeout)
        let served = TaskTorrents.map(torrents.served, task)
        // Empty files are in no piece: a method that has them in its share creates them.
        plan.torrentFiles = Set(served.keys).union(plan.torrentFiles.filter { task.fileList[$0].size == 0 })
        machine = DeliveryMachine(plan: plan, clock: context.clock.calendar)
        (inputs, feed) = AsyncStream.makeStream(of: Input.self, bufferingPolicy: .unbounded)
    }

    // MARK: From outside

    func start() {
        guard main == nil, !isStopped else { return }
        main = Task { await run() }
    }

    /// Stops everything, and returns when that is done. The task file and the received data stay where they are.
    func stop() async {
        isStopped = true
        feed.finish()
        await main?.value
    }

    /// Starts seeding again for the whole seed time.
    nonisolated func extend() { feed.yield(.extend) }

    /// The entry of showschedules; nil when the task has been fetched.
    func schedule() -> ScheduledTask? {
        guard machine.phase == .fetching else { return nil }
        return ScheduledTask(task: task, configuration: context.configuration, machine: machine)
    }

    // MARK: Life

    private func run() async {
        showTask()
        let ticker = Task { [feed, context] in
            while !Task.isCancelled {
                feed.yield(.tick)
                await context.clock.sleep(seconds: context.tunables.tick)
            }
        }
        await begin()
        for await input in inputs {
            if isStopped || hasEnded { break }
            await handle(input)
            if hasEnded { break }
        }
        ticker.cancel()
        for child in children { child.cancel() }
        saveReceived()
        await stopTransfers()
        board.update { $0.isSeeding = false }
        if hasEnded { await hooks.ended(name) }
    }

    /// Determines how far the task had come, and continues from there.
    private func begin() async {
        let standing = await Threads.offload { [publication] in publication?.standing() ?? .unchecked }
        if state == .downloaded || standing == .published {
            if state == .downloading {
                // The process may have ended right after the move: the marker, and removal of earlier content, are
                // still missing.
                let problem = await Threads.offload { [publication] () -> String? in
                    do throws(FileFailure) {
                        try publication?.publish()
                        return nil
                    } catch {
                        return error.description
                    }
                }
                if let problem {
                    context.log(.error, "content cannot be published", task: name, ["reason": "\(problem)"])
                }
                await noteInLibrary()
                await afterPublication()
            }
            return await beginService()
        }
        if context.places.role == .cacher, let begun = servedSince {
            machine = DeliveryMachine(
                plan: machine.plan, clock: context.clock.calendar, seedingUntil: begun + Double(machine.plan.seedTime))
            await serve()
            return
        }
        if task.receiveTime.isEmpty {
            task.receiveTime = context.clock.text
            save()
        }
        let entries = task
        let still = await Threads.offload { [verified, incoming] in
            verified.stillRight(entries) { Self.place(of: $0, entries, incoming: incoming) }
        }
        machine = DeliveryMachine(plan: machine.plan, clock: context.clock.calendar, verified: still)
        await apply(machine.start(at: context.clock.now))
        showFigures(sources: [])
    }

    private func handle(_ input: Input) async {
        let now = context.clock.now
        switch input {
        case .tick:
            await look()
            await apply(machine.tick(at: now))
            if state == .downloaded { await watchService() }
        case .fileComplete(let file): await apply(machine.fileComplete(file, at: now))
        case .copied(let file, true):
            context.metrics.add(task.fileList[file].size, to: .bytesFromLibrary)
            await apply(machine.fileComplete(file, at: now))
        case .copied(let file, false):
            var local = Set(task.fileList.indices.filter { task.localSameFiles.contains(task.fileList[$0].path) })
            local.remove(file)
            task.setLocalSameFiles(local)
            save()
            await apply(machine.copyFailed(file, at: now))
        case .verified(let file, let isRight):
            if isRight {
                let (entry, incoming, task) = (task.fileList[file], incoming, task)
                verified.note(file, at: Self.place(of: entry, task, incoming: incoming))
            } else {
                context.metrics.add(to: .verifyFailures)
                context.log(
                    .warning, "file is not what its hash says", task: name, ["file": "\(task.fileList[file].file)"])
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
            context.log(.warning, "transfer interrupted", task: name, ["reason": "\(text)"])
        case .extend:
            // The seed time counts from now; a restart must know it.
            task.finishedTime = context.clock.text
            save()
            await apply(machine.extendSeeding(at: now))
        }
    }

    // MARK: Where things are

    static func place(of entry: TaskFileEntry, _ task: TaskFile, incoming: String) -> String {
        task.type == .file ? incoming : "\(incoming)/\(entry.file)"
    }

    /// Nil on a cacher, which keeps nothing.
    nonisolated static func publication(_ task: TaskFile, _ context: NodeContext) -> Publication? {
        guard let final = context.places.final(task), let marker = context.places.marker(task) else { return nil }
        return Publication(
            incoming: context.places.incoming(task), final: final, marker: marker,
            record: context.places.work(task) + "/checked", staging: context.places.staging,
            machine: context.places.machine == .hwecs ? .mountedBucket : .local)
    }

    var publication: Publication? { Self.publication(task, context) }

    /// Start of seeding; nil before.
    var servedSince: Instant? { context.clock.calendar.instant(of: task.finishedTime) }

    func save() {
        board.set(task)
        do throws(FileFailure) { try context.directories.write(task.encode(), .receiver, state, name) } catch {
            context.log(.error, "task file cannot be written", task: name, ["reason": "\(error)"])
        }
    }

    func move(to next: TaskState) -> Bool {
        do throws(FileFailure) { try context.directories.move(name, .receiver, from: state, to: next) } catch {
            context.log(.error, "task file cannot be moved", task: name, ["reason": "\(error)"])
            return false
        }
        state = next
        return true
    }

    func stopTransfers() async {
        await settleTransfers()
        await seed?.stop()
        seed = nil
    }

    /// Ends the transfers. The bytes they received still count.
    func settleTransfers() async {
        guard let fetching else { return }
        figures.transfersEnded(Self.received(in: await sources()))
        self.fetching = nil
        await fetching.stop()
    }
}
