import Address
import Fleet
import FleetLink
import Hashing
import Identity
import Logging
import Synchronization
import Text
import Threads

/// A control that keeps everything in memory: what the door needs behind it, and no more.
actor TestControl: LinkService {
    let authority: Authority
    /// Secrets by the token's id; each is used once.
    private var tokens: [String: Secret] = [:]
    private var usedBy: [String: [UInt8]] = [:]
    private var revoked: Set<NodeID> = []
    private var sequences: [NodeID: SyncSequence] = [:]
    private var waiting: [NodeID: CheckedContinuation<Void, Never>] = [:]
    private var commands: [FleetCommand] = []
    private(set) var joins = 0
    private(set) var renewals = 0
    private(set) var syncs: [SyncRequest] = []
    private(set) var events: [AgentEvent] = []
    private(set) var announced: [AnnounceRequest] = []
    private(set) var torrents: [String: [UInt8]] = [:]
    private(set) var starts: [String: StartRequest] = [:]
    private(set) var abandoned: [String: String] = [:]
    /// Seconds for which a request waits.
    var interval = 30.0
    private var isEnding = false
    var watched: [String] = []
    var told: [String] = []
    /// Views that wait until they are let go; nil if none waits.
    private(set) var held: [CheckedContinuation<Void, Never>]?
    /// Whether it takes events. While it does not, requests with events wait as others do.
    private var takesEvents = true
    /// For the next request with events.
    private var refusal: LinkRefusal?

    init(authority: Authority? = nil) throws {
        self.authority = try authority ?? Authority(now: Clocks.wallSeconds)
    }

    func token() throws -> EnrolmentToken {
        let token = EnrolmentToken(random: (0..<40).map { _ in .random(in: 0...255) }, pin: authority.pin)
        guard let token else { throw IdentityProblem("no token") }
        tokens[token.id] = token.secret
        return token
    }

    func revoke(_ node: NodeID) { revoked.insert(node) }
    func set(interval: Double) { self.interval = interval }
    func set(watched: [String]) { self.watched = watched }
    func set(told: [String]) { self.told = told }

    func set(takesEvents: Bool) { self.takesEvents = takesEvents }
    var hasWaiting: Bool { !waiting.isEmpty }

    func refuseEvents(_ refusal: LinkRefusal) { self.refusal = refusal }
    func holdViews() { held = [] }
    func letViewsGo() {
        for view in held ?? [] { view.resume() }
        held = nil
    }

    func give(_ command: FleetCommand) {
        commands.append(command)
        for (node, continuation) in waiting {
            waiting[node] = nil
            continuation.resume()
        }
    }

    // MARK: LinkService

    func join(
        _ request: JoinRequest, publicKey: [UInt8], from address: PeerAddress
    ) async throws(LinkRefusal) -> JoinReply {
        joins += 1
        guard let secret = tokens[request.token], secret.matches(request.secret.value) else {
            throw LinkRefusal(403, "token_unknown", "no such token")
        }
        guard abs(request.time - Clocks.wallSeconds) < ClockDifference.most else {
            throw LinkRefusal(422, "clock", "the clocks are too far apart")
        }
        if let user = usedBy[request.token], user != publicKey {
            throw LinkRefusal(409, "token_used", "the token was used")
        }
        usedBy[request.token] = publicKey
        return try reply(NodeID(publicKey: publicKey), publicKey, name: request.facts.name)
    }

    func renew(_ node: LinkCaller, publicKey: [UInt8]) async throws(LinkRefusal) -> JoinReply {
        renewals += 1
        guard !revoked.contains(node.node) else { throw .revoked }
        return try reply(node.node, publicKey, name: "renewed")
    }

    private func reply(_ node: NodeID, _ publicKey: [UInt8], name: String) throws(LinkRefusal) -> JoinReply {
        let now = Clocks.wallSeconds
        guard let key = PublicKey(der: publicKey),
            let certificate = try? authority.node(node.description, key: key, now: now)
        else { throw LinkRefusal(500, "certificate", "no certificate") }
        return JoinReply(
            state: .active, node: node, name: name, certificate: certificate.pem, authority: authority.trusted.pem,
            time: now, controls: told)
    }

    func admits(_ node: LinkCaller) async throws(LinkRefusal) {
        guard !revoked.contains(node.node) else { throw .revoked }
    }

    func sync(_ request: SyncRequest, of caller: LinkCaller) async throws(LinkRefusal) -> SyncReply {
        syncs.append(request)
        if let refusal, !request.events.isEmpty {
            self.refusal = nil
            throw refusal
        }
        waiting.removeValue(forKey: caller.node)?.resume()
        var sequence = sequences[caller.node] ?? SyncSequence()
        defer { sequences[caller.node] = sequence }
        do throws(SyncSequence.Refusal) {
            _ = try sequence.receive(
                request.number, request: request.request, returning: request.nonce, next: "nonce-\(request.number)")
        } catch {
            throw error == .replayed ? .replayed : .cloned
        }
        sequences[caller.node] = sequence
        let nonce = sequence.nonce
        let taken = takesEvents ? request.events : []
        for event in taken where event.number > events.last?.number ?? 0 { events.append(event) }
        commands.removeAll { request.taken.contains($0.id) }
        if commands.isEmpty, taken.isEmpty, request.waits, !isEnding {
            await withCheckedContinuation { continuation in
                waiting[caller.node] = continuation
                let (node, number, interval) = (caller.node, syncs.count, interval)
                Task {
                    try? await Task.sleep(for: .seconds(interval))
                    wake(node, ifLast: number)
                }
            }
        }
        sequence = sequences[caller.node] ?? sequence
        return SyncReply(
            nonce: nonce, time: Clocks.wallSeconds, interval: interval, acknowledged: events.last?.number ?? 0,
            commands: commands, controls: told, watched: watched, every: 0.1, site: "bj")
    }

    private func wake(_ node: NodeID, ifLast number: Int) {
        if syncs.count == number { waiting.removeValue(forKey: node)?.resume() }
    }

    /// No request waits from now on.
    func end() {
        isEnding = true
        endWaiting()
    }

    func endWaiting() {
        for continuation in waiting.values { continuation.resume() }
        waiting = [:]
    }

    func plan(_ order: SendOrder, dryRun: Bool, by node: LinkCaller) async throws(LinkRefusal) -> SendPlan {
        SendPlan(
            job: dryRun ? "" : "j-1", classVersion: 3, terms: ["block": 65536], targets: 300, refusals: ["root": 12])
    }

    func key(for job: String, _ request: KeyRequest, by node: LinkCaller) async throws(LinkRefusal) -> KeyReply {
        KeyReply(key: Secret(String(repeating: "ab", count: 32)), expires: 5, targets: [node.node])
    }

    func start(_ job: String, _ request: StartRequest, by node: LinkCaller) async throws(LinkRefusal) -> StartReply {
        guard starts[job] == nil else { throw LinkRefusal(409, "key_used", "the key was used already") }
        starts[job] = request
        return StartReply(secret: Secret("cd"), ticket: Secret("ef"))
    }

    func abandon(_ job: String, reason: String, by node: LinkCaller) async throws(LinkRefusal) {
        abandoned[job] = reason
    }

    func keep(metainfo torrent: [UInt8], of job: String, by node: LinkCaller) async throws(LinkRefusal) {
        torrents[job] = torrent
    }

    func metainfo(of job: String, for node: LinkCaller) async throws(LinkRefusal) -> [UInt8] {
        guard let torrent = torrents[job] else { throw LinkRefusal(404, "no_job", "there is no such job") }
        return torrent
    }

    func view(of job: String, for node: LinkCaller) async throws(LinkRefusal) -> JobView {
        if held != nil { await withCheckedContinuation { held?.append($0) } }
        return JobView(state: .running, targets: 3, counts: ["done": 1], bytes: 5, total: 15)
    }

    func swarms(for node: LinkCaller) async throws(LinkRefusal) -> SwarmList {
        SwarmList(swarms: [SHA1.digest([1])], interval: 2)
    }

    func announce(_ request: AnnounceRequest, by node: LinkCaller) async throws(LinkRefusal) -> AnnounceReply {
        announced.append(request)
        return AnnounceReply(interval: 30, peers: PeerAddress("10.0.0.1:6881").map { [$0] } ?? [])
    }
}

/// An agent that does what it is told, in memory.
final class TestAgent: LinkDelegate {
    struct Heard {
        var commands: [FleetCommand] = []
        var news: [LinkNews] = []
        var problems: [LinkProblem] = []
        var figuresAsked = 0
    }

    let heard = Mutex(Heard())
    let name: String

    init(_ name: String = "web-1") { self.name = name }

    func facts() async -> HostFacts { HostFacts(name: name, version: "1.0") }

    func figures(watched: Set<String>?) async -> [JobFigures] {
        heard.withLock { $0.figuresAsked += 1 }
        return [JobFigures(job: "j-1", done: 1, total: 2)]
    }

    func take(_ commands: [FleetCommand]) async -> [String] {
        heard.withLock { heard in
            for command in commands where !heard.commands.contains(command) { heard.commands.append(command) }
        }
        return commands.map(\.id)
    }

    func heard(_ news: LinkNews) async { heard.withLock { $0.news.append(news) } }
    func failed(_ problem: LinkProblem, at control: ControlAddress) async {
        heard.withLock { $0.problems.append(problem) }
    }

    var all: Heard { heard.withLock { $0 } }
}

extension LinkDoor {
    static func start(
        _ control: TestControl, names: [String] = [], clock: @escaping @Sendable () -> Double = { Clocks.wallSeconds }
    ) async throws -> LinkDoor {
        var logger = Logger(label: "link")
        logger.logLevel = .critical
        return try await LinkDoor.start(
            control, at: ListenAddress(host: "127.0.0.1", port: 0), authority: control.authority, names: names,
            logger: logger, clock: clock)
    }

    var control: ControlAddress { ControlAddress(host: "127.0.0.1", port: UInt16(address.port)) }
}

/// Runs a body with a control and its door, which is closed afterwards.
func withControl(
    isolation: isolated (any Actor)? = #isolation, _ body: (TestControl, LinkDoor) async throws -> Void
) async throws {
    let control = try TestControl()
    let door = try await LinkDoor.start(control)
    do { try await body(control, door) } catch {
        await control.end()
        await door.stop()
        throw error
    }
    await control.end()
    await door.stop()
}

/// Runs a body while an agent syncs.
func whileSyncing(
    _ client: LinkClient, _ agent: TestAgent, isolation: isolated (any Actor)? = #isolation,
    _ body: () async throws -> Void
) async throws {
    let running = Task { await client.run(agent) }
    do { try await body() } catch {
        running.cancel()
        await running.value
        throw error
    }
    running.cancel()
    await running.value
}

let quiet: Logger = {
    var logger = Logger(label: "link")
    logger.logLevel = .critical
    return logger
}()

/// A host that has joined and keeps nothing.
func joined(
    _ control: TestControl, at addresses: [ControlAddress], proxy: HTTPURL? = nil,
    isolation: isolated (any Actor)? = #isolation
) async throws -> LinkClient {
    let (record, _) = try await LinkJoin.join(
        try await control.token(), at: addresses, facts: HostFacts(name: "web-1"), keeping: .none, proxy: proxy)
    return try LinkClient(
        record, memory: .none, events: try await EventQueue.open(.none), proxy: proxy, logger: quiet)
}
