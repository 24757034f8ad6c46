import Fleet
import Logging
import Text
import Threads

/// A simulated fleet of any size in one process: real keys, joins, TLS and syncs, but no content. A load test for
/// control.
package final class SimulatedFleet: Sendable {
    package struct Settings: Sendable {
        package var agents: Int
        package var controls: [ControlAddress]
        package var token: EnrolmentToken
        /// Maximum number of simultaneous joins.
        package var joining = 16
        package var sites = 10
        /// How long each says that it takes to receive a job, in seconds, half more or less; 0 for no time.
        package var receiving = 0.0
        /// Prefix of the names of nodes.
        package var prefix = "sim"

        package init(agents: Int, controls: [ControlAddress], token: EnrolmentToken) {
            self.agents = agents
            self.controls = controls
            self.token = token
        }
    }

    private let settings: Settings
    private let logger: Logger
    private let log = LoadLog()

    package init(_ settings: Settings, logger: Logger) {
        self.settings = settings
        self.logger = logger
    }

    package var figures: LoadFigures { log.now }

    /// What agents have received since the last call, where that takes time.
    package func takeReceipts() -> [SimulatedReceipt] { log.takeReceipts() }

    /// Lets all agents join.
    /// - Returns: the agents that joined. Pass them to ``run(_:)``.
    package func join() async -> [LinkClient] {
        await withTaskGroup(of: LinkClient?.self) { group in
            var (next, clients) = (0, [LinkClient]())
            func add() {
                guard next < settings.agents, !Task.isCancelled else { return }
                let number = next
                next += 1
                group.addTask { await self.join(number) }
            }
            for _ in 0..<settings.joining { add() }
            while let client = await group.next() {
                if let client { clients.append(client) }
                add()
            }
            return clients
        }
    }

    private func name(_ number: Int) -> String { "\(settings.prefix)-\(number)" }
    private func site(_ number: Int) -> String { "site-\(number % max(1, settings.sites))" }

    private func join(_ number: Int) async -> LinkClient? {
        // Agents distribute themselves over the controls at random.
        let controls = settings.controls.shuffled()
        let name = name(number)
        do throws(LinkProblem) {
            let (record, _) = try await LinkJoin.join(
                settings.token, at: controls, facts: SimulatedAgent.facts(named: name, site: site(number)),
                keeping: .none)
            log.joined()
            return try LinkClient(
                record, memory: .none, events: try await EventQueue.open(.none), logger: logger)
        } catch {
            log.failedToJoin(error)
            return nil
        }
    }

    /// Syncs for all agents until the task is cancelled.
    package func run(_ clients: [LinkClient]) async {
        await withDiscardingTaskGroup { group in
            for (number, client) in clients.enumerated() {
                let agent = await SimulatedAgent(
                    client, name: name(number), site: site(number), receiving: settings.receiving, log: log)
                group.addTask { await client.run(agent) }
            }
        }
    }

    /// Closes all connections at once, and waits until every agent has got an answer again.
    /// - Returns: the time in seconds; nil if some agents had no answer within `patience` seconds.
    package func reconnect(_ clients: [LinkClient], patience: Double) async -> Double? {
        let begin = Clocks.steadySeconds
        log.forgetPresent()
        for client in clients { await client.transport.disconnect() }
        log.forgetPresent()
        while Clocks.steadySeconds - begin < patience, !Task.isCancelled {
            if log.now.present.count >= clients.count { return Clocks.steadySeconds - begin }
            try? await Task.sleep(for: .milliseconds(50))
        }
        return nil
    }
}
