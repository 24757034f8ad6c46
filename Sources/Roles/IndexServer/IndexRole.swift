import Address
import Admission
import HTTPServing
import HTTPTransport
import IndexLink
import Logging
import NameIndex
import Registry
import RegistryAccess
import RegistryClient
import RegistryWatch
import Text
import Threads

/// The configuration of an index, independent of flags and files.
package struct IndexConfiguration: Sendable {
    /// An existing directory. The store is a file in it, unless `database` is set.
    package var data: String
    package var file = "index.db"
    package var listen = [ListenAddress(host: "127.0.0.1", port: 15004)]
    /// `postgresql://…`: a store that any number of indexes can share. Nil for a file in `data`.
    package var database: String?
    /// Patterns of `NAME:TAG`: matching tags may be moved to another digest.
    package var mutable = TagRules.usual
    package var origins: [HTTPURL] = []
    /// All indexes of the registry, for `/v1/cluster`; empty if this is the only one.
    package var indexes: [HTTPURL] = []
    /// Announce URLs, in addition to those that the origins list.
    package var trackers: [String] = []
    /// How swarms are found; nil to take it from the origins.
    package var swarms: SwarmTerms?
    /// Other registries to replicate to, each with the patterns of `NAME:TAG` that it gets.
    package var remotes = Remotes.none
    /// The credential for all remotes; nil if they need none.
    package var remoteCredential: RegistryCredential?
    package var remoteBackoff = Backoff()
    /// A token with the role `cluster`, for calls to origins; nil for a registry without tokens.
    package var credential: RegistryCredential?
    /// Settings of connections to origins: the certificate pin, or the authorities.
    package var transport = HTTPTransportSettings()

    package init(data: String) { self.data = data }

    /// Settings of connections to remotes. The certificate pin is for origins only, so it is left out.
    fileprivate var remoteTransport: HTTPTransportSettings {
        var settings = transport
        settings.pin = nil
        return settings
    }
}

/// The reason why an index could not start.
package enum IndexProblem: Error, Sendable {
    case store(TagStoreError)
    case http(HTTPServiceError)
    case rules(NamePatterns.Malformed)
}

/// A running index: its store, its HTTP server, and its background work (replication, events, daily collection).
package final class IndexRole: Sendable {
    private let server: IndexServer
    private let store: any TagStore
    private let cluster: ClusterList
    private let peers: HTTPPeers
    private let blobs: OriginReplicaBlobs
    private let replicator: Replicator
    /// Nil for a store that other indexes cannot share.
    private let news: SharedNews?
    private let collection: DailyCollection

    package var addresses: [ListenAddress] { server.addresses }

    private init(
        _ server: IndexServer, _ store: any TagStore, _ cluster: ClusterList, _ peers: HTTPPeers,
        _ blobs: OriginReplicaBlobs, _ replicator: Replicator, _ news: SharedNews?, _ collection: DailyCollection
    ) {
        self.news = news
        self.collection = collection
        self.blobs = blobs
        self.replicator = replicator
        self.server = server
        self.store = store
        self.cluster = cluster
        self.peers = peers
    }

    package static func start(
        _ configuration: IndexConfiguration, access: RegistryAccess, certificates: Certificates? = nil,
        admission: Admission, logger: Logger
    ) async throws(IndexProblem) -> IndexRole {
        let store = try await open(configuration)
        do throws(TagStoreError) { _ = try await store.cluster() } catch {
            logger.warning("nothing is answered until the store does", metadata: ["reason": "\(error)"])
        }
        let peers = HTTPPeers(configuration.credential, settings: configuration.transport)
        let cluster = ClusterList(
            origins: configuration.origins, indexes: configuration.indexes, trackers: configuration.trackers,
            swarms: configuration.swarms, peers: peers)
        await cluster.start()
        let hub = WatchHub()
        let news = (store as? any SharedTagStore).map { store in
            SharedNews(store) { hub.tagged($1, of: $0, $2) }
        }
        let service = IndexService(store: store, facts: RemoteFacts({ await cluster.known }, peers: peers))
            .telling { name, tags, digest in
                if let news { news.hasNews() } else { hub.tagged(tags, of: name, digest) }
            }
        let blobs = OriginReplicaBlobs(
            { await cluster.known }, credential: configuration.credential, settings: configuration.transport)
        let replicator = Replicator(
            store, blobs: blobs, credential: configuration.remoteCredential, settings: configuration.remoteTransport,
            backoff: configuration.remoteBackoff, logger: logger)
        let metrics = IndexMetrics(store) { await replicator.figures() }
        await replicator.start()
        do throws(HTTPServiceError) {
            let server = try await IndexServer.start(
                at: configuration.listen, service: service, hub: hub, cluster: cluster, metrics: metrics,
                access: access, certificates: certificates, admission: admission, logger: logger)
            let collection = DailyCollection(service, now: { Clocks.wallMilliseconds }, logger: logger)
            await collection.start()
            return IndexRole(server, store, cluster, peers, blobs, replicator, news, collection)
        } catch {
            await news?.stop()
            await replicator.stop()
            await cluster.stop()
            await blobs.shutdown()
            await peers.shutdown()
            await store.close()
            throw .http(error)
        }
    }

    private static func open(_ configuration: IndexConfiguration) async throws(IndexProblem) -> any TagStore {
        let rules: TagRules
        do { rules = try TagRules(mutable: configuration.mutable) } catch { throw .rules(error) }
        do throws(TagStoreError) {
            guard let database = configuration.database else {
                return try await SQLiteTagStore.open(
                    "\(configuration.data)/\(configuration.file)", rules: rules, remotes: configuration.remotes)
            }
            return try await PostgresTagStore.open(database, rules: rules, remotes: configuration.remotes)
        } catch {
            throw .store(error)
        }
    }

    package func stop() async {
        await server.stop()
        await news?.stop()
        await replicator.stop()
        await collection.stop()
        await cluster.stop()
        await blobs.shutdown()
        await peers.shutdown()
        await store.close()
    }
}
