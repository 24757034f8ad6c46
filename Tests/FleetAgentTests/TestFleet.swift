import Address
import Fleet
import FleetAgent
import FleetLink
import Foundation
import Glibc
import Hashing
import JSON
import Jobs
import Logging
import Swarm
import Synchronization
import TestSupport
import Text

/// Runs `body` with a directory of its own.
func inDirectory<Result>(
    isolation: isolated (any Actor)? = #isolation, _ body: (TemporaryDirectory) async throws -> Result
) async throws -> Result {
    let directory = try TemporaryDirectory()
    defer { withExtendedLifetime(directory) {} }
    return try await body(directory)
}

/// A control in memory, which offers each job to all agents but its sender, and remembers what they say.
final class TestControl: Sendable {
    struct State {
        var agents: [NodeID: FleetAgent] = [:]
        var jobs: [String: Job] = [:]
        var reports: [AgentReport] = []
        var by: [NodeID: [AgentReport]] = [:]
        var commands = 0
        var metainfoAsked = 0
        /// Number of starts that control does not answer.
        var silentStarts = 0
        /// Number of plans that control does not answer.
        var silentPlans = 0
        /// Whether the queue of events takes none with a receipt.
        var refusesReceipts = false
        var refusedReceipts = 0
    }

    struct Job {
        let order: SendOrder
        let sender: NodeID
        var torrent: [UInt8] = []
        var offer: JobOffer?
        var isOver = false
        var abandoned: String?
        var grant: SourceGrant?
        var digests: FileDigests?
    }

    let terms: JSONValue
    let state = Mutex(State())

    init(terms: JSONValue) { self.terms = terms }

    func reports(of node: NodeID) -> [AgentReport] { state.withLock { $0.by[node] ?? [] } }

    func has(_ name: String, of node: NodeID) -> Bool { reports(of: node).contains { $0.report.name == name } }

    /// Tells one agent something.
    /// - Returns: whether it took the command; false where no such agent runs.
    @discardableResult
    func command(_ node: NodeID, _ job: String, _ action: FleetCommand.Action, attempt: Int64 = 1) async
        -> Bool
    {
        let (agent, number) = state.withLock { state in
            state.commands += 1
            return (state.agents[node], state.commands)
        }
        let command = FleetCommand(id: "c\(number)", job: job, attempt: attempt, action: action)
        return await agent?.carryOut(command) ?? false
    }

    /// The same, again and again until it is taken, as control does.
    func insist(_ node: NodeID, _ job: String, _ action: FleetCommand.Action, attempt: Int64 = 1) async -> Bool {
        for _ in 0..<1000 where !Task.isCancelled {
            if await command(node, job, action, attempt: attempt) { return true }
            await Task.yield()
        }
        return false
    }

    func all(_ job: String, _ action: FleetCommand.Action) async {
        for node in state.withLock({ Array($0.agents.keys) }) { await command(node, job, action) }
    }

    func offer(_ job: String) -> JobOffer? { state.withLock { $0.jobs[job]?.offer } }
}

/// The link of one agent to it.
struct TestLink: AgentLink {
    let node: NodeID
    let control: TestControl

    var difference: ClockDifference { ClockDifference() }
    func sign(_ payload: JSONValue) async throws -> String {
        "signed:" + String(decoding: payload.encode(), as: UTF8.self)
    }

    func report(_ event: AgentReport) async throws(LinkRefusal) {
        let isTaken = control.state.withLock { state in
            guard event.receipt == nil || !state.refusesReceipts else {
                state.refusedReceipts += 1
                return false
            }
            state.reports.append(event)
            state.by[node, default: []].append(event)
            return true
        }
        guard isTaken else { throw LinkRefusal(503, "too_many_events", "the queue is full") }
    }

    func plan(_ order: SendOrder, dryRun: Bool) async throws(LinkRefusal) -> SendPlan {
        guard order.className == "app" else { throw LinkRefusal(404, "class_unknown", "there is no such class") }
        let targets = control.state.withLock { Int64($0.agents.count - 1) }
        let isSilent = control.state.withLock { state in
            state.silentPlans -= 1
            return state.silentPlans >= 0
        }
        guard !isSilent else { throw LinkRefusal.unreachable("no control answers") }
        guard !dryRun else { return SendPlan(job: "dry", classVersion: 1, terms: control.terms, targets: targets) }
        let job = control.state.withLock { state in
            let job = "j-\(state.jobs.count + 1)"
            state.jobs[job] = TestControl.Job(order: order, sender: node)
            return job
        }
        return SendPlan(job: job, classVersion: 1, terms: control.terms, targets: targets)
    }

    func key(for job: String, _ request: KeyRequest) async throws(LinkRefusal) -> KeyReply {
        KeyReply(key: Secret(String(repeating: "0", count: 64)), expires: 1e12, targets: [])
    }

    func start(_ job: String, _ request: StartRequest) async throws(LinkRefusal) -> StartReply {
        let isSilent = control.state.withLock { state in
            state.silentStarts -= 1
            return state.silentStarts >= 0
        }
        guard !isSilent else { throw LinkRefusal.unreachable("no control answers") }
        let order = control.state.withLock { $0.jobs[job]?.order }
        let path = order?.path.split(separator: "/").last.map(String.init) ?? "content"
        let offer = JobOffer(
            content: request.content, name: order?.name ?? path, className: "app", classVersion: 1,
            terms: control.terms, peers: request.addresses, expires: 1e12, sums: request.sums)
        let others = control.state.withLock { state in
            state.jobs[job]?.offer = offer
            return state.agents.keys.filter { $0 != node }
        }
        let control = control
        Task { for other in others { await control.command(other, job, .offer(offer)) } }
        return StartReply()
    }

    func abandon(_ job: String, reason: String) async throws(LinkRefusal) {
        control.state.withLock { $0.jobs[job]?.abandoned = reason }
    }

    func keep(metainfo torrent: [UInt8], of job: String) async throws(LinkRefusal) {
        control.state.withLock { $0.jobs[job]?.torrent = torrent }
    }

    func metainfo(of job: String) async throws(LinkRefusal) -> [UInt8] {
        let torrent = control.state.withLock { state in
            state.metainfoAsked += 1
            return state.jobs[job]?.torrent ?? []
        }
        guard !torrent.isEmpty else { throw LinkRefusal(404, "unknown", "there is none") }
        return torrent
    }

    func keep(grant: SourceGrant, of job: String) async throws(LinkRefusal) {
        control.state.withLock { $0.jobs[job]?.grant = grant }
    }

    func grant(of job: String) async throws(LinkRefusal) -> SourceGrant {
        guard let grant = control.state.withLock({ $0.jobs[job]?.grant }) else {
            throw LinkRefusal(404, "no_sources", "there are none")
        }
        return grant
    }

    func keep(digests: FileDigests, of job: String) async throws(LinkRefusal) {
        control.state.withLock { $0.jobs[job]?.digests = digests }
    }

    func digests(of job: String) async throws(LinkRefusal) -> FileDigests {
        guard let digests = control.state.withLock({ $0.jobs[job]?.digests }) else {
            throw LinkRefusal(404, "no_digests", "there are none")
        }
        return digests
    }

    func view(of job: String) async throws(LinkRefusal) -> JobView {
        let isOver = control.state.withLock { $0.jobs[job]?.isOver ?? true }
        return JobView(state: isOver ? .done : .running, targets: 1, counts: [:], bytes: 0, total: 0)
    }

    func announce(_ request: AnnounceRequest) async throws(LinkRefusal) -> AnnounceReply {
        AnnounceReply(interval: 60, peers: [])
    }
}

/// One host of a fleet on this machine.
final class TestHost: Sendable {
    let node: NodeID
    let directory: TemporaryDirectory
    let configuration: AgentConfiguration
    let control: TestControl
    private let tellsLoopback: Bool
    private let running = Mutex<(agent: FleetAgent, swarm: SwarmNode)?>(nil)
    /// Free bytes that the host finds on its disks; nil for those that there are.
    let freeSpace = Mutex<Int64?>(nil)

    var root: String { directory.path("root") }

    init(
        _ number: UInt8, _ control: TestControl, in directory: TemporaryDirectory,
        tellsLoopback: Bool = true, _ change: (inout AgentConfiguration) -> Void = { _ in }
    ) throws {
        self.tellsLoopback = tellsLoopback
        node = NodeID(publicKey: [number])
        self.directory = directory
        self.control = control
        try directory.makeDirectory("root")
        try directory.makeDirectory("source")
        var configuration = AgentConfiguration()
        configuration.receive.roots = [directory.path("root")]
        configuration.receive.reserve = 0
        configuration.send.roots = [directory.path("source")]
        change(&configuration)
        self.configuration = configuration
    }

    var agent: FleetAgent { running.withLock { $0!.agent } }

    /// - Parameters:
    ///   - tick: seconds between two checks of jobs.
    ///   - changed: what the agent's file says now; nil for what it said at first.
    func start(tick: Double = 0.05, _ changed: AgentConfiguration? = nil) async throws {
        var engine = SwarmNode.Configuration()
        engine.workers = 1
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let swarm = try SwarmNode(configuration: engine, logger: logger)
        var settings = AgentTunables()
        settings.tick = tick
        (settings.sendLook, settings.sendBegin, settings.spaceRetry) = (0.1, 0.05, 0.1)
        settings.freeSpace = { [weak self, real = settings.freeSpace] path in
            self?.freeSpace.withLock { $0 } ?? real(path)
        }
        settings.listen = PeerAddress("127.0.0.1:0")
        settings.tellsLoopback = tellsLoopback
        let program = ProcessInfo.processInfo.environment["SWOOP"] ?? ".build/debug/swoop"
        settings.waiter = [
            program.hasPrefix("/") ? program : FileManager.default.currentDirectoryPath + "/" + program,
            HookWaiter.command,
        ]
        let agent = FleetAgent(
            configuration: changed ?? configuration, places: AgentPlaces(data: directory.path("data")),
            link: TestLink(node: node, control: control), swarm: swarm, logger: logger, settings: settings)
        running.withLock { $0 = (agent, swarm) }
        control.state.withLock { $0.agents[node] = agent }
        try await agent.start()
    }

    /// Ends the agent, if it runs.
    func stop() async {
        let ended = running.withLock { running in
            defer { running = nil }
            return running
        }
        guard let (agent, swarm) = ended else { return }
        await agent.stop()
        await swarm.shutdown()
    }

    /// Makes content that can be sent: a directory of three files.
    func fill(_ name: String, seed: UInt64 = 1) throws {
        try directory.makeDirectory("source/\(name)")
        try directory.makeDirectory("source/\(name)/sub")
        try directory.write("source/\(name)/big", randomBytes(3_000_000, seed: seed))
        try directory.write("source/\(name)/sub/small", randomBytes(10, seed: seed))
        try directory.write("source/\(name)/sub/empty", "")
    }

    /// - Returns: the job's id.
    func send(_ name: String, as called: String? = nil) async throws -> String {
        let order = SendOrder(className: "app", path: directory.path("source/\(name)"), name: called)
        return try await agent.send(order).plan.job
    }
}

/// Runs with a sender and some receivers.
func withFleet(
    _ receivers: Int = 2, terms: JSONValue, _ change: (inout AgentConfiguration) -> Void = { _ in },
    _ body: (TestControl, TestHost, [TestHost]) async throws -> Void
) async throws {
    try await inDirectory { place in
        let control = TestControl(terms: terms)
        var hosts: [TestHost] = []
        for number in 0...receivers {
            hosts.append(
                try TestHost(UInt8(number), control, in: TemporaryDirectory(in: place.path), change))
        }
        for host in hosts { try await host.start() }
        do {
            try await body(control, hosts[0], Array(hosts.dropFirst()))
        } catch {
            for host in hosts { await host.stop() }
            throw error
        }
        for host in hosts { await host.stop() }
    }
}
