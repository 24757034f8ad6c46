import Fleet
import Identity
import JSON
import Synchronization
import Text
import Threads

/// A simulated agent. It accepts every offer at once, transfers no content, and sends the reports of a real host.
final class SimulatedAgent: LinkDelegate {
    /// A job that it says to be receiving.
    private struct Receiving {
        /// Seconds of a steady clock, and how long it takes in all.
        let begun: Double
        let seconds: Double
        let bytes: Int64

        func figures(of job: String) -> JobFigures {
            let share = min(1, (Clocks.steadySeconds - begun) / seconds)
            return JobFigures(
                job: job, done: Int64(Double(bytes) * share), total: bytes,
                down: share < 1 ? Double(bytes) / seconds : 0)
        }
    }

    let client: LinkClient
    private let node: NodeID
    private let key: HostKey
    private let name: String
    private let site: String
    private let log: LoadLog
    /// How long it takes to receive a job, in seconds, half more or less; 0 for no time.
    private let receiving: Double
    private let jobs = Mutex<[String: Receiving]>([:])
    /// When the oldest unacknowledged event was reported, in seconds of a steady clock; nil if there is none.
    private let reported = Mutex<Double?>(nil)

    init(_ client: LinkClient, name: String, site: String, receiving: Double, log: LoadLog) async {
        self.receiving = receiving
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

    func figures(watched: Set<String>?) async -> [JobFigures] {
        jobs.withLock { jobs in
            jobs.compactMap { watched?.contains($0.key) != false ? $0.value.figures(of: $0.key) : nil }
        }
    }

    func take(_ commands: [FleetCommand]) async -> [String] {
        for command in commands {
            log.tookCommand()
            switch command.action {
            case .offer(let offer) where receiving > 0: await receive(offer, command)
            case .offer: await say([.accepted, .receiving, .delivered], command)
            case .switches: await say([.switched, .done], command)
            case .cancel:
                jobs.withLock { $0[command.job] = nil }
                await say([.cancelled], command)
            case .restore: await say([.switched, .done], command)
            case .pause, .resume, .end, .send: break
            }
        }
        return commands.map(\.id)
    }

    private func receive(_ offer: JobOffer, _ command: FleetCommand) async {
        let seconds = receiving * Double.random(in: 0.5...1.5)
        let job = Receiving(begun: Clocks.steadySeconds, seconds: seconds, bytes: offer.content.bytes)
        jobs.withLock { $0[command.job] = job }
        let now = Clocks.wallSeconds
        await say([.accepted, .receiving], command)
        Task {
            try? await Task.sleep(for: .seconds(seconds))
            guard jobs.withLock({ $0.removeValue(forKey: command.job) }) != nil else { return }
            log.received(
                SimulatedReceipt(node: node, job: command.job, begun: now, ended: Clocks.wallSeconds))
            await say([.delivered], command)
        }
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
