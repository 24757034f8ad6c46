import BFT
import Glibc
import HTTPOrigin
import HTTPTransport
import HashLibrary
import JSON
import Jobs
import Logging
import ObjectStore
import Policy
import Swarm
import Text
import Threads

/// The delivery daemon: one method for each API call, and all background work.
package actor DeliveryNode {
    /// The configuration file, for `reloadconf`; nil if there is none.
    private let configurationPath: String?
    /// Keys and values that replace those of the file.
    private let overrides: JSONObject
    let logger: Logger
    let clock: any JobClock
    package internal(set) var context: NodeContext
    let transport: HTTPTransport
    private let ownLibrary: HashLibrary?
    package let publications = Turns(atOnce: 1024)
    let checks: Turns

    var senders: [String: SendRunner] = [:]
    package internal(set) var receivers: [String: Receiver] = [:]
    var sendQueue: QueueMachine
    var receiveQueue: QueueMachine
    /// Accepted tasks that wait for their place, with their torrents.
    var prepared: [String: TaskTorrents] = [:]
    /// The task that uses each staging directory, and the task that sends each content.
    var receiveClaims = PlaceClaims()
    var sendClaims = PlaceClaims()
    /// The record of running tasks on disk.
    var crashes: CrashRecord
    var startedAt = 0.0
    /// Names of tasks that are being prepared.
    var preparing = BusyNames()
    let maker = TaskMaker()
    private var lock: NodeLock?
    private var poll: Task<Void, Never>?
    var isStopped = false
    /// Starts of tasks, and changes of the directories, that ``stop()`` waits for.
    var work = UnfinishedWork()
    private var isStarted = false

    /// - Parameters:
    ///   - configurationPath: the file that `reloadconf` reads again.
    ///   - overrides: keys and values that replace those of the file, from a command line.
    ///   - library: used instead of the one in the configuration.
    ///   - engine: settings of the transfer engine that are not in the configuration, including the process's budget.
    /// - Throws: if the engine's threads cannot be created; `NodeDirectoryError` if the library's table cannot be used.
    package init(
        configuration: NodeConfiguration, configurationPath: String? = nil, overrides: JSONObject = JSONObject(),
        logger: Logger, clock: any JobClock = SystemJobClock(), tunables: NodeTunables = NodeTunables(),
        library: (any ContentLibrary)? = nil, engine: SwarmNode.Configuration = SwarmNode.Configuration()
    ) throws {
        self.configurationPath = configurationPath
        self.overrides = overrides
        self.logger = logger
        self.clock = clock
        let transport = HTTPTransport(settings: HTTPTransportSettings())
        self.transport = transport
        var swarm = engine
        swarm.uploadLimit = configuration.uploadLimit
        swarm.loops = engine.loops ?? SwarmNode.loopsForMany
        let own = library == nil ? try Self.makeLibrary(configuration, logger) : nil
        ownLibrary = own
        crashes = CrashRecord(data: configuration.dataPath)
        sendQueue = QueueMachine(limit: configuration.uploadsAtOnce)
        receiveQueue = QueueMachine(limit: configuration.downloadsAtOnce)
        checks = Turns(atOnce: Machine.processors)
        context = NodeContext(
            configuration, swarm: try SwarmNode(configuration: swarm, logger: logger), transport: transport,
            stores: ObjectStoreClient(), webSeeds: WebSeedClient(),
            library: library ?? own.map { LibraryBridge(library: $0) } ?? NoLibrary(), clock: clock, logger: logger,
            metrics: NodeMetrics(), tunables: tunables)
    }

    private static func makeLibrary(
        _ configuration: NodeConfiguration, _ logger: Logger
    ) throws -> HashLibrary? {
        guard configuration.avoidsRepeat, configuration.role != .cacher else { return nil }
        var options = LibraryOptions()
        options.watches = configuration.machineType == .local
        let plan = configuration.role == .receiver ? "/" + configuration.receiverStorePlan.rawValue : ""
        options.identity = configuration.role.rawValue + plan
        do throws(LibraryError) {
            return try HashLibrary(
                tablePath: configuration.hashTable, roots: [configuration.baseDataPath], options: options,
                logger: logger)
        } catch {
            throw NodeDirectoryError(error)
        }
    }

    // MARK: Life

    /// Creates the directories, continues every unfinished task, and begins to scan for new ones.
    /// - Throws: `NodeDirectoryError` if a directory cannot be created, or another node works in DATA: the node cannot work then.
    package func start() async throws {
        guard !isStarted, !isStopped else { return }
        isStarted = true
        work.begin()
        defer { work.end() }
        for warning in context.configuration.warnings {
            logger.warning("configuration", metadata: ["warning": "\(warning)"])
        }
        let lock = try await Threads.offload { [context] () throws(NodeDirectoryError) in
            try Self.makeDirectories(context)
        }
        // A lock that was taken for a node that is stopped is let go of here.
        if isStopped { return }
        self.lock = lock
        if lock == nil {
            logger.warning(
                "nothing keeps another node from working on the same data: its file system has no locks",
                metadata: ["datapath": "\(context.directories.root)"])
        }
        if let ownLibrary {
            do throws(LibraryError) { try await ownLibrary.start() } catch {
                // Without the library everything still works, only slower.
                logger.error("library of hashes cannot be used", metadata: ["reason": "\(error)"])
            }
        }
        if isStopped { return }
        startedAt = clock.now.uptime
        await settleCrashes()
        if isStopped { return }
        await resume()
        if isStopped { return }
        let tick = context.tunables.tick
        poll = Task { [weak self, clock] in
            while !Task.isCancelled {
                guard let self else { return }
                await self.lookAtQueues()
                await self.forgiveIfSteady()
                await clock.sleep(seconds: tick)
            }
        }
        logger.info("node started", metadata: ["servertype": "\(context.places.role.rawValue)"])
    }

    /// Blocks on the disk.
    /// - Returns: the lock on DATA, which is taken before anything of another node's is touched.
    private static func makeDirectories(_ context: NodeContext) throws(NodeDirectoryError) -> NodeLock? {
        do throws(FileFailure) { try PathFiles.makeDirectory(context.directories.root) } catch {
            throw NodeDirectoryError(error)
        }
        let lock = try NodeLock.take(context.directories.root)
        do throws(FileFailure) {
            try context.directories.make()
            if context.places.role != .cacher { try PathFiles.makeDirectory(context.configuration.baseDataPath) }
        } catch {
            throw NodeDirectoryError(error)
        }
        return lock
    }

    /// Stops everything. Unfinished tasks continue at the next start.
    package func stop() async {
        guard !isStopped else { return }
        isStopped = true
        poll?.cancel()
        await maker.stop()
        // A cancel may wait for a copy that one of them makes.
        await stopRunners()
        // What is being started ends before it has a runner, or has one that is stopped here.
        await withCheckedContinuation { work.whenDone($0) }
        await stopRunners()
        await publications.finishBackground()
        await poll?.value
        await context.swarm.shutdown()
        await context.webSeeds.shutdown()
        await context.stores.shutdown()
        await ownLibrary?.stop()
        await transport.shutdown()
        await Threads.offload { [crashes] in crashes.close() }
        lock = nil
        logger.info("node stopped")
    }

    private func stopRunners() async {
        let (senders, receivers) = (senders, receivers)
        await withTaskGroup(of: Void.self) { group in
            for runner in senders.values { group.addTask { await runner.stop() } }
            for runner in receivers.values { group.addTask { await runner.stop() } }
        }
    }

    /// The tasks that were unfinished when the last process ended.
    private func resume() async {
        let directories = context.directories
        let under = await Threads.offload {
            (
                uploading: directories.list(.sender, .uploading), uploaded: directories.list(.sender, .uploaded),
                downloading: directories.list(.receiver, .downloading),
                downloaded: directories.list(.receiver, .downloaded)
            )
        }
        var tasks: [(side: TaskSide, name: String, state: TaskState)] = []
        tasks += under.uploading.map { (.sender, $0, .uploading) } + under.uploaded.map { (.sender, $0, .uploaded) }
        tasks += under.downloading.map { (.receiver, $0, .downloading) }
        // A cacher's task in `downloaded` is finished.
        if context.places.role != .cacher { tasks += under.downloaded.map { (.receiver, $0, .downloaded) } }
        for name in under.uploading { sendQueue.resume(name) }
        for name in under.downloading { receiveQueue.resume(name) }
        let suspects = tasks.filter { isSuspect($0.side, $0.name) }
        let others = tasks.filter { !isSuspect($0.side, $0.name) }
        await noteRunning(others.map { ($0.side, $0.name) })
        if isStopped { return }
        for (side, name, state) in others {
            if side == .sender {
                await runSender(name, state: state)
            } else {
                await runReceiver(name, state: state)
            }
        }
        startSuspects(suspects)
        let names = under.uploading + under.downloading
        if !names.isEmpty { logger.info("going on with tasks", metadata: ["tasks": "\(names.joined(separator: ","))"]) }
    }

    // MARK: Configuration

    /// The current token.
    package func apiToken() -> Secret? { context.configuration.apiToken }
    package var configuration: NodeConfiguration { context.configuration }

    /// Reads the configuration again. If it is invalid, the old one stays in force.
    package func reloadconf() async -> String {
        guard let configurationPath else { return "the configuration did not come from a file" }
        do {
            let bytes = try await Threads.offload { () throws(FileFailure) in
                try PathFiles.read(configurationPath, limit: 1 << 20)
            }
            let configuration = try NodeConfiguration.parse(bytes, overriding: overrides)
            for warning in configuration.warnings {
                logger.warning("configuration", metadata: ["warning": "\(warning)"])
            }
            let next = context.with(configuration)
            try await Threads.offload { () throws(FileFailure) in try next.directories.make() }
            context = next
            startSenders(sendQueue.setLimit(configuration.uploadsAtOnce))
            startReceivers(receiveQueue.setLimit(configuration.downloadsAtOnce))
            logger.info("configuration loaded again")
            return ReplyText.reloaded
        } catch {
            logger.error("configuration cannot be loaded", metadata: ["reason": "\(error)"])
            return "\(error)"
        }
    }

    package func heartbeat() -> String { ReplyText.living(time: clock.text) }
    package func version() -> String { "2.001" }
    /// `cprogress` on a cacher, else `progress`.
    package var progressMethod: String { context.places.role == .cacher ? "cprogress" : "progress" }
}

enum Machine {
    static let processors = Threads.processors
}
