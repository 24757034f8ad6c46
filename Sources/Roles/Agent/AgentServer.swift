import Address
import Admission
import BlobNode
import HTTPServing
import HTTPTypes
import Hummingbird
import JSON
import Logging
import NIOCore
import OCI
import Registry
import RegistryAccess
import RegistryClient
import Text
import Threads

/// The HTTP server of an agent, for the programs of its host. Container programs can pull here as from the registry.
package final class AgentServer: Sendable {
    private let services: [HTTPService]
    package var addresses: [ListenAddress] { services.map(\.address) }

    private init(_ services: [HTTPService]) { self.services = services }

    /// - Parameters:
    ///   - addresses: loopback addresses only: the agent pulls with its own token for every program that reaches it.
    ///   - pulls: the table to list pulls from, if other parts of the agent pull too; nil for a new one.
    ///   - access: the programs of this host that may make requests.
    ///   - certificates: for TLS; nil for plain HTTP.
    ///   - allows: whether requests from a remote address are answered at all; nil for all addresses.
    package static func start(
        _ agent: Agent, at addresses: [ListenAddress], pulls: PullTable? = nil, access: RegistryAccess = .local,
        allows: (@Sendable (String) -> Bool)? = nil, admission: Admission,
        limits: HTTPLimits = HTTPLimits(), certificates: Certificates? = nil, logger: Logger
    ) async throws(HTTPServiceError) -> AgentServer {
        let answer = BlobAnswer(agent: agent, admission: admission, limits: limits)
        let givesAnyCached = if case .tokens = access { false } else { true }
        let oci = OCIService(
            index: AgentIndex(agent, givesAnyCached: givesAnyCached), blobs: AgentBlobs(answer: answer),
            admission: admission, limits: limits,
            mirrors: { await agent.view.isPart($0) })
        let pulls = pulls ?? PullTable(agent)
        let table = AgentRoutes(
            calls: AgentCalls(agent: agent, answer: answer), files: FileCalls(answer: answer),
            pulls: PullCalls(pulls, limits), state: AgentState(agent: agent, pulls: pulls),
            metrics: AgentMetrics(agent: agent, admission: admission)
        ).table
        var services: [HTTPService] = []
        for address in addresses {
            let router = Router(context: ServiceContext.self)
            if let allows { router.add(middleware: AddressFilter(allows: allows)) }
            router.add(
                middleware: AccessMiddleware(
                    RequestGuard(address: address, local: RegistryAccess.localCaller), access.authenticator,
                    setting: "tokens", open: table.openPaths,
                    challenge: { RegistryAccess.challenge($0.uri.path) }, refuse: refusal))
            oci.add(to: router)
            table.add(to: router, refuse: refusal)
            table.addOtherMethods(to: router, refuse: refusal) { $0.hasSuffix("/events") }
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
        return AgentServer(services)
    }

    package func stop() async {
        for service in services { await service.stop() }
    }

    /// The answer to a request that is refused before its route runs, in the form that clients of its path expect.
    private static let refusal: RefusalAnswer = { request, status, text in
        let path = request.uri.path
        if path.hasPrefix("/v2") { return OCIService.refusal(status, text) }
        if AgentRoutes.krakens.contains(where: path.hasPrefix) { return .text(text + "\n", status: status) }
        return Problem.response(status, "REFUSED", text)
    }
}

/// The handlers of Kraken's paths, and of `/v1/blobs`.
struct AgentCalls: Sendable {
    let agent: Agent
    let answer: BlobAnswer
    private let preloads = Preloads()

    init(agent: Agent, answer: BlobAnswer) {
        self.agent = agent
        self.answer = answer
    }

    /// The response that refuses a request; nil if the caller has the role, and may see the name.
    func refusal(of role: Role, with name: ContentName? = nil, _ context: ServiceContext) -> Response? {
        guard context.may(role) else {
            return .text("this token does not allow that: the role '\(role)' is needed\n", status: .forbidden)
        }
        guard let name, !context.sees(name) else { return nil }
        return .text(ServiceContext.unseenText(name) + "\n", status: .forbidden)
    }

    /// `/namespace/NAME/blobs/DIGEST`: a blob. Sends its first bytes while the rest still arrives.
    func blob(_ request: Request, _ context: ServiceContext) async -> Response {
        let parts = request.uri.path.split(separator: "/").map(String.init)
        guard parts.count >= 4, parts[0] == "namespace", parts[parts.count - 2] == "blobs",
            let name = PercentEncoding.decode(parts[1..<(parts.count - 2)].joined(separator: "/"))
                .flatMap({ ContentName($0) }),
            let digest = Self.digest(parts[parts.count - 1])
        else { return .text("that is no path of a blob\n", status: .badRequest) }
        if let refusal = refusal(of: RegistryRoles.pull, with: name, context) { return refusal }
        let headers: HTTPFields = [.contentType: "application/octet-stream"]
        // A cached blob may belong to another name. For a caller that is limited to some names, the registry must
        // confirm that this name has the blob.
        if context.caller?.scope == nil, let response = await answer.cached(digest, request.head, headers, context) {
            return response
        }
        do throws(AgentError) {
            let content = try await agent.resolve(Reference(name: name, version: .digest(digest)))
            if let response = await answer.cached(digest, request.head, headers, context) { return response }
            if let blob = content.blobs[digest],
                let response = try await answer.response(
                    blob, of: name, to: request.head, headers: headers, in: context)
            {
                return response
            }
            // The digest may be that of a manifest.
            if let manifest = content.manifests[digest] { return Self.bytes(of: manifest, request.head) }
            return .text(RegistryText.noBlob(digest) + "\n", status: .notFound)
        } catch {
            return AgentProblem.text(error)
        }
    }

    private static func bytes(of manifest: Manifest, _ head: HTTPRequest) -> Response {
        let headers: HTTPFields = [.contentType: manifest.mediaType, .eTag: "\"\(manifest.digest)\""]
        if head.method == .head {
            var headers = headers
            headers[.contentLength] = "\(manifest.bytes.count)"
            return Response(status: .ok, headers: headers)
        }
        return Response(
            status: .ok, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(bytes: manifest.bytes)))
    }

    /// Kraken's clients write digests in paths with and without `sha256:`.
    private static func digest(_ text: String) -> BlobDigest? {
        let text = PercentEncoding.decode(text) ?? ""
        return BlobDigest(text) ?? BlobDigest("sha256:" + text)
    }

    /// `NAME:TAG` at the end of a path, percent-encoded or not.
    private static func reference(_ request: Request, after prefix: String) -> Reference? {
        PercentEncoding.decode(request.uri.path.dropFirst(prefix.count)).flatMap { Reference($0) }
    }

    /// `/tags/NAME:TAG`: the tag's digest, as text.
    func tag(_ request: Request, _ context: ServiceContext) async -> Response {
        guard let reference = Self.reference(request, after: "/tags/") else {
            return .text("that is no NAME:TAG\n", status: .badRequest)
        }
        if let refusal = refusal(of: RegistryRoles.pull, with: reference.name, context) { return refusal }
        do throws(AgentError) {
            return .text(try await agent.resolve(reference).digest.description)
        } catch {
            return AgentProblem.text(error)
        }
    }

    /// `/preload/tags/NAME:TAG`: pulls a tag into the cache. Responds with 200 when all of it is cached; with
    /// `?wait=false`, with 202 at once.
    func preload(_ request: Request, _ context: ServiceContext) async -> Response {
        guard let reference = Self.reference(request, after: "/preload/tags/") else {
            return .text("that is no NAME:TAG\n", status: .badRequest)
        }
        if let refusal = refusal(of: RegistryRoles.pull, with: reference.name, context) { return refusal }
        do throws(AgentError) {
            let content = try await agent.resolve(reference)
            if request.uri.queryParameters["wait"] == "false" {
                let fixed = Reference(name: reference.name, version: .digest(content.digest))
                switch preloads.begin(fixed) {
                case .isRunning: return .text("under way\n", status: .accepted)
                case .tooMany: return .text("too many are under way: try again later\n", status: .tooManyRequests)
                case .begun: break
                }
                Task { [agent, preloads] in
                    try? await agent.obtainAll(content, of: reference.name)
                    preloads.end(fixed)
                }
                return .text("under way\n", status: .accepted)
            }
            try await agent.obtainAll(content, of: reference.name)
            return .text("cached\n")
        } catch {
            return AgentProblem.text(error)
        }
    }

    /// `DELETE /blobs/DIGEST`: removes a blob from the cache.
    func delete(_ request: Request, _ context: ServiceContext) async -> Response {
        guard let digest = request.uri.path.split(separator: "/").last.flatMap({ Self.digest(String($0)) }) else {
            return .text("that is no digest\n", status: .badRequest)
        }
        if let refusal = refusal(of: RegistryRoles.admin, context) { return refusal }
        guard agent.node.catalogue.entry(of: digest.sha256) != nil else {
            return .text("it is not cached\n", status: .notFound)
        }
        guard await agent.remove(digest.sha256) else {
            return .text("it is being read: try again later\n", status: .conflict)
        }
        return Response(status: .accepted)
    }

    /// `GET /v1/blobs`: the cached blobs, the last used at the end (10,000 at most), and after them those being
    /// fetched.
    func blobs() async -> Response {
        let peers = await agent.fetches.peersOfGiven()
        var blobs = agent.node.catalogue.leastRecentlyUsed.suffix(10_000).map { digest, entry -> JSONValue in
            .object([
                "digest": .string(BlobDigest(digest).description), "size": .integer(entry.size),
                "usedAt": .double(entry.usedAt), "share": .double(1), "peers": .integer(Int64(peers[digest] ?? 0)),
            ])
        }
        for digest in await agent.fetches.digestsUnderWay {
            guard let progress = await agent.fetches.progress(of: digest) else { continue }
            blobs.append(
                .object([
                    "digest": .string(BlobDigest(digest).description), "size": .integer(progress.total),
                    "share": .double(progress.total > 0 ? Double(progress.done) / Double(progress.total) : 0),
                    "rate": .integer(Int64(progress.rate)),
                    "peers": .integer(Int64(progress.peers + progress.origins)),
                ]))
        }
        return .json(.object(["blobs": .array(blobs)]))
    }
}
