import HTTPServing
import HTTPTypes
import Hummingbird
import Registry
import RegistryAccess

/// The routes of an agent, without those of the OCI distribution API.
struct AgentRoutes: Sendable {
    let calls: AgentCalls
    let files: FileCalls
    let pulls: PullCalls
    let state: AgentState
    let metrics: AgentMetrics

    /// Prefixes of the paths that Kraken uses. Errors on these paths are plain text.
    static let krakens = ["/namespace/", "/tags/", "/preload/", "/blobs/"]

    var table: RouteTable {
        RegistryDescription.table(
            title: "agent",
            description: "Content by name, for the programs of a host. Container programs pull at /v2/, by the OCI "
                + "distribution API 1.1.", routes: content + kraken + pulls.routes + own)
    }

    private static let bytes = Route.Answer(200, "its bytes", type: "application/octet-stream")
    private static let text = Route.Answer(200, "done", type: "text/plain")
    private static let unknown = Route.Answer(404, "nothing of that name", type: "text/plain")
    private static let silent = Route.Answer(503, "no source for it", type: "text/plain")

    private var content: [Route] {
        let (calls, files) = (calls, files)
        return [HTTPRequest.Method.get, .head].map { method in
            Route(
                method, "/v1/files/{file+}", "A file of a tag, NAME:TAG/PATH, from its first byte while it arrives",
                parameters: ["range"],
                answers: [Self.bytes, .init(404, "no such tag or file", schema: "Problem")],
                access: .role(RegistryRoles.pull)
            ) { await files.respond(to: $0, $1) }
        }
            + [HTTPRequest.Method.get, .head].map { method in
                Route(
                    method, "/namespace/{namespace+}/blobs/{digest}", "A blob, from its first byte while it arrives",
                    parameters: ["range"], answers: [Self.bytes, Self.unknown, Self.silent],
                    access: .role(RegistryRoles.pull)
                ) { await calls.blob($0, $1) }
            }
    }

    private var kraken: [Route] {
        let calls = calls
        return [HTTPRequest.Method.get, .head].map { method in
            Route(
                method, "/tags/{tag+}", "The digest that NAME:TAG stands for",
                answers: [Self.text, Self.unknown, Self.silent], access: .role(RegistryRoles.pull)
            ) { await calls.tag($0, $1) }
        } + [
            Route(
                .get, "/preload/tags/{tag+}", "Pull all of NAME:TAG into the cache", parameters: ["wait"],
                answers: [Self.text, .init(202, "under way", type: "text/plain"), Self.unknown],
                access: .role(RegistryRoles.pull)
            ) { await calls.preload($0, $1) },
            Route(
                .delete, "/blobs/{digest}", "Remove a blob from the cache",
                answers: [
                    .init(202, "gone", type: "text/plain"), Self.unknown,
                    .init(409, "it is being read", type: "text/plain"),
                ], access: .role(RegistryRoles.admin)
            ) { await calls.delete($0, $1) },
        ]
    }

    private var own: [Route] {
        let (calls, state, metrics) = (calls, state, metrics)
        return [
            Route(.get, "/v1/status", "The registry as seen here, and the cache", access: .role(RegistryRoles.pull)) {
                _, _ in .json(await state.status())
            },
            // The list has digests of all names, so it needs the role of an administrator.
            Route(.get, "/v1/blobs", "What is cached", access: .role(RegistryRoles.admin)) { _, _ in
                await calls.blobs()
            },
            Route(
                .get, "/metrics", "Numbers for Prometheus", answers: [Self.text], access: .role(RegistryRoles.pull)
            ) { _, _ in await metrics.page() },
        ]
            + ["/health", "/healthz"].map { path in
                Route(.get, path, "Alive", answers: [Self.text], access: .open) { _, _ in .text("ok\n") }
            }
            + ["/readyz", "/readiness"].map { path in
                Route(
                    .get, path, "Whether new content can be pulled, or why not", answers: [Self.text, Self.silent],
                    access: .open
                ) { _, _ in await state.ready() }
            }
    }
}
