// IndexServer: an index in a process of its own.
//
// Purpose: the HTTP server of an index over its store: names, tags and manifests for pulls; the internal calls of
// origins; the list of the registry's parts; replication of tags to other registries. Must never: report ready while
// its store does not answer.

import Address
import Admission
import HTTPServing
import HTTPTypes
import Hummingbird
import IndexLink
import Logging
import MetricFamilies
import NameIndex
import OCI
import Registry
import RegistryAccess
import RegistryWatch
import Threads

/// The HTTP server of an index.
package final class IndexServer: Sendable {
    private let services: [HTTPService]
    package var addresses: [ListenAddress] { services.map(\.address) }

    private static let open: Set<String> = ["/health", "/healthz", "/readyz", "/readiness"]

    private init(_ services: [HTTPService]) { self.services = services }

    /// Listens at each of the addresses, with the same routes at all of them.
    /// - Parameter certificates: for TLS; nil for plain HTTP.
    package static func start(
        at addresses: [ListenAddress], service: IndexService, hub: WatchHub, cluster: ClusterList,
        metrics: IndexMetrics,
        access: RegistryAccess, certificates: Certificates? = nil, admission: Admission,
        limits: HTTPLimits = HTTPLimits(), logger: Logger
    ) async throws(HTTPServiceError) -> IndexServer {
        let scheme = certificates == nil ? "http" : "https"
        let calls = RegistryDescription.table(
            title: "index", description: "Names and tags, and what they lead to.",
            routes: IndexAPI(
                service, limits: limits, counters: metrics.counters, access: access, now: { StoredIndex.now }
            ).routes + NameLinkCalls(StoredIndex(service), access: access).routes + [
                HoldersCall(service.store, access: access).route,
                Route(.get, "/v1/cluster", "The parts of the registry", access: .role(RegistryRoles.pull)) {
                    request, context in
                    .json(
                        await cluster.json(seenAs: "\(scheme)://" + (request.head.authority ?? "")) {
                            $0.json(for: context, access)
                        })
                },
                Route(
                    .get, "/metrics", "Numbers for Prometheus", answers: [.init(200, "done", type: "text/plain")],
                    access: .role(RegistryRoles.pull)
                ) { _, _ in
                    .text(
                        MetricsPage.text(
                            await metrics.families() + AdmissionFamilies.all(of: admission.figures)),
                        type: MetricsPage.type)
                },
            ] + WatchCalls(hub, limits: limits).routes + health(service.store))
        var services: [HTTPService] = []
        for address in addresses {
            let router = Router(context: ServiceContext.self)
            router.add(
                middleware: AccessMiddleware(
                    RequestGuard(address: address, local: RegistryAccess.localCaller), access.authenticator,
                    setting: "tokens", open: open, challenge: { RegistryAccess.challenge($0.uri.path) },
                    refuse: refusal))
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
        return IndexServer(services)
    }

    package func stop() async { for service in services { await service.stop() } }

    /// Liveness, which needs nothing, and readiness, which needs an answer of the store.
    private static func health(_ store: any TagStore) -> [Route] {
        ["/health", "/healthz"].map { path in
            Route(.get, path, "Alive", access: .open) { _, _ in .text("ok\n") }
        }
            + ["/readyz", "/readiness"].map { path in
                Route(.get, path, "Ready", access: .open) { _, _ in
                    switch await Readiness.of(store) {
                    case nil: return .text("ok\n")
                    case let reason?: return .text(reason + "\n", status: .serviceUnavailable)
                    }
                }
            }
    }

    /// The answer to a request that is refused before its route runs, in the form that clients of its path expect.
    private static let refusal: RefusalAnswer = { request, status, text in
        let path = request.uri.path
        if path.hasPrefix("/v1/internal") { return OCIService.refusal(status, text) }
        if IndexAPI.krakens.contains(where: path.hasPrefix) { return .text(text + "\n", status: status) }
        return Problem.response(status, "REFUSED", text)
    }
}

/// Whether a store answers.
private enum Readiness {
    private static let patience = Duration.seconds(2)

    /// Nil if the store answers within two seconds; otherwise the reason, for the response.
    static func of(_ store: any TagStore) async -> String? {
        await withTaskGroup(of: String?.self) { group in
            group.addTask {
                do throws(TagStoreError) {
                    _ = try await store.names(prefix: "", after: nil, limit: 1)
                    return nil
                } catch {
                    return "\(error)"
                }
            }
            group.addTask {
                try? await Task.sleep(for: patience)
                return "the index's store does not answer"
            }
            defer { group.cancelAll() }
            return await group.next() ?? nil
        }
    }
}
