import Fleet
import FleetAgent
import FleetLink
import Glibc
import Jobs
import Logging
import Swarm
import Text
import Threads

/// An agent that runs only for one command, on a host that is not a node otherwise, such as a CI runner. Its token
/// should be ephemeral.
struct OwnAgent {
    let agent: FleetAgent
    private let swarm: SwarmNode
    private let sync: Task<Void, Never>
    private let directory: String

    /// - Parameters:
    ///   - path: the only path that it may send.
    ///   - name: of the node; nil for one at random.
    static func join(
        _ token: EnrolmentToken, at controls: [ControlAddress], path: String, named name: String?, proxy: String?,
        logger: Logger
    ) async throws -> OwnAgent {
        var configuration = AgentConfiguration()
        guard let real = await Threads.offload({ PathFiles.resolved(path) }) else {
            throw Failure(.notFound, "there is nothing at \(path.shown)")
        }
        configuration.send.roots = [real]
        let name = name ?? "send-" + String(UInt64.random(in: 0 ... .max), radix: 36)
        let facts = await FleetAgent.facts(configuration, name: name)
        let proxy = proxy.flatMap { HTTPURL($0) }
        let client: LinkClient
        do throws(LinkProblem) {
            let joined = try await LinkJoin.join(token, at: controls, facts: facts, keeping: .none, proxy: proxy)
            guard joined.reply.state == .active else {
                throw LinkProblem.local("the token's nodes wait until an admin says yes: it is of no use here")
            }
            client = try LinkClient(
                joined.record, memory: .none, events: try await EventQueue.open(.none), proxy: proxy, logger: logger)
        } catch {
            throw Failure(error)
        }
        let directory = try await Threads.offload { Result { try temporaryDirectory() } }.get()
        var engine = SwarmNode.Configuration()
        engine.loops = 1
        let swarm = try SwarmNode(configuration: engine, logger: logger)
        let agent = FleetAgent(
            configuration: configuration, places: AgentPlaces(data: directory), link: await ClientLink(client),
            swarm: swarm, logger: logger)
        try await agent.start()
        let delegate = AgentDelegate(agent, name: name)
        return OwnAgent(
            agent: agent, swarm: swarm, sync: Task { await client.run(delegate) }, directory: directory)
    }

    private static func temporaryDirectory() throws -> String {
        let base = Terminal.environment("TMPDIR").flatMap { $0.hasPrefix("/") ? $0 : nil } ?? "/tmp"
        var template = Array("\(base)/swoop-send-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw Failure(.disk, "no directory can be made in \(base.shown)") }
        return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    func stop() async {
        await agent.stop()
        sync.cancel()
        await sync.value
        await swarm.shutdown()
        let directory = directory
        await Threads.offload {
            guard let slash = directory.lastIndex(of: "/") else { return }
            OwnTree(path: String(directory[..<slash])).remove(directory)
        }
    }

    /// Sends, and displays the job until it has ended.
    func send(_ order: SendOrder, _ reporter: Reporter) async throws {
        let sent = SendCommand.Sent(order)
        let (plan, runner): (SendPlan, SendRunner)
        do throws(SendProblem) { (plan, runner) = try await agent.send(order) } catch { throw Failure(error) }
        reporter.event(SendCommand.started(plan))
        var display = JobDisplay(reporter, job: plan.job)
        while !Task.isCancelled {
            let progress = runner.progress
            switch progress.phase {
            case .hashing, .starting: display.hashing(progress.done, progress.total)
            case .failed(let problem): throw Failure(problem)
            case .running, .over:
                if let view = try? await runner.look() {
                    display.show(view, force: view.state.hasEnded)
                    if view.state.hasEnded { return try SendCommand.end(view, plan.job, sent, reporter) }
                }
            }
            try? await Task.sleep(for: .milliseconds(500))
        }
    }

    func plan(_ order: SendOrder) async throws -> SendPlan {
        do throws(SendProblem) { return try await agent.plan(order) } catch { throw Failure(error) }
    }
}
