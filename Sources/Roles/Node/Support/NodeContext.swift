import Address
import BFT
import HTTPOrigin
import HTTPTransport
import Jobs
import Logging
import Metainfo
import ObjectStore
import Policy
import S3
import Swarm
import Tracking

/// Shared by all tasks of a node: the configuration at one moment, and connections.
package struct NodeContext: Sendable {
    let configuration: NodeConfiguration
    package let places: NodePlaces
    let directories: TaskDirectories
    /// Of the tasks that are received.
    let tasks: TaskRecords
    let swarm: SwarmNode
    let transport: HTTPTransport
    let stores: ObjectStoreClient
    let webSeeds: WebSeedClient
    let library: any ContentLibrary
    let clock: any JobClock
    let logger: Logger
    let metrics: NodeMetrics
    let tunables: NodeTunables

    init(
        _ configuration: NodeConfiguration, swarm: SwarmNode, transport: HTTPTransport, stores: ObjectStoreClient,
        webSeeds: WebSeedClient, library: any ContentLibrary, clock: any JobClock, logger: Logger, metrics: NodeMetrics,
        tunables: NodeTunables
    ) {
        self.configuration = configuration
        places = NodePlaces(configuration)
        directories = TaskDirectories(root: configuration.dataPath) { failure in
            logger.warning(
                "a task's change of state may not survive a loss of power", metadata: ["reason": "\(failure)"])
        }
        tasks = TaskRecords(directories, calendar: clock.calendar, isCacher: configuration.role == .cacher)
        self.swarm = swarm
        self.transport = transport
        self.stores = stores
        self.webSeeds = webSeeds
        self.library = library
        self.clock = clock
        self.logger = logger
        self.metrics = metrics
        self.tunables = tunables
    }

    var paths: NodePaths { places.paths }

    /// The same context with another configuration, after a reload.
    /// Where things are, and what the node is, stays until it starts again: its tasks are there.
    func with(_ configuration: NodeConfiguration) -> NodeContext {
        var configuration = configuration
        configuration.dataPath = self.configuration.dataPath
        configuration.baseDataPath = self.configuration.baseDataPath
        configuration.hashTable = self.configuration.hashTable
        configuration.role = self.configuration.role
        configuration.receiverStorePlan = self.configuration.receiverStorePlan
        return NodeContext(
            configuration, swarm: swarm, transport: transport, stores: stores, webSeeds: webSeeds, library: library,
            clock: clock, logger: logger, metrics: metrics, tunables: tunables)
    }

    /// The bucket of a task's content, and the prefix of its keys.
    /// - Throws: text for a person, without keys.
    func store(of task: TaskFile) throws(TaskProblem) -> (store: ObjectStore, prefix: String) {
        let url = task.obs.url.isEmpty ? "obs://\(task.subdirectory.text)/dcps/\(task.name)" : task.obs.url
        guard let location = ObjectLocation(url) else {
            throw TaskProblem(.obs, "the object store's URL in the task is not obs://BUCKET/PREFIX")
        }
        let keys = StoreKeys.resolve(
            bucket: location.bucket, task: task.obs.keys, table: try bucketTable(),
            configuration: configuration.storeKeys)
        guard let endpoint = keys.endpointURL else {
            throw TaskProblem(.obs, "no endpoint is known for bucket \(location.bucket)")
        }
        let credentials = keys.accessKey.flatMap { access in
            keys.secretKey.flatMap { S3Credentials(accessKey: access.value, secretKey: $0.value) }
        }
        do throws(ObjectStoreError) {
            let address = try ObjectStoreAddress(
                endpoint: endpoint, bucket: location.bucket,
                region: configuration.storeRegion.isEmpty ? nil : configuration.storeRegion,
                style: configuration.storeStyle.map { $0 == .path ? .path : .virtualHost },
                signature: configuration.storeSignature == .v4 ? .v4 : .v2, credentials: credentials)
            return (ObjectStore(address: address, client: stores), location.prefix)
        } catch {
            throw TaskProblem(.obs, error.description)
        }
    }

    /// The current contents of the file named by `obsbuckets`. It contains keys, so only its owner may be able to read
    /// it.
    private func bucketTable() throws(TaskProblem) -> BucketTable {
        guard let path = configuration.bucketTable else { return BucketTable() }
        guard let mode = PathFiles.mode(path), mode & 0o077 == 0 else {
            throw TaskProblem(
                .obs, "\(path) (obsbuckets) is not there, or others than its owner may read it: chmod 600")
        }
        let bytes: [UInt8]
        do throws(FileFailure) { bytes = try PathFiles.read(path, limit: 1 << 20) } catch {
            throw TaskProblem(.obs, error.description)
        }
        do throws(ConfigurationError) { return try BucketTable.parse(String(decoding: bytes, as: UTF8.self)) } catch {
            throw TaskProblem(.obs, error.description)
        }
    }

    /// Transfer options for every torrent of this node.
    var transferOptions: TransferOptions {
        var options = TransferOptions()
        options.listen = configuration.torrentListen.flatMap { PeerAddress($0.description) }
        options.uploadLimit = configuration.uploadLimit
        return options
    }

    func log(_ level: Logger.Level, _ text: Logger.Message, task: String, _ more: Logger.Metadata = [:]) {
        logger.log(level: level, text, metadata: more.merging(["task": "\(task)"]) { first, _ in first })
    }

    /// Notifies the management system, in the background.
    func notify(_ event: String, task: String, path: String, details: String = "") {
        guard let url = configuration.callback else { return }
        let callback = Callback(
            url: url, transport: transport, tunables: tunables, clock: clock, logger: logger, metrics: metrics)
        Task { await callback.send(event: event, task: task, path: path, details: details) }
    }
}

/// Why a task cannot continue, and the method that failed.
struct TaskProblem: Error, Sendable, Hashable, CustomStringConvertible {
    let method: DeliveryMethod
    let description: String

    init(_ method: DeliveryMethod, _ description: String) {
        self.method = method
        self.description = description
    }
}
