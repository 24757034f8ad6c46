import Fleet
import Identity
import JSON
import Synchronization
import Text
import Threads

/// A simulated agent. It accepts every offer at once, transfers no content, and sends the reports of a real host.
final class SimulatedAgent: LinkDelegate {
    let client: LinkClient
    private let node: NodeID
    private let key: HostKey
    private let name: String
    private let site: String
    private let log: LoadLog
    /// When the oldest unacknowledged event was reported, in seconds of a steady clock; nil if there is none.
    private let reported = Mutex<Double?>(nil)

    init(_ client: LinkClient, name: String, site: String, log: LoadLog) async {
        self.client = client
        self.name = name
        self.site = site
        self.log = log
        node = await client.node
        key = await client.hostKey
    }

    func facts() async -> HostFacts { Self.facts(named: name, site: site) }

    static func facts(named name: String, site: String) -> HostFacts {
        var labels = Labels()
        try? labels.set("site", site)
        return HostFacts(
            name: name, os: "linux", arch: "x86_64", version: Product.version, timeZone: "UTC", labels: labels,
            policy: HostPolicy(roots: ["/srv"], overwrite: true, parallel: 8), free: [1 << 40])
    }

    func figures(watched: Set<String>?) async -> [JobFigures] { [] }

    func take(_ commands: [FleetCommand]) async -> [String] {
        for command in commands {
            log.tookCommand()
            switch command.action {
            case .offer: await say([.accepted, .receiving, .delivered], command)
            case .switches: await say([.switched, .done], command)
            case .cancel: await say([.cancelled], command)
            case .restore: await say([.switched, .done], command)
            case .pause, .resume, .end, .send: break
            }
        }
        return commands.map(\.id)
    }

    private func say(_ reports: [JobMachine.Report], _ command: FleetCommand) async {
        reported.withLock { if $0 == nil { $0 = Clocks.steadySeconds } }
        for report in reports {
            let receipt = report == .done ? try? receipt(command) : nil
            _ = try? await client.report(report, job: command.job, attempt: command.attempt, receipt: receipt)
        }
    }

    private func receipt(_ command: FleetCommand) throws -> String {
        try JWS.sign(
            [
                "job": .string(command.job), "attempt": .integer(command.attempt), "node": .string(node.description),
                "simulated": true,
            ], with: key, keyID: node.description)
    }

    func heard(_ news: LinkNews) async {
        log.heard(by: node)
        guard client.events.count == 0, let begin = reported.withLock({ $0.take() }) else { return }
        log.acknowledged(after: Clocks.steadySeconds - begin)
    }

    func failed(_ problem: LinkProblem, at control: ControlAddress) async { log.failed(problem) }
}
