import Address
import Admission
import BlobNode
import Blobs
import ColdStore
import Database
import Files
import HTTPServing
import HTTPTransport
import IndexLink
import Logging
import Origin
import Registry
import RegistryAccess
import Swarm
import Text
import Threads

/// The reason why an origin could not start.
package enum OriginProblem: Error, Sendable {
    /// The directory of the blobs cannot be used.
    case directory(SystemError)
    case database(DatabaseFileError)
    case http(HTTPServiceError)
    /// The engine could not start.
    case engine(any Error)
}

/// A running origin: its blobs, its engine, its HTTP server, and its work with the other origins.
package final class OriginRole: Sendable {
    private let swarm: SwarmNode
    private let node: BlobNode
    private let cold: ColdStore?
    private let watch: ClusterWatch
    private let server: OriginServer
    private let upkeep: OriginUpkeep
    private let peers: OriginPeers
    private let link: HTTPPeers
    private let shares: OwnerShares

    package var addresses: [ListenAddress] { server.addresses }
    /// The address at which other hosts reach the engine.
    package let peerAddress: String

    private init(
        swarm: SwarmNode, node: BlobNode, cold: ColdStore?, watch: ClusterWatch, server: OriginServer,
        upkeep: OriginUpkeep, peers: OriginPeers, link: HTTPPeers, shares: OwnerShares, peerAddress: String
    ) {
        (self.swarm, self.node, self.cold, self.watch) = (swarm, node, cold, watch)
        (self.server, self.peers, self.link, self.peerAddress) = (server, peers, link, peerAddress)
        (self.upkeep, self.shares) = (upkeep, shares)
    }

    package static func start(
        _ configuration: OriginConfiguration, access: RegistryAccess, certificates: Certificates? = nil,
        admission: Admission, logger: Logger
    ) async throws(OriginProblem) -> OriginRole {
        let directory: BlobDirectory
        do throws(SystemError) {
            directory = try await Threads.offload { () throws(SystemError) in
                try BlobDirectory(path: configuration.data, pieceLengths: configuration.pieceLengths)
            }
        } catch {
            throw .directory(error)
        }
        let link = HTTPPeers(configuration.credential, settings: configuration.transport)
        let holders = RemoteHolders(configuration.indexes, peers: link)
        let shares = OwnerShares()
        let (swarm, node): (SwarmNode, BlobNode)
        do throws(OriginProblem) {
            (swarm, node) = try await engine(
                configuration, directory, SwarmDoors(configuration.swarms, holders: holders), shares, admission, logger)
        } catch {
            await link.shutdown()
            throw error
        }
        let peers = OriginPeers(
            isSecure: certificates != nil, credential: configuration.credential, settings: configuration.transport)
        var cold: ColdStore?
        var upkeep: OriginUpkeep?
        do {
            cold = try await openCold(configuration, node, logger)
            let name = configuration.name ?? ownName(configuration)
            let watch = ClusterWatch(
                configuration.cluster, own: name, peers: peers, settings: configuration.settings,
                instance: BlobUpload.newID(), logger: logger)
            let address = await reachable(await node.peerAddress, name)
            let keeper = OriginUpkeep(
                node: node, cold: cold, holders: holders,
                sources: [OwnerPieces(watch: watch, peers: peers)], rules: configuration.space, logger: logger)
            upkeep = keeper
            let doors = OriginDoors(
                addresses: configuration.listen, access: access, certificates: certificates, peers: address,
                indexes: configuration.indexes, trackers: configuration.trackers, swarms: configuration.swarms,
                transport: configuration.transport, credential: configuration.credential)
            let server = try await OriginServer.start(
                doors, node: node, index: RemoteIndex(configuration.indexes, peers: link), cold: cold, watch: watch,
                peers: peers, upkeep: keeper, settings: configuration.settings, admission: admission, logger: logger)
            if case .list(let hosts) = configuration.cluster, hosts.isEmpty, let first = server.addresses.first {
                watch.standAlone(as: configuration.name ?? "\(first)")
            }
            shares.start(watch: watch, peers: peers, node: node)
            await watch.start()
            await keeper.start()
            return OriginRole(
                swarm: swarm, node: node, cold: cold, watch: watch, server: server, upkeep: keeper, peers: peers,
                link: link, shares: shares, peerAddress: address)
        } catch {
            await upkeep?.stop()
            await cold?.stop()
            await peers.shutdown()
            await link.shutdown()
            await swarm.shutdown()
            await node.stop()
            switch error {
            case let error as HTTPServiceError: throw .http(error)
            case let error as DatabaseFileError: throw .database(error)
            default: throw .engine(error)
            }
        }
    }

    package func stop() async {
        await server.stop()
        await upkeep.stop()
        shares.stop()
        await watch.stop()
        await cold?.stop()
        await peers.shutdown()
        await link.shutdown()
        await swarm.shutdown()
        await node.stop()
    }

    private static func engine(
        _ configuration: OriginConfiguration, _ directory: BlobDirectory, _ doors: SwarmDoors, _ shares: OwnerShares,
        _ admission: Admission, _ logger: Logger
    ) async throws(OriginProblem) -> (SwarmNode, BlobNode) {
        do {
            var settings = SwarmNode.Configuration()
            settings.admission = admission
            settings.loops = SwarmNode.loopsForMany
            (settings.uploadLimit, settings.downloadLimit) = configuration.peerRates
            let swarm = try SwarmNode(configuration: settings, logger: logger)
            var options = TransferOptions()
            options.listen =
                configuration.peerListen
                ?? configuration.listen.first.flatMap { PeerAddress(host: $0.host, port: 15001) }
            options.egress = configuration.egress
            options.site = configuration.site
            options.isOrigin = { shares.isOrigin($0) }
            options.ownerShare = { shares.share(of: $0) }
            let node = BlobNode(directory: directory, swarm: swarm, options: options, logger: logger)
            node.setDoors(doors)
            do {
                try await node.start()
            } catch {
                await swarm.shutdown()
                throw error
            }
            return (swarm, node)
        } catch {
            throw .engine(error)
        }
    }

    private static func openCold(
        _ configuration: OriginConfiguration, _ node: BlobNode, _ logger: Logger
    ) async throws -> ColdStore? {
        guard let backends = configuration.backends else { return nil }
        if let database = configuration.database, let slash = database.lastIndex(of: "/"), slash > database.startIndex {
            let above = SystemPath(String(database[..<slash]))
            // If the directory cannot be created, opening the database reports the reason.
            await Threads.offload { _ = try? HeldDirectory.open(above, creating: true) }
        }
        let cold = try await ColdStore.open(
            node: node, backends: backends, path: configuration.database ?? configuration.data + "/origin.db",
            settings: configuration.cold,
            logger: logger)
        try await cold.start()
        return cold
    }

    /// The address in `listen` that is also in the list of origins; nil if none is.
    private static func ownName(_ configuration: OriginConfiguration) -> String? {
        guard case .list(let hosts) = configuration.cluster else { return nil }
        return configuration.listen.map(\.description).first { hosts.contains($0) }
    }

    /// The address at which other hosts reach the engine. If the engine listens at all addresses, it is the address of
    /// the origin's name.
    private static func reachable(_ bound: PeerAddress?, _ name: String?) async -> String {
        guard let bound else { return "" }
        guard bound.isUnspecified, let name, let url = HTTPURL("http://" + name) else { return "\(bound)" }
        let found = try? await SystemResolver.addresses(of: url.host, port: bound.port)
        let first = found?.compactMap { $0.ipAddress.flatMap { PeerAddress(host: $0, port: bound.port) } }.first
        return "\(first ?? bound)"
    }
}
