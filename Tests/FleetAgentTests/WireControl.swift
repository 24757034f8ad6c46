import Address
import Fleet
import FleetLink
import Foundation
import Hashing
import Identity
import JSON
import Logging
import TestSupport
import Text
import Threads

/// A control over the network, for real agents: it offers each job to all nodes but its sender, has each switch when it has the
/// content, and remembers what they say. What it keeps outlives no test.
actor WireControl: LinkService {
    let authority: Authority
    let terms: JSONValue
    private var tokens: [String: Secret] = [:]
    private var sequences: [NodeID: SyncSequence] = [:]
    private var commands: [NodeID: [FleetCommand]] = [:]
    private var waiting: [NodeID: CheckedContinuation<Void, Never>] = [:]
    private var nodes: [NodeID] = []
    private(set) var events: [NodeID: [AgentEvent]] = [:]
    private var acknowledged: [NodeID: UInt64] = [:]
    private var torrents: [String: [UInt8]] = [:]
    private var orders: [String: SendOrder] = [:]
    private var senders: [String: NodeID] = [:]
    private var peers: [String: [NodeID: [PeerAddress]]] = [:]
    private(set) var isOver = false
    private let secret = Secret(String(repeating: "5a", count: 32))

    init(terms: JSONValue) throws {
        authority = try Authority(now: Clocks.wallSeconds)
        self.terms = terms
    }

    func token() throws -> String {
        let random = (0..<40).map { _ in UInt8.random(in: 0...255) }
        guard let token = EnrolmentToken(random: random, pin: authority.pin) else { throw IdentityProblem("no token") }
        tokens[token.id] = token.secret
        return token.text.value
    }

    func says(_ name: String, _ node: NodeID) -> Int { (events[node] ?? []).filter { $0.report.name == name }.count }
    func all(_ node: NodeID) -> [AgentEvent] { events[node] ?? [] }
    var members: [NodeID] { nodes }

    func tell(_ node: NodeID, _ job: String, _ id: String, _ action: FleetCommand.Action) {
        commands[node, default: []].append(FleetCommand(id: id, job: job, action: action))
        waiting.removeValue(forKey: node)?.resume()
    }

    func end() {
        isOver = true
        for continuation in waiting.values { continuation.resume() }
        waiting = [:]
    }

    // MARK: LinkService

    func join(
        _ request: JoinRequest, publicKey: [UInt8], from address: PeerAddress
    ) async throws(LinkRefusal) -> JoinReply {
        guard let secret = tokens[request.token], secret.matches(request.secret.value) else {
            throw LinkRefusal(403, "token_unknown", "no such token")
        }
        let node = NodeID(publicKey: publicKey)
        if !nodes.contains(node) { nodes.append(node) }
        return try reply(node, publicKey, request.facts.name)
    }

    private func reply(_ node: NodeID, _ publicKey: [UInt8], _ name: String) throws(LinkRefusal) -> JoinReply {
        let now = Clocks.wallSeconds
        guard let key = PublicKey(der: publicKey),
            let certificate = try? authority.node(node.description, key: key, now: now)
        else { throw LinkRefusal(500, "certificate", "no certificate") }
        return JoinReply(
            state: .active, node: node, name: name, certificate: certificate.pem, authority: authority.trusted.pem,
            time: now, controls: [])
    }

    func renew(_ node: LinkCaller, publicKey: [UInt8]) async throws(LinkRefusal) -> JoinReply {
        try reply(node.node, publicKey, "renewed")
    }

    func admits(_ node: LinkCaller) async throws(LinkRefusal) {}

    func sync(_ request: SyncRequest, of caller: LinkCaller) async throws(LinkRefusal) -> SyncReply {
        let node = caller.node
        waiting.removeValue(forKey: node)?.resume()
        var sequence = sequences[node] ?? SyncSequence()
        do throws(SyncSequence.Refusal) {
            _ = try sequence.receive(
                request.number, request: request.request, returning: request.nonce, next: "nonce-\(request.number)")
        } catch { throw error == .replayed ? .replayed : .cloned }
        sequences[node] = sequence
        for event in request.events where event.number > acknowledged[node] ?? 0 {
            acknowledged[node] = event.number
            events[node, default: []].append(event)
            if event.report == .delivered {
                tell(node, event.job, "\(event.job).\(event.attempt).switch", .switches(at: nil))
            }
        }
        commands[node]?.removeAll { request.taken.contains($0.id) }
        if commands[node]?.isEmpty ?? true, request.events.isEmpty, request.waits, !isOver {
            await withCheckedContinuation { continuation in
                waiting[node] = continuation
                Task {
                    try? await Task.sleep(for: .seconds(2))
                    wake(node)
                }
            }
        }
        return SyncReply(
            nonce: sequences[node]?.nonce ?? "", time: Clocks.wallSeconds, interval: 2,
            acknowledged: acknowledged[node] ?? 0, commands: commands[node] ?? [])
    }

    private func wake(_ node: NodeID) { waiting.removeValue(forKey: node)?.resume() }

    func plan(_ order: SendOrder, dryRun: Bool, by node: LinkCaller) async throws(LinkRefusal) -> SendPlan {
        guard order.className == "app" else {
            throw LinkRefusal(403, "sender", "the class does not let this node send")
        }
        let job = dryRun ? "" : "j-\(orders.count + 1)"
        if !dryRun { (orders[job], senders[job]) = (order, node.node) }
        return SendPlan(
            job: job, classVersion: 1, terms: terms, targets: Int64(nodes.count - 1), refusals: ["receive.roots": 1])
    }

    func key(for job: String, _ request: KeyRequest, by node: LinkCaller) async throws(LinkRefusal) -> KeyReply {
        KeyReply(
            key: Secret(String(repeating: "ab", count: 32)), expires: 1e12, targets: nodes.filter { $0 != node.node })
    }

    func start(_ job: String, _ request: StartRequest, by node: LinkCaller) async throws(LinkRefusal) -> StartReply {
        let order = orders[job]
        let name = order?.name ?? order?.path.split(separator: "/").last.map(String.init) ?? "content"
        for other in request.targets {
            tell(
                other, job, "\(job).offer",
                .offer(
                    JobOffer(
                        content: request.content, name: name, className: "app", classVersion: 1, terms: terms,
                        secret: secret, peers: request.addresses, expires: 1e12, sums: request.sums)))
        }
        return StartReply(secret: secret)
    }

    func abandon(_ job: String, reason: String, by node: LinkCaller) async throws(LinkRefusal) {}

    func keep(metainfo torrent: [UInt8], of job: String, by node: LinkCaller) async throws(LinkRefusal) {
        torrents[job] = torrent
    }

    func metainfo(of job: String, for node: LinkCaller) async throws(LinkRefusal) -> [UInt8] {
        guard let torrent = torrents[job] else { throw LinkRefusal(404, "no_job", "there is no such job") }
        return torrent
    }

    func view(of job: String, for node: LinkCaller) async throws(LinkRefusal) -> JobView {
        let targets = nodes.filter { $0 != senders[job] }
        let done = targets.filter { says("done", $0) > 0 }.count
        return JobView(
            state: done == targets.count ? .done : .running, targets: Int64(targets.count),
            counts: ["done": Int64(done)],
            bytes: 0, total: 0)
    }

    func announce(_ request: AnnounceRequest, by node: LinkCaller) async throws(LinkRefusal) -> AnnounceReply {
        peers[request.job, default: [:]][node.node] = request.event == "stopped" ? nil : request.addresses
        let others = peers[request.job]?.filter { $0.key != node.node }.values.flatMap(\.self) ?? []
        return AnnounceReply(interval: 2, peers: Array(others))
    }
}

/// A host of its own: a directory, its file, and a real agent.
final class AgentProcess: Sendable {
    let directory: TemporaryDirectory
    let name: String

    static var program: String {
        let program = ProcessInfo.processInfo.environment["SWOOP"] ?? ".build/debug/swoop"
        return program.hasPrefix("/") ? program : FileManager.default.currentDirectoryPath + "/" + program
    }

    init(_ name: String, in place: TemporaryDirectory, hook: String? = nil) throws {
        self.name = name
        directory = try TemporaryDirectory(in: place.path)
        try directory.makeDirectory("root")
        try directory.makeDirectory("source")
        var file =
            "receive: {roots: [\(directory.path("root"))], reserve: 0}\nsend: {roots: [\(directory.path("source"))]}\n"
        if let hook { file += "hooks: {note: {run: [/bin/sh, -c, \"\(hook)\"]}}\n" }
        try directory.write("agent.yaml", file)
    }

    private var place: [String] { ["--data", directory.path("data"), "--config", directory.path("agent.yaml")] }

    func join(_ door: LinkDoor, _ token: String) async throws -> Command {
        try await Command.ending(
            [Self.program, "agent", "join", "https://127.0.0.1:\(door.address.port)", "--token", token, "--name", name]
                + place)
    }

    func start() throws -> ServerProcess {
        try ServerProcess(Self.program, ["agent", "--on-loopback"] + place)
    }

    func run(_ words: String...) async throws -> Command {
        try await Command.ending([Self.program] + words + ["--data", directory.path("data")])
    }
}
