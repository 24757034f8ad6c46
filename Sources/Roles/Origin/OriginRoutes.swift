import HTTPServing
import HTTPTypes
import Hummingbird
import JSON
import RegistryAccess

/// Routes that every origin has, be it alone or one of several.
package enum OriginRoutes {
    /// A table of routes with its OpenAPI description.
    package static func table(title: String, _ routes: [Route]) -> RouteTable {
        RegistryDescription.table(
            title: title,
            description: "The OCI distribution API 1.1 is at /v2/, as its specification has it.", routes: routes)
    }

    /// Blobs and their torrents at the paths that Kraken uses.
    package static func blobs(_ respond: @escaping Route.Handler) -> [Route] {
        let (path, access) = ("/namespace/{namespace+}/blobs/{digest}", Route.Access.role(RegistryRoles.pull))
        let blob = Route.Answer(200, "its bytes", type: "application/octet-stream")
        let torrent = Route.Answer(200, "its torrent", type: "application/x-bittorrent")
        let missing = Route.Answer(404, "no such blob under this name", type: "text/plain")
        return [
            Route(
                .get, path + "/metainfo", "The torrent of a blob", answers: [torrent, missing], access: access,
                handler: respond),
            Route(
                .head, path + "/metainfo", "Whether there is a torrent", answers: [torrent, missing], access: access,
                handler: respond),
            Route(
                .get, path, "A blob, whole or in ranges", parameters: ["range"],
                answers: [
                    blob, .init(202, "it is being fetched: try again"), missing,
                    .init(429, "too many reads: try again", type: "text/plain"),
                ], access: access, handler: respond),
            Route(.head, path, "The size of a blob", answers: [blob, missing], access: access, handler: respond),
        ]
    }

    /// - Parameter ready: why the origin is not ready; nil if it is.
    package static func lists(
        cluster: @escaping Route.Handler, status: @escaping Route.Handler, metrics: @escaping Route.Handler,
        ready: @escaping @Sendable () async -> String?
    ) -> [Route] {
        [
            Route(
                .get, "/v1/cluster", "The parts of the registry", access: .role(RegistryRoles.pull), handler: cluster),
            Route(.get, "/v1/status", "The blobs of this origin", access: .role(RegistryRoles.pull), handler: status),
            Route(
                .get, "/metrics", "Numbers for Prometheus", answers: [.init(200, "done", type: "text/plain")],
                access: .role(RegistryRoles.pull), handler: metrics),
        ]
            + ["/health", "/healthz"].map { path in
                Route(.get, path, "Alive", answers: [.init(200, "ok", type: "text/plain")], access: .open) { _, _ in
                    .text("ok\n")
                }
            }
            + ["/readyz", "/readiness"].map { path in
                Route(
                    .get, path, "Ready: the back ends with `must_ready` answer",
                    answers: [
                        .init(200, "ok", type: "text/plain"), .init(503, "not ready: why", type: "text/plain"),
                    ], access: .open
                ) { _, _ in
                    guard let problem = await ready() else { return .text("ok\n") }
                    return .text(problem + "\n", status: .serviceUnavailable)
                }
            }
    }
}
