import Address
import Fleet
import FleetLink
import FleetStore
import Hashing
import JSON
import Logging
import Settings
import Synchronization
import TestSupport
import Testing
import Text

@testable import Control

/// A clock that tests move.
final class VirtualClock: Sendable {
    private let time: Mutex<Double>

    init(_ start: Double = 1_800_000_000) { time = Mutex(start) }

    var now: Double { time.withLock { $0 } }
    func pass(_ seconds: Double) { time.withLock { $0 += seconds } }
}

/// An authority that signs nothing, for tests without connections.
struct PlainAuthority: FleetAuthority {
    let pin = SHA256.digest([1])
    let certificate = "AUTHORITY"

    func certificate(of node: NodeID, publicKey: [UInt8], at now: Double) throws(LinkRefusal) -> String {
        "CERTIFICATE \(node)"
    }

    func seal(_ bytes: [UInt8]) throws(LinkRefusal) -> [UInt8] { [9] + bytes }
    func open(_ sealed: [UInt8]) throws(LinkRefusal) -> [UInt8] { Array(sealed.dropFirst()) }
}

extension ControlSettings {
    /// Of a control that may have others beside it.
    static var sharing: ControlSettings {
        var settings = ControlSettings()
        settings.isShared = true
        return settings
    }
}

/// A control in memory, with a clock that tests move.
final class ControlBench: Sendable {
    let core: ControlCore
    let clock: VirtualClock
    let directory: TemporaryDirectory

    init(
        clock: VirtualClock = VirtualClock(), directory: TemporaryDirectory? = nil,
        settings: ControlSettings = .sharing
    ) async throws {
        self.clock = clock
        self.directory = try directory ?? TemporaryDirectory(inMemory: true)
        let store = ControlStore(try await SQLiteEngine(self.directory.path("control.db")))
        core = ControlCore(
            store: store, authority: PlainAuthority(), settings: settings, logger: Self.silent, now: { clock.now })
        try await core.load()
    }

    /// Another control of the same database.
    init(beside other: ControlBench) async throws {
        clock = other.clock
        directory = other.directory
        let clock = clock
        core = ControlCore(
            store: other.core.store, authority: PlainAuthority(), settings: .sharing, logger: Self.silent,
            now: { clock.now })
        try await core.load()
    }

    /// The same control after it was killed.
    func again() async throws -> ControlBench {
        await core.store.close()
        return try await ControlBench(clock: clock, directory: directory)
    }

    static var silent: Logger {
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        return logger
    }

    var act: Act { Act(who: "token:admin", address: "127.0.0.1", at: clock.now) }

    /// Time passes, in steps in which control does what is due.
    func pass(_ seconds: Double, by step: Double = 1) async {
        var left = seconds
        while left > 0 {
            clock.pass(min(step, left))
            left -= step
            await core.tick()
        }
    }

    func token(uses: Int = 1000, approve: Bool = false, name: String? = nil) async throws -> EnrolmentToken {
        let token = try #require(EnrolmentToken(random: RandomBytes.make(40), pin: core.authority.pin))
        _ = try await core.store.add(
            TokenRecord(
                grant: EnrolmentGrant(
                    id: token.id, secretDigest: token.secretDigest, expires: clock.now + 3600, uses: uses, name: name,
                    needsApproval: approve), who: "admin", made: clock.now), by: act)
        return token
    }

    /// A node that has joined and has asked once.
    func agent(_ name: String, labels: [(String, String)] = [], policy: HostPolicy = .everything) async throws
        -> TestAgent
    {
        let agent = TestAgent(name, of: self, policy: policy)
        try await agent.join(try await token(uses: 1))
        if !labels.isEmpty {
            let outcome = try await core.store.change(agent.id, by: act, "node.label") { node in
                for (key, value) in labels { try? node.labels.set(key, value) }
                return nil
            }
            await core.nodeChanges.take(try #require(outcome.value))
        }
        _ = try await agent.sync(facts: true)
        return agent
    }

    func define(_ name: String, _ keys: JSONObject) async throws {
        let outcome = try await core.store.put(class: name, keys, expecting: nil, by: act)
        let record = try #require(outcome.value)
        _ = try record.settings()
        core.classes.put(record)
    }

    /// A class that everything called `web…` receives and `build` sends.
    func defineRelease(_ more: JSONObject = [:]) async throws {
        var keys: JSONObject = ["targets": #"name~"^web""#, "senders": ["node:build"]]
        for member in more.members { keys[member.key] = member.value }
        try await define("release", keys)
    }

    /// Changes the database behind the control's back.
    func alter(_ statement: String) async throws {
        let done = try await Command.ending([
            "python3", "-c", "import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute(sys.argv[2])",
            directory.path("control.db"), statement,
        ])
        try #require(done.status == 0, "\(done)")
    }

    func job(_ id: String) async throws -> JobRecord { try #require(try await core.store.job(id)) }

    func states(of job: String) async throws -> [String: String] {
        let rows = try await core.store.targets(of: job, after: nil, state: nil, limit: 1000)
        let names = core.nodes.names(of: rows.map(\.target.node))
        return Dictionary(
            rows.map { row in
                (names[row.target.node] ?? "", row.target.state.name + (row.target.state.code.map { "(\($0))" } ?? ""))
            }
        ) { first, _ in first }
    }

    func order(_ job: String, _ body: @escaping @Sendable (inout JobMachine, Double) -> [JobMachine.Order]) async throws
    {
        let now = clock.now
        let lead = try #require(core.jobs.lead(job))
        _ = try await lead.move(by: act, "test") { machine, _ in .go(body(&machine, now)) }
    }
}

extension SyncReply {
    /// The names of its commands.
    var actions: [String] {
        commands.map { command in
            switch command.action {
            case .offer: "offer"
            case .switches: "switch"
            case .pause: "pause"
            case .resume: "resume"
            case .cancel: "cancel"
            case .end: "end"
            case .send: "send"
            case .restore: "restore"
            }
        }
    }
}

extension HostPolicy {
    static let everything = HostPolicy(roots: ["/srv"], hooks: ["reload"], sendRoots: ["/srv"])
}

/// A node as control sees it: what its agent asks and says.
final class TestAgent: Sendable {
    let name: String
    let key: [UInt8]
    let policy: HostPolicy
    private var bench: ControlBench { place.withLock { $0 } }
    private let place: Mutex<ControlBench>
    private struct State {
        var number: UInt64 = 0
        var nonce = ""
        var event: UInt64 = 0
        var taken: [String] = []
    }
    private let state = Mutex(State())

    init(_ name: String, of bench: ControlBench, key: [UInt8]? = nil, policy: HostPolicy = .everything) {
        self.name = name
        self.key = key ?? Array("key of \(name)".utf8)
        place = Mutex(bench)
        self.policy = policy
    }

    var id: NodeID { NodeID(publicKey: key) }
    var caller: LinkCaller { LinkCaller(node: id, publicKey: key, address: address) }
    var address: PeerAddress { PeerAddress("192.0.2.7:4000") ?? PeerAddress(ipv4: 0, port: 0) }
    var facts: HostFacts { HostFacts(name: name, os: "linux", version: "0.1.0", policy: policy) }

    /// It asks another control from now on.
    func goes(to bench: ControlBench) { place.withLock { $0 = bench } }

    /// Its next request does not say what it was told.
    func forgetTaken() { state.withLock { $0.taken = [] } }

    /// The same key on another host.
    func clone() -> TestAgent {
        let other = TestAgent(name, of: bench, key: key, policy: policy)
        let own = state.withLock { $0 }
        other.state.withLock { $0 = own }
        return other
    }

    @discardableResult
    func join(_ token: EnrolmentToken, time: Double? = nil) async throws -> JoinReply {
        try await bench.core.agents.join(
            JoinRequest(
                token: token.id, secret: token.secret, request: "", facts: facts, time: time ?? bench.clock.now),
            publicKey: key, from: address)
    }

    func request(
        facts isFirst: Bool = false, events: [AgentEvent] = [], figures: [JobFigures] = [], waits: Bool = false,
        clock: Double = 0
    ) -> SyncRequest {
        let (number, nonce, taken) = state.withLock { state in
            state.number += 1
            defer { state.taken = [] }
            return (state.number, state.nonce, state.taken)
        }
        return SyncRequest(
            number: number, request: "r\(UInt64.random(in: 0 ... .max))", nonce: nonce, time: bench.clock.now + clock,
            facts: isFirst ? facts : nil, events: events, figures: figures, taken: taken, waits: waits)
    }

    @discardableResult
    func send(_ request: SyncRequest) async throws -> SyncReply {
        try await bench.core.agents.admits(caller)
        let reply = try await bench.core.agents.sync(request, of: caller)
        state.withLock { state in
            state.nonce = reply.nonce
            state.taken = reply.commands.map(\.id)
        }
        return reply
    }

    @discardableResult
    func sync(
        facts: Bool = false, _ reports: [(String, JobMachine.Report)] = [], attempt: Int64 = 1,
        figures: [JobFigures] = [], receipt: String? = nil, sources: BytesBySource = BytesBySource(),
        waits: Bool = false, clock: Double = 0
    ) async throws -> SyncReply {
        let events = reports.map { job, report in
            let number = state.withLock { state in
                state.event += 1
                return state.event
            }
            return AgentEvent(
                number: number, job: job, attempt: attempt, time: bench.clock.now, report: report, receipt: receipt,
                sources: sources)
        }
        return try await send(request(facts: facts, events: events, figures: figures, waits: waits, clock: clock))
    }

    // MARK: Sending

    /// Plans, keys and starts a job.
    func startJob(
        _ content: JobContent = .sample, path: String = "/srv/app", to: [String] = [], at time: String? = nil,
        deadline: String? = nil, className: String = "release"
    ) async throws -> String {
        let plan = try await bench.core.agents.plan(
            SendOrder(className: className, path: path, to: to, at: time, deadline: deadline), dryRun: false,
            by: caller)
        try await bench.core.store.keep(metainfo: SampleTorrent.file(of: content.bytes), of: plan.job)
        let key = try await bench.core.agents.key(for: plan.job, KeyRequest(content: content), by: caller)
        _ = try await bench.core.agents.start(plan.job, start(key, content), by: caller)
        return plan.job
    }

    func start(_ key: KeyReply, _ content: JobContent = .sample, version: Int64 = 1, targets: [NodeID]? = nil)
        -> StartRequest
    {
        StartRequest(
            key: key.key, content: content, classVersion: version, targets: targets ?? key.targets,
            addresses: [address])
    }
}

/// A torrent of one file, as small as one can be.
enum SampleTorrent {
    /// - Parameter length: of the file, at most a piece.
    private static func info(_ length: Int64) -> [UInt8] {
        let head = "d6:lengthi\(length)e4:name3:app12:piece lengthi1048576e6:pieces20:"
        return Array(head.utf8) + SHA1.digest(Array("hello".utf8)).bytes + Array("e".utf8)
    }

    static func file(of length: Int64) -> [UInt8] { Array("d4:info".utf8) + info(length) + Array("e".utf8) }

    static func content(of length: Int64) -> JobContent {
        JobContent(infoHashes: ["\(SHA1.digest(info(length)))"], files: 1, bytes: length)
    }

    static let bytes = file(of: 5)
}

extension JobContent {
    static let sample = SampleTorrent.content(of: 5)
}

func refusal(_ body: () async throws -> some Any) async -> String? {
    do {
        _ = try await body()
        return nil
    } catch let error as LinkRefusal { return error.code } catch { return "\(error)" }
}
