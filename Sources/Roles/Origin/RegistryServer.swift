import Address
import Admission
import BlobNode
import Blobs
import ColdStore
import Database
import Files
import HTTPServing
import HTTPTypes
import Hummingbird
import IndexLink
import JSON
import Logging
import NameIndex
import OCI
import Registry
import RegistryAccess
import RegistryWatch
import Threads

/// The HTTP server of a whole registry in one process: one origin and its index.
package final class RegistryServer: Sendable {
    private let services: [HTTPService]
    private let idleUploads: IdleUploads
    package var addresses: [ListenAddress] { services.map(\.address) }

    private init(_ services: [HTTPService], _ uploads: UploadTable, age: Double, _ logger: Logger) {
        self.services = services
        idleUploads = IdleUploads(uploads, age: age, logger: logger)
    }

    /// Listens at each of the addresses, with the same routes at all of them.
    /// - Parameters:
    ///   - peers: the address at which other hosts reach this origin's engine.
    ///   - cold: writes blobs to back ends and reads them back; nil without back ends.
    ///   - trackers: announce URLs.
    ///   - direct: most HTTP reads of large blobs at a time; 0 for no limit.
    ///   - idleUpload: seconds after which an upload that nobody continues is removed.
    ///   - swarms: how swarms are found.
    ///   - access: the tokens and rights of callers.
    ///   - certificates: for TLS; nil for plain HTTP.
    package static func start(
        at addresses: [ListenAddress], node: BlobNode, index: any TagStore, cold: ColdStore? = nil,
        upkeep: OriginUpkeep? = nil, peers: String,
        trackers: [String], direct: Int = DirectReads.usual, idleUpload: Double = IdleUploads.usualAge,
        swarms: SwarmTerms = .anyClient,
        replication: (@Sendable () async -> IndexMetrics.Replication)? = nil,
        access: RegistryAccess, certificates: Certificates? = nil, admission: Admission,
        limits: HTTPLimits = HTTPLimits(), logger: Logger
    ) async throws(HTTPServiceError) -> RegistryServer {
        let uploads = UploadTable(node.directory)
        let hub = WatchHub()
        let service = service(node: node, index: index, cold: cold, upkeep: upkeep).telling {
            hub.tagged($1, of: $0, $2)
        }
        let names = StoredIndex(service) { digest, name throws(OCIError) in
            do throws(DatabaseFileError) { try await cold?.writeBack.add(digest, for: name) } catch {
                throw error.isDisk
                    ? OCIError(507, .denied, "no space is left at the registry")
                    : OCIError(503, .unavailable, "the registry's database does not answer: try again")
            }
        }
        let here = LocalReads(node: node, direct: DirectReads(most: direct), admission: admission, limits: limits)
        let oci = OCIService(
            index: names,
            blobs: OriginBlobs(node: node, uploads: uploads, cold: cold, upkeep: upkeep, here: here),
            admission: admission, limits: limits)
        let blobs = BlobCalls(index: names, node: node, cold: cold, trackers: trackers, swarms: swarms, here: here)
        let indexMetrics = IndexMetrics(index, replication: replication)
        let facts = FactsCall(
            here: OriginFacts(node: node, cold: cold, asksBackEnds: false),
            anywhere: OriginFacts(node: node, cold: cold, blobSweep: upkeep?.sweep), access: access)
        let scheme = certificates == nil ? "http" : "https"
        let metrics = OriginMetrics(node: node, cold: cold, upkeep: upkeep, index: indexMetrics, admission: admission)
        let calls = OriginRoutes.table(
            title: "registry",
            IndexAPI(
                service, limits: limits, counters: indexMetrics.counters,
                now: { StoredIndex.now }
            ).routes + [facts.route] + WatchCalls(hub, limits: limits).routes
                + UpkeepCalls(node: node, cold: cold, upkeep: upkeep).routes
                + OriginRoutes.blobs { await blobs.respond(to: $0, $1) }
                + OriginRoutes.lists(
                    cluster: { request, context in
                        let seen = SeenAddress(request, context)
                        return Response.json(
                            cluster(
                                seenFrom: request, scheme, peers: seen.peers(peers),
                                trackers: trackers.map(seen.announce), swarms: swarms.json(for: context, access)))
                    }, status: { _, _ in status(of: node) }, metrics: { _, _ in await metrics.page() },
                    ready: { await cold?.readinessProblem() }))
        var services: [HTTPService] = []
        for address in addresses {
            let router = Router(context: ServiceContext.self)
            router.add(middleware: middleware(to: address, access))
            oci.add(to: router)
            calls.add(to: router, refuse: refusal)
            calls.addOtherMethods(to: router, refuse: refusal) { $0 == WatchCalls.waiting }
            do throws(HTTPServiceError) {
                services.append(
                    try await HTTPService.start(
                        router.buildResponder(), at: address, admission: admission, door: .api, limits: limits,
                        certificates: certificates, logger: logger))
            } catch {
                for service in services { await service.stop() }
                throw error
            }
        }
        return RegistryServer(services, uploads, age: idleUpload, logger)
    }

    /// The index of this process, for its HTTP routes and for garbage collection.
    package static func service(
        node: BlobNode, index: any TagStore, cold: ColdStore?, upkeep: OriginUpkeep?
    ) -> IndexService {
        IndexService(store: index, facts: OriginFacts(node: node, cold: cold, blobSweep: upkeep?.sweep))
    }

    /// The answer to `/v1/cluster`: every part of the registry is at the URL by which the caller reached this server.
    private static func cluster(
        seenFrom request: Request, _ scheme: String, peers: String, trackers: [String], swarms: JSONValue?
    ) -> JSONValue {
        let url = "\(scheme)://" + (request.head.authority ?? "")
        var lists: JSONObject = [
            "origins": .array([.object(["url": .string(url), "peers": .string(peers)])]),
            "indexes": .array([.string(url)]), "trackers": .array(trackers.map { .string($0) }),
        ]
        if let swarms { lists["swarms"] = swarms }
        return .object(lists)
    }

    /// The answer to `/v1/status`: number and bytes of blobs here, and bytes sent to peers since the start.
    private static func status(of node: BlobNode) -> Response {
        let figures = node.catalogue.figures
        return .json(
            .object([
                "blobs": .integer(Int64(figures.blobs)), "bytes": .integer(figures.bytes),
                "sentBytes": .integer(node.swarm.sentBytes),
            ]))
    }

    private static let open: Set<String> = ["/health", "/healthz", "/readyz", "/readiness"]

    private static func middleware(to address: ListenAddress, _ access: RegistryAccess) -> AccessMiddleware {
        AccessMiddleware(
            RequestGuard(address: address, local: RegistryAccess.localCaller), access.authenticator, setting: "tokens",
            open: open,
            challenge: { RegistryAccess.challenge($0.uri.path) }, refuse: refusal)
    }

    /// The answer to a request that is refused before its route runs, in the form that clients of its path expect.
    private static let refusal: RefusalAnswer = { request, status, text in
        let path = request.uri.path
        if path.hasPrefix("/v2") { return OCIService.refusal(status, text) }
        if (IndexAPI.krakens + ["/namespace/"]).contains(where: path.hasPrefix) {
            return .text(text + "\n", status: status)
        }
        return Problem.response(status, "REFUSED", text)
    }

    package func stop() async {
        idleUploads.stop()
        for service in services { await service.stop() }
    }
}
