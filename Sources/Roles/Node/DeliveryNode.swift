import Delivery
import Glibc
import HTTPOrigin
import HTTPTransport
import HashLibrary
import JSON
import Jobs
import Logging
import ObjectStore
import Swarm
import Text
import Threads

/// The daemon: one method for each call of the API, and everything that goes on between the calls.
package actor DeliveryNode {
    /// Where the configuration came from, for `reloadconf`; nil when it came from nowhere.
    private let configurationPath: String?
    /// Keys that are taken from here, whatever the file says.
    private let overrides: JSONObject
    let logger: Logger
    let clock: any JobClock
    var context: NodeContext
    let transport: HTTPTransport
    private let ownLibrary: HashLibrary?
    let publications = Turns(atOnce: 1024)
    let checks: Turns

    var senders: [String: SendRunner] = [:]
    var receivers: [String: Receiver] = [:]
    var sendQueue: QueueMachine
    var receiveQueue: QueueMachine
    /// What was accepted and waits for its place, with what was prepared for it.
    var prepared: [String: TaskTorrents] = [:]
    /// Which task has which staging directory, and which sends which content.
    var receiveClaims = PlaceClaims()
    var sendClaims = PlaceClaims()
    /// Which tasks run, on disk.
    var crashes: CrashRecord
    var startedAt = 0.0
    /// Names of tasks that are being taken up right now.
    var preparing = BusyNames()
    /// By the path of the torrent: what is being made, and what became of what was made.
    var generating: [String: Task<Void, Never>] = [:]
    var generationFailures: [String: String] = [:]
    private var poll: Task<Void, Never>?
    var isStopped = false
    private var isStarted = false

    /// - Parameters:
    ///   - configurationPath: what `reloadconf` loads again.
    ///   - overrides: keys and values that hold in place of that file's, as a command line gives them.
    ///   - library: in place of the one that the configuration asks for.
    ///   - engine: of the transfer engine, as far as the configuration does not say it: the budget for strangers is in it.
    /// - Throws: when the engine's threads cannot be made; `NodeDirectoryError` when the library's table cannot be
    ///   used.
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

    /// Makes the directories, goes on with every task that was under way, and begins to look for new ones.
    /// - Throws: `NodeDirectoryError` when a directory cannot be made: nothing can be done then.
    package func start() async throws {
        guard !isStarted, !isStopped else { return }
        isStarted = true
        for warning in context.configuration.warnings {
            logger.warning("configuration", metadata: ["warning": "\(warning)"])
        }
        do throws(FileFailure) {
            try context.directories.make()
            if context.places.role != .cacher { try NodeFiles.makeDirectory(context.configuration.baseDataPath) }
        } catch {
            throw NodeDirectoryError(error)
        }
        if let ownLibrary {
            do throws(LibraryError) { try await ownLibrary.start() } catch {
                // Without it everything still works, only slower.
                logger.error("library of hashes cannot be used", metadata: ["reason": "\(error)"])
            }
        }
        startedAt = clock.now.uptime
        await settleCrashes()
        await resume()
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

    /// Stops everything; what is unfinished goes on at the next start.
    package func stop() async {
        guard !isStopped else { return }
        isStopped = true
        poll?.cancel()
        for task in generating.values { task.cancel() }
        for task in generating.values { await task.value }
        let (senders, receivers) = (senders, receivers)
        await withTaskGroup(of: Void.self) { group in
            for runner in senders.values { group.addTask { await runner.stop() } }
            for runner in receivers.values { group.addTask { await runner.stop() } }
        }
        await poll?.value
        await context.swarm.shutdown()
        await context.webSeeds.shutdown()
        await context.stores.shutdown()
        await ownLibrary?.stop()
        await transport.shutdown()
        crashes.close()
        logger.info("node stopped")
    }

    /// Every task that was under way at the end of the last process.
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
        // A cacher's task in `downloaded` is over.
        if context.places.role != .cacher { tasks += under.downloaded.map { (.receiver, $0, .downloaded) } }
        for name in under.uploading { sendQueue.resume(name) }
        for name in under.downloading { receiveQueue.resume(name) }
        let suspects = tasks.filter { isSuspect($0.side, $0.name) }
        let others = tasks.filter { !isSuspect($0.side, $0.name) }
        await noteRunning(others.map { ($0.side, $0.name) })
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

    /// The token in force.
    package func apiToken() -> Secret? { context.configuration.apiToken }
    package var configuration: NodeConfiguration { context.configuration }

    /// Loads the configuration again. When it is broken, the old one stays in force.
    package func reloadconf() async -> String {
        guard let configurationPath else { return "the configuration did not come from a file" }
        do {
            let bytes = try await Threads.offload { () throws(FileFailure) in
                try NodeFiles.read(configurationPath, limit: 1 << 20)
            }
            let configuration = try NodeConfiguration.parse(bytes, overriding: overrides)
            for warning in configuration.warnings {
                logger.warning("configuration", metadata: ["warning": "\(warning)"])
            }
            context = context.with(configuration)
            try context.directories.make()
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
