import Address
import Admission
import BlobNode
import Blobs
import ColdStore
import Files
import HTTPServing
import HTTPTransport
import HTTPTypes
import Hummingbird
import IndexLink
import JSON
import Logging
import OCI
import Origin
import Registry
import RegistryAccess
import RegistryClient
import Text
import Threads
import Upkeep

/// The configuration of an origin's HTTP server.
package struct OriginDoors: Sendable {
    package var addresses: [ListenAddress]
    package var access: RegistryAccess
    /// For TLS; nil for plain HTTP.
    package var certificates: Certificates?
    /// The address at which other hosts reach this origin's engine.
    package var peers: String
    /// The indexes: listed in `/v1/cluster`, and targets of forwarded requests about names.
    package var indexes: [HTTPURL]
    /// Announce URLs.
    package var trackers: [String]
    /// How swarms are found.
    package var swarms: SwarmTerms
    /// Settings of connections to indexes: the certificate pin, or the authorities.
    package var transport: HTTPTransportSettings
    /// A token with the role `cluster`, for indexes; nil for a registry without tokens.
    package var credential: RegistryCredential?

    package init(
        addresses: [ListenAddress], access: RegistryAccess, certificates: Certificates? = nil, peers: String,
        indexes: [HTTPURL] = [], trackers: [String] = [], swarms: SwarmTerms = .anyClient,
        transport: HTTPTransportSettings = HTTPTransportSettings(), credential: RegistryCredential? = nil
    ) {
        self.addresses = addresses
        self.access = access
        self.certificates = certificates
        self.peers = peers
        self.indexes = indexes
        self.trackers = trackers
        self.swarms = swarms
        self.transport = transport
        self.credential = credential
    }
}

/// The HTTP server of one of several origins, with the repair of blobs.
package final class OriginServer: Sendable {
    private let services: [HTTPService]
    private let repair: Repair
    private let forward: IndexForward
    private let idleUploads: IdleUploads
    package var addresses: [ListenAddress] { services.map(\.address) }

    private static let open: Set<String> = ["/health", "/healthz", "/readyz", "/readiness"]

    private init(
        _ services: [HTTPService], _ repair: Repair, _ forward: IndexForward, _ uploads: UploadTable, age: Double,
        _ logger: Logger
    ) {
        self.services = services
        self.repair = repair
        self.forward = forward
        idleUploads = IdleUploads(uploads, age: age, logger: logger)
    }

    /// Listens at all addresses. The caller starts `watch` after this returns.
    /// - Parameters:
    ///   - cold: nil without back ends.
    package static func start(
        _ doors: OriginDoors, node: BlobNode, index: any OCIIndex, cold: ColdStore?, watch: ClusterWatch,
        peers: OriginPeers, upkeep: OriginUpkeep? = nil, settings: ClusterSettings, admission: Admission,
        limits: HTTPLimits = HTTPLimits(), logger: Logger
    ) async throws(HTTPServiceError) -> OriginServer {
        let uploads = UploadTable(node.directory)
        let tasks = BackendTasks(cold: cold, watch: watch)
        let repair = Repair(
            watch: watch, peers: peers, node: node, tasks: tasks, space: upkeep?.space, repairs: settings.repairs,
            logger: logger)
        let copies = Copies(
            watch: watch, peers: peers, node: node, tasks: tasks, repair: repair, settings: settings, logger: logger)
        let reads = BlobReads(
            node: node, watch: watch, peers: peers, cold: cold, repair: repair,
            here: LocalReads(
                node: node, direct: DirectReads(most: settings.direct), admission: admission, limits: limits),
            admission: admission)
        cold?.reads.onArrival { digest in Task { await repair.mark(digest) } }
        upkeep?.scrubber.onLoss { digest in Task { await repair.bring(BlobDigest(digest)) } }
        let index = ClusterIndex(index: index, tasks: tasks, watch: watch, peers: peers)
        let oci = OCIService(
            index: index,
            blobs: ClusterBlobs(
                directory: node.directory, uploads: uploads, reads: reads, copies: copies, upkeep: upkeep),
            admission: admission, limits: limits)
        let needsRole = if case .tokens = doors.access { true } else { false }
        let calls = InternalCalls(
            node: node, watch: watch, reads: reads, copies: copies, repair: repair, tasks: tasks, uploads: uploads,
            space: upkeep?.space, peers: doors.peers, trackers: doors.trackers, needsRole: needsRole,
            admission: admission)
        let facts = FactsCall(
            here: ClusterFacts(reads: reads, tasks: tasks, asksBackEnds: false),
            anywhere: ClusterFacts(reads: reads, tasks: tasks, asksBackEnds: true), access: doors.access)
        let kraken = KrakenBlobCalls(index: index, reads: reads, trackers: doors.trackers, swarms: doors.swarms)
        let (lists, forward) = (
            ClusterLists(watch: watch, peers: peers, doors: doors, node: node),
            IndexForward(doors.indexes, credential: doors.credential, settings: doors.transport)
        )
        let metrics = OriginMetrics(
            node: node, cold: cold, repair: repair, watch: watch, upkeep: upkeep, admission: admission)
        let table = OriginRoutes.table(
            title: "origin",
            [facts.route] + (upkeep.map { [SweepCall($0.sweep, access: doors.access).route] } ?? [])
                + UpkeepCalls(node: node, cold: cold, upkeep: upkeep).routes
                + OriginRoutes.blobs { await kraken.respond(to: $0, $1) }
                + OriginRoutes.lists(
                    cluster: { request, context in await lists.cluster(seenFrom: request, context) },
                    status: { _, _ in lists.status() },
                    metrics: { _, _ in await metrics.page() }, ready: { await cold?.readinessProblem() }))
        var services: [HTTPService] = []
        for address in doors.addresses {
            let router = Router(context: ServiceContext.self)
            router.add(middleware: middleware(to: address, doors.access))
            oci.add(to: router)
            calls.add(to: router)
            table.add(to: router, refuse: refusal)
            table.addOtherMethods(to: router, refuse: refusal)
            forward.add(to: router)
            do throws(HTTPServiceError) {
                services.append(
                    try await HTTPService.start(
                        router.buildResponder(), at: address, admission: admission, door: .api, limits: limits,
                        certificates: doors.certificates, logger: logger))
            } catch {
                for service in services { await service.stop() }
                await forward.shutdown()
                throw error
            }
        }
        await repair.start()
        return OriginServer(services, repair, forward, uploads, age: settings.idleUpload, logger)
    }

    private static func middleware(to address: ListenAddress, _ access: RegistryAccess) -> AccessMiddleware {
        AccessMiddleware(
            RequestGuard(address: address, local: RegistryAccess.localCaller), access.authenticator, setting: "tokens",
            open: open, challenge: { RegistryAccess.challenge($0.uri.path) }, refuse: refusal)
    }

    private static let refusal: RefusalAnswer = { request, status, text in
        let path = request.uri.path
        if path.hasPrefix("/v2") { return OCIService.refusal(status, text) }
        if path.hasPrefix("/namespace/") { return .text(text + "\n", status: status) }
        return Problem.response(status, "REFUSED", text)
    }

    package func stop() async {
        idleUploads.stop()
        for service in services { await service.stop() }
        await repair.stop()
        await forward.shutdown()
    }
}
