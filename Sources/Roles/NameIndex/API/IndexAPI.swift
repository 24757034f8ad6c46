import HTTPServing
import HTTPTypes
import Hummingbird
import Registry
import RegistryAccess

/// The HTTP routes of an index: those of `/v1` first, then those of Kraken's build-index.
package struct IndexAPI: Sendable {
    private typealias Call = @Sendable (RequestValues) async throws(IndexError) -> Response

    private let calls: NameCalls
    private let counters: RequestCounters

    /// - Parameters:
    ///   - access: of a server to which other parts of the registry forward requests: tells which of them say the address
    ///     of their client. Nil for a server that clients ask themselves.
    ///   - now: the present time, in milliseconds since 1970.
    ///   - counters: counts the answers by subject, such as `tag`, and by status.
    package init(
        _ service: IndexService, limits: HTTPLimits, counters: RequestCounters, access: RegistryAccess? = nil,
        now: @escaping @Sendable () -> Int64
    ) {
        calls = NameCalls(service: service, now: now, limits: limits, access: access)
        self.counters = counters
    }

    package var routes: [Route] { named + krakens }
    /// The beginnings of Kraken's paths. Their errors are plain text.
    package static let krakens = ["/tags/", "/repositories/", "/list"]

    private var named: [Route] {
        let calls = calls
        return [
            // A longer template comes before a shorter one that matches the same paths.
            route(
                .get, "/v1/names/{name+}/tags/{tag}/history", "Who changed a tag, when, from where", "history",
                RegistryRoles.pull, parameters: ["limit", "after"]
            ) { values async throws(IndexError) in try await calls.history(values, ofTag: true) },
            route(
                .get, "/v1/names/{name+}/tags/{tag}/replications", "Other registries that are still to get a tag",
                "replication", RegistryRoles.pull
            ) { values async throws(IndexError) in try await calls.replications(values) },
            route(
                .post, "/v1/names/{name+}/tags/{tag}/replications", "Bring a tag to other registries now",
                "replication", RegistryRoles.push
            ) { values async throws(IndexError) in try await calls.replicate(values) },
            route(
                .get, "/v1/names/{name+}/tags/{tag}", "What a tag names", "tag", RegistryRoles.pull,
                parameters: ["ifNoneMatch"]
            ) {
                values async throws(IndexError) in try await calls.tag(values)
            },
            route(
                .put, "/v1/names/{name+}/tags/{tag}", "Have a tag name something: a digest, or a manifest as the body",
                "tag", RegistryRoles.push, parameters: ["ifMatch", "ifNoneMatch"], body: "Digest"
            ) {
                values async throws(IndexError) in try await calls.putTag(values)
            },
            route(
                .delete, "/v1/names/{name+}/tags/{tag}", "Delete a tag", "tag", RegistryRoles.admin,
                parameters: ["ifMatch"], answer: .init(204, "deleted")
            ) {
                values async throws(IndexError) in try await calls.deleteTag(values)
            },
            route(
                .get, "/v1/names/{name+}/tags", "The tags of a name", "list", RegistryRoles.pull,
                parameters: ["limit", "after"]
            ) {
                values async throws(IndexError) in try await calls.tags(values)
            },
            route(
                .get, "/v1/names/{name+}/history", "All changes of a name's tags", "history", RegistryRoles.pull,
                parameters: ["limit", "after"]
            ) {
                values async throws(IndexError) in try await calls.history(values, ofTag: false)
            },
            route(
                .get, "/v1/names", "All names", "list", RegistryRoles.pull, parameters: ["prefix", "limit", "after"]
            ) {
                values async throws(IndexError) in try await calls.names(values)
            },
            route(
                .post, "/v1/names/{name+}/imports", "Take over a manifest whose blobs are in the back end", "tag",
                RegistryRoles.admin, parameters: ["tags"], answer: .init(201, "taken over", schema: "Digest")
            ) { values async throws(IndexError) in try await calls.importManifest(values) },
            route(
                .get, "/v1/resolve/{reference+}", "All that a pull has to know", "resolve", RegistryRoles.pull,
                parameters: ["ifNoneMatch"]
            ) {
                values async throws(IndexError) in try await calls.resolve(values)
            },
            route(
                .post, "/v1/collection", "Take away what no tag reaches", "collection", RegistryRoles.admin,
                parameters: ["dryRun"]
            ) {
                values async throws(IndexError) in try await calls.collect(values)
            },
        ]
    }

    private var krakens: [Route] {
        let kraken = KrakenCalls(calls: calls)
        return [
            text(.put, "/tags/{tag+}/digest/{digest}", "Have a tag name a digest", "tag", RegistryRoles.push) {
                values async throws(IndexError) in try await kraken.put(values)
            },
            text(.get, "/tags/{tag+}", "The digest that a tag names", "tag", RegistryRoles.pull) {
                values async throws(IndexError) in try await kraken.digest(values)
            },
            text(.head, "/tags/{tag+}", "Whether there is such a tag", "tag", RegistryRoles.pull) {
                values async throws(IndexError) in try await kraken.has(values)
            },
            text(
                .get, "/repositories/{repo+}/tags", "The tags of a name", "list", RegistryRoles.pull,
                parameters: ["limit", "offset"], type: "application/json"
            ) {
                values async throws(IndexError) in try await kraken.tags(values)
            },
            text(
                .get, "/list/{prefix+}", "All tags at or below a path", "list", RegistryRoles.pull,
                parameters: ["limit", "offset"], type: "application/json"
            ) {
                values async throws(IndexError) in try await kraken.list(values, below: values.prefix("prefix"))
            },
            text(
                .get, "/list", "All tags", "list", RegistryRoles.pull, parameters: ["limit", "offset"],
                type: "application/json"
            ) {
                values async throws(IndexError) in try await kraken.list(values, below: "")
            },
        ]
    }

    private func route(
        _ method: HTTPRequest.Method, _ path: String, _ summary: String, _ subject: String, _ role: Role,
        parameters: [String] = [], body: String? = nil, answer: Route.Answer = .init(200, "done"),
        _ call: @escaping Call
    ) -> Route {
        Route(
            method, path, summary, parameters: parameters, body: body, answers: [answer], access: .role(role),
            handler: handler(subject, call) { .problem($0) })
    }

    private func text(
        _ method: HTTPRequest.Method, _ path: String, _ summary: String, _ subject: String, _ role: Role,
        parameters: [String] = [], type: String = "text/plain", _ call: @escaping Call
    ) -> Route {
        Route(
            method, path, summary, parameters: parameters, answers: [.init(200, "done", type: type)],
            access: .role(role), handler: handler(subject, call) { .text($0) })
    }

    private func handler(
        _ subject: String, _ call: @escaping Call, _ failure: @escaping @Sendable (IndexError) -> Response
    ) -> Route.Handler {
        let counters = counters
        return { request, context in
            var response: Response
            do throws(IndexError) {
                response = try await call(RequestValues(request: request, context: context))
            } catch {
                response = failure(error)
                // The body may be unread, so the connection cannot be used for another request.
                if request.method == .put { response.headers[.connection] = "close" }
            }
            counters.count(subject, status: response.status.code)
            return response
        }
    }
}
