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
    private var sent: SentTask
    private var machine: SendMachine
    private var seed: Transfer?
    private var upload: Task<Void, Never>?
    private let children = ChildTasks()
    private var isStopped = false
    private var hasEnded = false
    private nonisolated let feed = RunnerFeed<Input>()
    private var main: Task<Void, Never>?

    init(name: String, task: TaskFile, state: TaskState, context: NodeContext, hooks: JobHooks) {
        self.name = name
        self.context = context
        self.hooks = hooks
        sent = SentTask(name: name, file: task, state: state, context: context)
        machine = sent.machine()
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
            state: SenderState(rawValue: sent.state.rawValue) ?? .uploading, taskPath: sent.path, machine: machine)
    }

    /// Whether the torrent is being seeded.
    var isSeeding: Bool { machine.isSeeding }

    // MARK: Life

    private func run() async {
        await change { $0.begun() }
        await feed.run(tick: .tick, every: context.tunables.tick, clock: context.clock) { input in
            if isStopped || hasEnded { return false }
            await handle(input)
            return !hasEnded
        }
        upload?.cancel()
        children.cancel()
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
                let probe = ContentProbe(task: sent.file, transport: context.transport)
                children.add { [feed] in feed.yield(.probed(await probe.run())) }
            case .moveToUploaded:
                guard sent.state == .uploading else { break }
                let end = machine.serviceEnd
                await change { $0.uploaded(serviceEnd: end) }
                context.metrics.add(to: .sendsFinished)
                await hooks.placeIsFree(name)
            case .ready:
                context.log(.info, "task ready", task: name)
                context.notify("ready", task: name, path: sent.path)
            case .finish:
                await change { $0.finished() }
                context.notify("finished", task: name, path: sent.path)
                context.log(.info, "task served to its end", task: name)
                hasEnded = true
            case .fail(let failure): await fail(failure)
            }
        }
    }

    /// Changes the task on disk, on a thread that may wait.
    private func change(_ step: @escaping @Sendable (inout SentTask) -> Void) async {
        sent = await Threads.offload { [sent] in
            var sent = sent
            step(&sent)
            return sent
        }
    }

    // MARK: Seeding

    private func setSeeding(_ isOn: Bool) async {
        if let seed {
            await seed.setSeeding(isOn)
            feed.yield(.seeding(isOn, failure: nil))
            return
        }
        guard isOn else { return }
        let path = context.paths.servedTorrent(of: sent.file)
        do {
            let bytes = try await Threads.offload { () throws(FileFailure) in try PathFiles.read(path, limit: 64 << 20)
            }
            let torrent = try Torrent.parse(bytes)
            var options = context.transferOptions
            options.fast = true
            let transfer = try await context.swarm.seed(
                torrent: torrent, path: content, options: options)
            seed = transfer
            children.add { [feed, name, context] in
                for await event in transfer.events {
                    switch event {
                    case .complete: feed.yield(.seeding(true, failure: nil))
                    case .failed(let error): feed.yield(.seeding(false, failure: error.description))
                    case .warning(let text):
                        context.log(.notice, "seeding warning", task: name, ["warning": "\(text)"])
                    default: break
                    }
                }
            }
        } catch {
            feed.yield(.seeding(false, failure: "the torrent \(path) cannot be served: \(error)"))
        }
    }

    // MARK: The object store

    private var content: String { context.paths.content(of: sent.file) }

    private func setUploading(_ isOn: Bool) {
        upload?.cancel()
        guard isOn else { return }
        let (job, before) = (StoreUpload(task: sent.file, content: content, context: context), upload)
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
        let job = StoreUpload(task: sent.file, content: content, context: context)
        children.add { [feed] in
            switch await job.storedBytes() {
            case .success(let bytes): feed.yield(.storeHolds(bytes))
            case .failure(let problem): feed.yield(.uploadFailed(problem))
            }
        }
    }

    /// For content whose source is the bucket: fetches missing files within the store's window, and retries.
    private func fetchContent() {
        let job = StoreFetch(task: sent.file, content: content, context: context)
        let work = WindowedWork(
            window: sent.file.windows(configuration: context.configuration).obs,
            retry: context.tunables.sending.uploadRetry, tick: context.tunables.tick, clock: context.clock)
        children.add { [feed] in
            switch await work.run(mayPass: \StoreProblem.isTransient, { await job.run() }) {
            case .complete: feed.yield(.fetched(nil))
            case .failed(let problem): feed.yield(.fetched(problem.description))
            case .stopped: break
            }
        }
    }

    private func fail(_ failure: SendFailure) async {
        context.log(
            .error, "task failed", task: name, ["method": "\(failure.method.rawValue)", "reason": "\(failure.reason)"])
        context.metrics.add(to: .sendsFailed)
        await change { $0.failed(failure) }
        context.notify("failed", task: name, path: sent.path, details: failure.reason)
        hasEnded = true
    }
}
