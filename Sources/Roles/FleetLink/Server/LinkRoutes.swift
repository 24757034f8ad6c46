import Address
import Admission
import Fleet
import HTTPServing
import HTTPTypes
import Hummingbird
import Identity
import JSON
import NIOCore
import Synchronization
import Text
import Threads

/// The routes of the server for agents (`/agent/v1`). They read and check each message, and identify the node.
struct LinkRoutes: Sendable {
    /// Maximum lengths of request bodies, in bytes.
    enum Most {
        static let message = 1 << 20
        /// Of hosts that have shown nothing yet.
        static let join = 64 << 10
        static let sync = 17 << 20
        /// For a million target ids.
        static let start = 32 << 20
        static let metainfo = 64 << 20
    }

    let service: any LinkService
    let authority: TrustedAuthority
    let callers: LinkCallers
    /// Seconds since 1970.
    let clock: @Sendable () -> Double
    private let failures = JoinLimit()
    private let largeBodies = LargeBodies()

    init(
        _ service: any LinkService, authority: TrustedAuthority, clock: @escaping @Sendable () -> Double
    ) {
        self.service = service
        self.authority = authority
        self.clock = clock
        callers = LinkCallers(authority)
    }

    typealias Call = @Sendable (Request, ServiceContext) async throws(LinkRefusal) -> Response

    func add(to router: Router<ServiceContext>) {
        func on(_ method: HTTPRequest.Method, _ path: String, _ call: @escaping Call) {
            router.on(RouterPath("agent/v1/" + path), method: method) { request, context in
                do throws(LinkRefusal) { return try await call(request, context) } catch {
                    var response = Response.problem(error)
                    // The body may not have been read, so the connection cannot serve another request.
                    if request.method != .get { response.headers[.connection] = "close" }
                    return response
                }
            }
        }
        on(.get, "authority") { _, _ throws(LinkRefusal) in about() }
        on(.post, "join") { request, context throws(LinkRefusal) in try await join(request, context) }
        on(.post, "renew") { request, context throws(LinkRefusal) in try await renew(request, context) }
        on(.post, "sync") { request, context throws(LinkRefusal) in
            let node = try await admitted(context)
            let message: SyncRequest = try await read(
                request, most: Most.sync, limits: SyncRequest.limits, of: node)
            return .message(try await service.sync(message, of: node))
        }
        on(.post, "announce") { request, context throws(LinkRefusal) in
            let node = try await admitted(context)
            return .message(try await service.announce(try await read(request), by: node))
        }
        on(.get, "swarms") { _, context throws(LinkRefusal) in
            let node = try await admitted(context)
            return .message(try await service.swarms(for: node))
        }
        addJobs(on)
    }

    private func addJobs(_ on: (HTTPRequest.Method, String, @escaping Call) -> Void) {
        on(.post, "jobs") { request, context throws(LinkRefusal) in
            let node = try await admitted(context)
            let isDry = request.uri.queryParameters["dry_run"] == "true"
            let plan = try await service.plan(try await read(request), dryRun: isDry, by: node)
            return .message(plan, status: isDry ? .ok : .created)
        }
        on(.get, "jobs/:job") { request, context throws(LinkRefusal) in
            let node = try await admitted(context)
            return .message(try await service.view(of: try job(context), for: node))
        }
        on(.post, "jobs/:job/key") { request, context throws(LinkRefusal) in
            let node = try await admitted(context)
            return .message(try await service.key(for: try job(context), try await read(request), by: node))
        }
        on(.post, "jobs/:job/start") { request, context throws(LinkRefusal) in
            let node = try await admitted(context)
            let limits = JSONLimits(maxBytes: Most.start, maxDepth: 32, maxValues: 1_100_000)
            let message: StartRequest = try await read(request, most: Most.start, limits: limits, of: node)
            return .message(try await service.start(try job(context), message, by: node))
        }
        on(.post, "jobs/:job/abandon") { request, context throws(LinkRefusal) in
            let node = try await admitted(context)
            let message: AbandonRequest = try await read(request)
            try await service.abandon(try job(context), reason: message.reason, by: node)
            return .json([:])
        }
        on(.put, "jobs/:job/metainfo") { request, context throws(LinkRefusal) in
            let node = try await admitted(context)
            let bytes = try await body(request, most: Most.metainfo, of: node)
            try await service.keep(metainfo: bytes, of: try job(context), by: node)
            return .json([:])
        }
        on(.get, "jobs/:job/metainfo") { request, context throws(LinkRefusal) in
            let node = try await admitted(context)
            let bytes = try await service.metainfo(of: try job(context), for: node)
            return Response(
                status: .ok, headers: [.contentType: "application/x-bittorrent"],
                body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
        }
        on(.put, "jobs/:job/digests") { request, context throws(LinkRefusal) in
            let node = try await admitted(context)
            let digests: FileDigests = try await read(
                request, most: FileDigests.most, limits: FileDigests.limits, of: node)
            try await service.keep(digests: digests, of: try job(context), by: node)
            return .json([:])
        }
        on(.get, "jobs/:job/digests") { _, context throws(LinkRefusal) in
            let node = try await admitted(context)
            return .message(try await service.digests(of: try job(context), for: node))
        }
        on(.put, "jobs/:job/sources") { request, context throws(LinkRefusal) in
            let node = try await admitted(context)
            let grant: SourceGrant = try await read(request, most: SourceGrant.most, limits: SourceGrant.limits)
            try await service.keep(grant: grant, of: try job(context), by: node)
            return .json([:])
        }
        on(.get, "jobs/:job/sources") { _, context throws(LinkRefusal) in
            let node = try await admitted(context)
            return .message(try await service.grant(of: try job(context), for: node))
        }
    }

    // MARK: Joining

    /// The certificate of the authority, which is public. A host compares it with its token's PIN.
    private func about() -> Response {
        .json(["authority": .string(authority.pem), "time": .double(clock())])
    }

    private func join(_ request: Request, _ context: ServiceContext) async throws(LinkRefusal) -> Response {
        guard let address = context.origin.address else { throw .malformed("the connection is closed") }
        guard !failures.isSpent(address) else { throw .tooManyJoins }
        let message: JoinRequest = try await read(request, most: Most.join)
        let key = try Self.key(of: message.request)
        do throws(LinkRefusal) {
            let reply = try await service.join(message, publicKey: key.der, from: address)
            return .message(reply, status: .created)
        } catch {
            if error.status == 403 { failures.fail(address) }
            throw error
        }
    }

    private func renew(_ request: Request, _ context: ServiceContext) async throws(LinkRefusal) -> Response {
        let node = try await callers.caller(context.origin).caller
        let message: RenewRequest = try await read(request)
        let key = try Self.key(of: message.request)
        guard key.der == node.publicKey else {
            throw LinkRefusal(
                403, "other_key", "the request is for another key than the connection's", advice: "join again")
        }
        return .message(try await service.renew(node, publicKey: key.der))
    }

    private static func key(of request: String) throws(LinkRefusal) -> PublicKey {
        guard let der = Base64.decode(request) else { throw .malformed("'request' is no base 64") }
        do throws(IdentityProblem) { return try SigningRequest.check(der) } catch {
            throw .malformed("'request' \(error)")
        }
    }

    // MARK: Calls of nodes

    /// The node that makes the request. Throws if its certificate has expired or control does not accept its key.
    private func admitted(_ context: ServiceContext) async throws(LinkRefusal) -> LinkCaller {
        let shown = try await callers.caller(context.origin)
        guard shown.ends >= clock() else { throw .expired }
        try await service.admits(shown.caller)
        return shown.caller
    }

    private func job(_ context: ServiceContext) throws(LinkRefusal) -> String {
        guard let job = context.parameters.get("job"), (1...64).contains(job.utf8.count) else { throw .noPath }
        return job
    }

    private func read<Message: WireMessage>(
        _ request: Request, most: Int = Most.message, limits: JSONLimits = .message, of node: LinkCaller? = nil
    ) async throws(LinkRefusal) -> Message {
        let bytes = try await body(request, most: most, of: node)
        do throws(WireProblem) { return try Message(bytes: bytes, limits: limits) } catch {
            throw .malformed(error.description)
        }
    }

    /// - Parameter node: who sends a body that may be large; nil for a small one.
    private func body(_ request: Request, most: Int, of node: LinkCaller? = nil) async throws(LinkRefusal) -> [UInt8] {
        let announced = request.headers[.contentLength].flatMap { Int($0) } ?? .max
        let isLarge = node != nil && announced > Most.message
        if isLarge, let node, !largeBodies.enter(node.node) {
            throw LinkRefusal(429, "busy", "two large requests of this node are under way: try again")
        }
        defer { if isLarge, let node { largeBodies.leave(node.node) } }
        var limits = HTTPLimits()
        limits.bodyBytes = most
        // Large bodies may come over slow lines.
        limits.bodyTime = most > Most.message ? .seconds(600) : .seconds(60)
        switch await RequestBytes.collect(request, limits: limits) {
        case .success(let bytes): return bytes
        case .failure(let problem): throw LinkRefusal(problem.status.code, "body", problem.text)
        }
    }
}

/// The large bodies that arrive: one node must not fill the memory of control with them.
private final class LargeBodies: Sendable {
    private let ofNode = Mutex<[NodeID: Int]>([:])
    private static let most = 2

    /// - Returns: whether the node may send one more; it calls ``leave(_:)`` then.
    func enter(_ node: NodeID) -> Bool {
        ofNode.withLock { counts in
            guard counts[node, default: 0] < Self.most else { return false }
            counts[node, default: 0] += 1
            return true
        }
    }

    func leave(_ node: NodeID) {
        ofNode.withLock { counts in
            let left = (counts[node] ?? 1) - 1
            counts[node] = left > 0 ? left : nil
        }
    }
}

/// The limit of refused joins for each address, over all connections.
private final class JoinLimit: Sendable {
    private let failures = Mutex(FailureLimit(10, per: 60))

    func isSpent(_ address: PeerAddress) -> Bool {
        failures.withLock { $0.isSpent(Source(address), at: Clocks.steadySeconds) }
    }

    func fail(_ address: PeerAddress) {
        failures.withLock { $0.fail(Source(address), at: Clocks.steadySeconds) }
    }
}
