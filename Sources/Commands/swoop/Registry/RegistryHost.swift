import Address
import Admission
import Backends
import BlobNode
import Blobs
import ColdStore
import Database
import Files
import HTTPServing
import HTTPTransport
import IndexServer
import Logging
import NameIndex
import Origin
import OriginCluster
import Registry
import RegistryAccess
import RegistryClient
import Swarm
import SwarmCore
import Text
import Threads
import TrackerServer
import Tracking

/// The settings of a registry on one machine: its directory, addresses, back end, and the parts' configurations.
struct RegistryPlace: Sendable {
    enum Ports: Sendable {
        /// The fixed ports of the documentation.
        case usual
        case free
    }

    /// The directory of the databases, and of what the registry makes for itself.
    let data: String
    /// The directory of blobs.
    var blobs: String
    let host: String
    let ports: Ports
    let security: RegistrySecurity
    /// The back end of all blobs; nil to keep them in `data` only.
    let backend: BackendAddress?
    /// Other registries that some of the tags are replicated to.
    var remotes = Remotes.none
    var remoteCredential: RegistryCredential?
    /// From a configuration file: settings other than directories and addresses.
    var index: IndexConfiguration
    var origin: OriginConfiguration
    /// Seconds between two announces of a peer, and most peers in an answer; nil for the usual ones.
    var announceInterval: Int?
    var announceLimit: Int?

    init(data: String, host: String, ports: Ports, security: RegistrySecurity, backend: BackendAddress?) {
        (self.data, blobs, self.host, self.ports) = (data, data, host, ports)
        (self.security, self.backend) = (security, backend)
        (index, origin) = (IndexConfiguration(data: data), OriginConfiguration(data: data))
    }

    static let usualURL = "http://127.0.0.1:15000"

    func port(_ usual: Int) -> Int { ports == .usual ? usual : 0 }
}

/// A registry with all parts in one process: origin, index and tracker.
struct RegistryHost: Sendable {
    private let trackerServer: TrackerServer
    private let ownOrigin: OwnOrigin
    private let swarm: SwarmNode
    private let server: RegistryServer
    private let cold: ColdStore?
    private let names: SQLiteTagStore
    private let node: BlobNode
    private let upkeep: OriginUpkeep
    private let collection: DailyCollection
    private let replicator: Replicator
    let data: String
    let tracker: String
    let peers: String

    /// `http` or `https`. All HTTP ports have the same routes; each port exists because deployed clients expect it.
    let scheme: String
    var url: String { "\(scheme)://\(server.addresses[0])" }
    /// The URL for other hosts.
    var outsideURL: String {
        let address = server.addresses[0]
        return "\(scheme)://\(ListenAddress(host: RegistrySecurity.reachable(address.host), port: address.port))"
    }
    var oci: String { server.addresses[0].description }
    var index: String { server.addresses[2].description }

    static func start(_ place: RegistryPlace, logger: Logger) async throws -> RegistryHost {
        DescriptorLimit.raise()
        let admission = Admission()
        guard let peers = PeerAddress(host: place.host, port: UInt16(place.port(15001))),
            let trackers = PeerAddress(host: place.host, port: UInt16(place.port(15003)))
        else { throw Failure(.usage, "'\(place.host.shown)' is no address of this machine") }
        let directory = try await Threads.offload { Result { try open(place) } }.get()
        let names = try await openNames(place)

        var configuration = SwarmNode.Configuration()
        configuration.admission = admission
        configuration.loops = SwarmNode.loopsForMany
        (configuration.uploadLimit, configuration.downloadLimit) = place.origin.peerRates
        let swarm = try SwarmNode(configuration: configuration, logger: logger)
        var options = TransferOptions()
        options.listen = peers
        options.egress = place.origin.egress
        options.site = place.origin.site
        let node = BlobNode(directory: directory, swarm: swarm, options: options, logger: logger)
        var cold: ColdStore?
        var upkeep: OriginUpkeep?
        // What runs already, to be stopped in the reverse order if a later part cannot start.
        var stops: [@Sendable () async -> Void] = []
        do {
            node.setDoors(SwarmDoors(place.security.swarms, holders: OriginHolders(names)))
            try await node.start()
            cold = try await openCold(place, node, logger)
            try await cold?.start()
            let keeper = OriginUpkeep(
                node: node, cold: cold, holders: OriginHolders(names), rules: place.origin.space, logger: logger)
            upkeep = keeper
            var settings = TrackerConfiguration(http: [trackers], udp: [trackers])
            settings.admission = admission
            settings.serveRegistry(interval: place.announceInterval, limit: place.announceLimit)
            let own = OwnOrigin(await node.peerAddress, pin: place.security.pin, swarms: place.security.swarms)
            stops.append { await own.stop() }
            settings.origins = own.forTracker
            let tracker = try TrackerServer(configuration: settings, logger: logger)
            tracker.start()
            stops.append { await tracker.stop() }
            let announce = tracker.boundAddresses.http.first.map { "http://\($0)/announce" } ?? ""
            let given = await node.peerAddress.map { "\($0)" } ?? ""
            let ports = [15000, 15002, 15004].map { ListenAddress(host: place.host, port: place.port($0)) }
            let replicator = Replicator(
                names, blobs: NodeReplicaBlobs(node: node, cold: cold), credential: place.remoteCredential,
                settings: place.index.transport, backoff: place.index.remoteBackoff, logger: logger)
            let server = try await RegistryServer.start(
                at: ports, node: node, index: names, cold: cold, upkeep: keeper, peers: given, trackers: [announce],
                direct: place.origin.settings.direct, idleUpload: place.origin.settings.idleUpload,
                swarms: place.security.swarms,
                replication: { await replicator.figures() }, access: place.security.access,
                certificates: place.security.certificates, admission: admission,
                logger: logger)
            stops.append { await server.stop() }
            own.isServed(
                at: HTTPURL(
                    "\(place.security.certificates == nil ? "http" : "https")://\(server.addresses[1])"))
            await keeper.start()
            await replicator.start()
            let collection = DailyCollection(
                RegistryServer.service(node: node, index: names, cold: cold, upkeep: keeper),
                now: { Clocks.wallMilliseconds }, logger: logger)
            await collection.start()
            return RegistryHost(
                trackerServer: tracker, ownOrigin: own, swarm: swarm, server: server, cold: cold, names: names,
                node: node,
                upkeep: keeper, collection: collection, replicator: replicator, data: place.data, tracker: announce,
                peers: given,
                scheme: place.security.certificates == nil ? "http" : "https")
        } catch {
            for stop in stops.reversed() { await stop() }
            await upkeep?.stop()
            await cold?.stop()
            await swarm.shutdown()
            await node.stop()
            await names.close()
            throw failure(error)
        }
    }

    /// Opens the back ends, and the queue of blobs to write to them; nil without back ends.
    private static func openCold(
        _ place: RegistryPlace, _ node: BlobNode, _ logger: Logger
    ) async throws -> ColdStore? {
        do {
            var backends = place.origin.backends
            if let address = place.backend {
                backends = try Backends(all: try await Threads.offload { Result { try address.open() } }.get())
            }
            guard let backends else { return nil }
            return try await ColdStore.open(
                node: node, backends: backends, path: place.origin.database ?? place.data + "/origin.db",
                settings: place.origin.cold,
                logger: logger)
        } catch let error as BackendProblem {
            throw Failure(.disk, "--backend: \(error)")
        } catch let error as DatabaseFileError {
            throw Failure(error.isDisk ? .disk : .failed, "\(place.data.shown)/origin.db: \(error.description.shown)")
        }
    }

    /// Blocks.
    private static func open(_ place: RegistryPlace) throws -> BlobDirectory {
        let (data, blobs) = (place.data, place.blobs)
        let advice = "Give another directory with --data."
        try usable(data, advice: advice) { () throws(SystemError) in
            _ = try HeldDirectory.open(SystemPath(data), creating: true)
        }
        let isApart = !isSameDirectory(blobs, data)
        if isApart, isFilled(data + "/blobs"), !isFilled(blobs + "/blobs") {
            throw Failure(
                .usage,
                "the blobs of this registry are in \(data.shown), and the key 'castore.cache_dir' says another place",
                advice: "Move 'blobs' and 'info' of \(data.shown) to \(blobs.shown), or remove the key.")
        }
        let directory = try usable(data, advice: advice) { () throws(SystemError) in
            try isApart ? nil : BlobDirectory(path: data, pieceLengths: place.origin.pieceLengths)
        }
        // Until the process ends.
        _ = try DataLock.take(data, for: "registry")
        _ = try DataLock.take(data, for: "index", file: "index.lock")
        if let directory { return directory }
        let apart = try usable(blobs, advice: "Name another directory with the key 'castore.cache_dir'.") {
            () throws(SystemError) in try BlobDirectory(path: blobs, pieceLengths: place.origin.pieceLengths)
        }
        _ = try DataLock.take(blobs, for: "registry", option: "the key 'castore.cache_dir'")
        return apart
    }

    /// Whether two paths lead to one directory, however they are spelled, and through whatever symbolic links.
    static func isSameDirectory(_ first: String, _ second: String) -> Bool {
        func trimmed(_ path: String) -> Substring { path.dropLast(path.reversed().prefix { $0 == "/" }.count) }
        func place(_ path: String) -> FileStatus? {
            try? SystemFileLayer().status(path: SystemPath(path), followSymlink: true)
        }
        guard let one = place(first), let other = place(second) else { return trimmed(first) == trimmed(second) }
        return (one.device, one.inode) == (other.device, other.inode)
    }

    private static func usable<Value>(
        _ path: String, advice: String, _ body: () throws(SystemError) -> Value
    ) throws -> Value {
        do throws(SystemError) { return try body() } catch {
            throw Failure(
                Failure.status(error.number), "the registry cannot use \(path.shown): \(error)", advice: advice)
        }
    }

    private static func isFilled(_ path: String) -> Bool {
        let names = try? HeldDirectory.open(SystemPath(path)).names()
        return names.map { !$0.isEmpty } ?? false
    }

    private static func openNames(_ place: RegistryPlace) async throws -> SQLiteTagStore {
        let data = place.data
        let rules: TagRules
        do { rules = try TagRules(mutable: place.index.mutable) } catch { throw Failure(.rules(error), place: data) }
        do throws(TagStoreError) {
            return try await SQLiteTagStore.open(data + "/index.db", rules: rules, remotes: place.remotes)
        } catch {
            throw Failure(error.isDisk ? .disk : .failed, "\(data.shown)/index.db: \(error.reason.shown)")
        }
    }

    private static func failure(_ error: any Error) -> any Error {
        switch error {
        case let error as HTTPServiceError: Failure(error)
        case let error as TrackerServerError: Failure(error)
        case let error as TransferError: Failure(error)
        default: error
        }
    }

    func stop() async {
        await server.stop()
        await replicator.stop()
        await collection.stop()
        await upkeep.stop()
        await cold?.stop()
        await trackerServer.stop()
        await ownOrigin.stop()
        await swarm.shutdown()
        await node.stop()
        await names.close()
    }
}
