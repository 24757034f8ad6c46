import BFT
import Jobs
import Logging
import Metainfo
import Policy
import Swarm
import Threads

/// Runs one task that is sent, from its place in the queue to the end of seeding. A `SendMachine` decides what to do
/// next; this actor carries it out, one event after the other, and reports the results.
actor SendRunner {
    private enum Input: Sendable {
        case tick
        case fetched(String?)
        case seeding(Bool, failure: String?)
        case storeHolds(Int64)
        case uploadFailed(StoreProblem)
        case probed(String?)
    }

    let name: String
    nonisolated let context: NodeContext
    private let hooks: JobHooks
    private(set) var task: TaskFile
    private(set) var state: TaskState
    private var machine: SendMachine
    private var seed: Transfer?
    private var upload: Task<Void, Never>?
    private var children: [Task<Void, Never>] = []
    private var isStopped = false
    private var hasEnded = false
    private let inputs: AsyncStream<Input>
    private nonisolated let feed: AsyncStream<Input>.Continuation
    private var main: Task<Void, Never>?

    init(name: String, task: TaskFile, state: TaskState, context: NodeContext, hooks: JobHooks) {
        self.name = name
        self.task = task
        self.state = state
        self.context = context
        self.hooks = hooks
        var plan = SendPlan(task: task, configuration: context.configuration)
        // A share without a whole file counts as no share.
        let used = task.usedMethods
        plan.usesTorrent = used.contains(.bt)
        plan.usesStore = used.contains(.obs)
        plan.usesCDN = used.contains(.cdn)
        plan.uploads = plan.uploads && plan.usesStore
        plan.settings = context.tunables.sending
        let end = state == .uploaded ? Self.serviceEnd(name, task, context) : nil
        machine = SendMachine(plan: plan, clock: context.clock.calendar, serviceEnd: end)
        (inputs, feed) = AsyncStream.makeStream(of: Input.self, bufferingPolicy: .unbounded)
    }

    // MARK: From outside

    func start() {
        guard main == nil, !isStopped else { return }
        main = Task { await run() }
    }

    /// Stops everything, and returns when that is done. The task file stays where it is.
    func stop() async {
        isStopped = true
        feed.finish()
        await main?.value
    }

    var figures: UploadFigures {
        UploadFigures(
            state: SenderState(rawValue: state.rawValue) ?? .uploading,
            taskPath: context.directories.path(.sender, state, name), machine: machine)
    }

    /// Whether the torrent is being seeded.
    var isSeeding: Bool { machine.isSeeding }

    // MARK: Life

    private func run() async {
        if task.sendTime.isEmpty {
            task.sendTime = context.clock.text
            save()
        }
        let ticker = Task { [feed, context] in
            while !Task.isCancelled {
                feed.yield(.tick)
                await context.clock.sleep(seconds: context.tunables.tick)
            }
        }
        for await input in inputs {
            if isStopped || hasEnded { break }
            await handle(input)
            if hasEnded { break }
        }
        ticker.cancel()
        upload?.cancel()
        for child in children { child.cancel() }
        await seed?.stop()
        await upload?.value
        seed = nil
        if hasEnded { await hooks.ended(name) }
    }

    private func handle(_ input: Input) async {
        let now = context.clock.now
        switch input {
        case .tick: await apply(machine.tick(at: now))
        case .fetched(let problem): await apply(machine.fetched(failure: problem, at: now))
        case .seeding(let isOn, let failure): await apply(machine.seeding(isOn, failure: failure, at: now))
        case .storeHolds(let bytes): await apply(machine.storeHolds(bytes, at: now))
        case .uploadFailed(let problem):
            context.log(.notice, "upload interrupted", task: name, ["reason": "\(problem)"])
            await apply(machine.uploadFailed(problem.description, isFinal: !problem.isTransient, at: now))
        case .probed(let trouble):
            if let trouble {
                context.log(.notice, "content not available over HTTP", task: name, ["reason": "\(trouble)"])
            }
            await apply(machine.cdnProbed(trouble: trouble, at: now))
        }
    }

    private func apply(_ actions: [SendAction]) async {
        for action in actions {
            if hasEnded || isStopped { return }
            switch action {
            case .fetchContent: fetchContent()
            case .setSeeding(let isOn): await setSeeding(isOn)
            case .setUploading(let isOn): setUploading(isOn)
            case .checkStore: checkStore()
            case .probeCDN:
                let probe = ContentProbe(task: task, transport: context.transport)
                children.append(Task { [feed] in feed.yield(.probed(await probe.run())) })
            case .moveToUploaded:
                guard state == .uploading else { break }
                saveServiceEnd()
                _ = move(to: .uploaded)
                context.metrics.add(to: .sendsFinished)
                await hooks.placeIsFree(name)
            case .ready:
                context.log(.info, "task ready", task: name)
                context.notify("ready", task: name, path: context.directories.path(.sender, state, name))
            case .finish:
                _ = move(to: .history)
                PathFiles.removeFile(Self.serviceEndPath(name, context))
                context.notify("finished", task: name, path: context.directories.path(.sender, state, name))
                context.log(.info, "task served to its end", task: name)
                hasEnded = true
            case .fail(let failure): fail(failure)
            }
        }
    }

    // MARK: Seeding

    /// The path of a task's content on this node. The path in the task is untrusted: it is used only if it is below
    /// BASE and belongs to this content.
    nonisolated static func contentPath(of task: TaskFile, _ paths: NodePaths) -> String {
        let local = task.bt.localTorrent
        guard local.hasSuffix("/\(task.name).torrent"), paths.belowBase(local) != nil else {
            return paths.stored(task.subdirectory, task.name) ?? "\(paths.base)/\(task.name)"
        }
        return String(local.dropLast(".torrent".count))
    }

    /// The torrent that receivers of this task use.
    nonisolated static func servedTorrent(of task: TaskFile, _ paths: NodePaths) -> String {
        task.needsTmpTorrent
            ? paths.tmpTorrent(task.subdirectory, task.name)
            : paths.torrent(ofContent: contentPath(of: task, paths))
    }

    private func setSeeding(_ isOn: Bool) async {
        if let seed {
            await seed.setSeeding(isOn)
            feed.yield(.seeding(isOn, failure: nil))
            return
        }
        guard isOn else { return }
        let path = Self.servedTorrent(of: task, context.paths)
        do {
            let bytes = try await Threads.offload { () throws(FileFailure) in try PathFiles.read(path, limit: 64 << 20)
            }
            let torrent = try Torrent.parse(bytes)
            var options = context.transferOptions
            options.fast = true
            let transfer = try await context.swarm.seed(
                torrent: torrent, path: Self.contentPath(of: task, context.paths), options: options)
            seed = transfer
            children.append(
                Task { [feed, name, context] in
                    for await event in transfer.events {
                        switch event {
                        case .complete: feed.yield(.seeding(true, failure: nil))
                        case .failed(let error): feed.yield(.seeding(false, failure: error.description))
                        case .warning(let text):
                            context.log(.notice, "seeding warning", task: name, ["warning": "\(text)"])
                        default: break
                        }
                    }
                })
        } catch {
            feed.yield(.seeding(false, failure: "the torrent \(path) cannot be served: \(error)"))
        }
    }

    // MARK: The object store

    private var content: String { Self.contentPath(of: task, context.paths) }

    private func setUploading(_ isOn: Bool) {
        upload?.cancel()
        guard isOn else { return }
        let (job, before) = (StoreUpload(task: task, content: content, context: context), upload)
        upload = Task { [feed] in
            await before?.value
            switch await job.run(progress: { bytes in feed.yield(.storeHolds(bytes)) }) {
            case .complete: feed.yield(.storeHolds(job.task.totalSize))
            case .stopped: break
            case .failed(let problem): feed.yield(.uploadFailed(problem))
            }
        }
    }

    /// For content that others put into the bucket.
    private func checkStore() {
        let job = StoreUpload(task: task, content: content, context: context)
        children.append(
            Task { [feed] in
                switch await job.storedBytes() {
                case .success(let bytes): feed.yield(.storeHolds(bytes))
                case .failure(let problem): feed.yield(.uploadFailed(problem))
                }
            })
    }

    /// For content whose source is the bucket: fetches missing files within the store's window, and retries.
    private func fetchContent() {
        let job = StoreFetch(task: task, content: content, context: context)
        let window = task.windows(configuration: context.configuration).obs
        let context = context
        children.append(
            Task { [feed] in
                var failures = 0
                while !Task.isCancelled {
                    guard window.isOpen(at: context.clock.now.wall, clock: context.clock.calendar) else {
                        await context.clock.sleep(seconds: context.tunables.tick)
                        continue
                    }
                    let attempt = Task { await job.run() }
                    let guardian = Task {
                        while !Task.isCancelled,
                            window.isOpen(at: context.clock.now.wall, clock: context.clock.calendar)
                        {
                            await context.clock.sleep(seconds: context.tunables.tick)
                        }
                        attempt.cancel()
                    }
                    let outcome = await withTaskCancellationHandler {
                        await attempt.value
                    } onCancel: {
                        attempt.cancel()
                    }
                    guardian.cancel()
                    switch outcome {
                    case .complete:
                        _ = feed.yield(.fetched(nil))
                        return
                    case .stopped: continue
                    case .failed(let problem) where !problem.isTransient:
                        _ = feed.yield(.fetched(problem.description))
                        return
                    case .failed:
                        let delay = context.tunables.sending.uploadRetry.delay(after: failures)
                        failures += 1
                        await context.clock.sleep(seconds: delay)
                    }
                }
            })
    }

    // MARK: The task file

    private func save() {
        do throws(FileFailure) { try context.directories.write(task.encode(), .sender, state, name) } catch {
            context.log(.error, "task file cannot be written", task: name, ["reason": "\(error)"])
        }
    }

    private func move(to next: TaskState) -> Bool {
        do throws(FileFailure) { try context.directories.move(name, .sender, from: state, to: next) } catch {
            context.log(.error, "task file cannot be moved", task: name, ["reason": "\(error)"])
            return false
        }
        state = next
        return true
    }

    private func fail(_ failure: SendFailure) {
        context.log(
            .error, "task failed", task: name, ["method": "\(failure.method.rawValue)", "reason": "\(failure.reason)"])
        context.metrics.add(to: .sendsFailed)
        do throws(FileFailure) {
            try context.directories.fail(
                name, .sender, from: state, details: failure.reason,
                suffix: TaskDirectories.errorSuffix(failure.method.rawValue))
            state = .failed
        } catch {
            context.log(.error, "task file cannot be moved", task: name, ["reason": "\(error)"])
        }
        context.notify(
            "failed", task: name, path: context.directories.path(.sender, state, name), details: failure.reason)
        hasEnded = true
    }

    // MARK: When the service ends, across restarts

    private static func serviceEndPath(_ name: String, _ context: NodeContext) -> String {
        "\(context.configuration.dataPath)/sender/.service/\(name)"
    }

    private func saveServiceEnd() {
        guard let end = machine.serviceEnd else { return }
        let path = Self.serviceEndPath(name, context)
        try? PathFiles.makeDirectory("\(context.configuration.dataPath)/sender/.service")
        try? PathFiles.write(Array("\(Int64(end.seconds.rounded()))\n".utf8), to: path)
    }

    /// The recorded end, else computed from the time of sending.
    private static func serviceEnd(_ name: String, _ task: TaskFile, _ context: NodeContext) -> Instant {
        let path = serviceEndPath(name, context)
        if let bytes = try? PathFiles.read(path, limit: 64),
            let seconds = Int64(String(decoding: bytes, as: UTF8.self).trimmed)
        {
            return Instant(seconds: Double(seconds))
        }
        let begun = context.clock.calendar.instant(of: task.sendTime) ?? context.clock.now.wall
        return begun + Double((task.bt.seedTime ?? context.configuration.defaultSeedTime).seconds)
    }
}
