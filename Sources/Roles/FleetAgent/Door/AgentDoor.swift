import CLinux
import Files
import Fleet
import FleetLink
import Glibc
import JSON
import Jobs
import Logging
import Synchronization
import Threads

/// The UNIX socket on which the agent serves commands of this host: `swoop send` and `swoop status`. The kernel
/// identifies the user who runs the command.
package final class AgentDoor: Sendable {
    /// Maximum number of connections, half of them of one user. Further ones are closed at once.
    private static let most = 128
    /// Milliseconds within which a command must send its request.
    private static let patience: Int32 = 30_000

    package let path: String
    private let agent: FleetAgent
    private let listener: Int32
    private let places = LocalDoor(most: AgentDoor.most)
    private let isOver = Mutex(false)
    private let logger: Logger

    /// - Throws: if the socket cannot be created, or another agent listens on it.
    package init(_ agent: FleetAgent, path: String, logger: Logger) throws(SystemError) {
        guard let address = AgentConnection.address(path) else { throw SystemError(ENAMETOOLONG) }
        if AgentConnection.to(path) != nil { throw SystemError(EADDRINUSE) }
        let listener = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard listener >= 0 else { throw .current }
        unlink(path)
        guard AgentConnection.withAddress(address, { bind(listener, $0, $1) }) == 0, chmod(path, 0o666) == 0,
            listen(listener, 64) == 0
        else {
            let error = SystemError.current
            close(listener)
            throw error
        }
        self.path = path
        self.agent = agent
        self.listener = listener
        self.logger = logger
    }

    deinit { close(listener) }

    package func start() { Threads.runDetached(name: "agent-socket") { self.accept() } }

    package func stop() {
        isOver.withLock { $0 = true }
        shutdown(listener, Int32(SHUT_RDWR))
        unlink(path)
    }

    private func accept() {
        var hasFailed = false
        while true {
            let accepted = accept4(listener, nil, nil, Int32(SOCK_CLOEXEC.rawValue))
            guard accepted >= 0 else {
                let error = SystemError.current
                if isOver.withLock({ $0 }) { return }
                switch AcceptFailure(error.number) {
                case .passed: continue
                case .shortage:
                    if !hasFailed {
                        logger.warning("no command can reach the agent for now", metadata: ["reason": "\(error)"])
                    }
                    hasFailed = true
                    usleep(50_000)
                    continue
                case .lost:
                    logger.error("no command can reach the agent any more", metadata: ["reason": "\(error)"])
                    return
                }
            }
            hasFailed = false
            let connection = AgentConnection(accepted)
            guard let user = places.enter(accepted) else { continue }
            Task {
                await self.serve(connection, of: user)
                self.places.leave(user)
            }
        }
    }

    private func serve(_ connection: AgentConnection, of user: uid_t) async {
        let request = await Threads.offload {
            var rest: [UInt8] = []
            return connection.read(&rest, milliseconds: Self.patience)
        }
        guard let request else { return }
        do throws(SendProblem) {
            switch request["do"]?.stringValue {
            case "status": try await status(request, connection)
            case "send": try await send(request, user, connection)
            default: throw SendProblem(.usage, "request", "the agent does not know this request")
            }
        } catch {
            _ = await say(error.json, connection)
        }
    }

    private func say(_ value: JSONValue, _ connection: AgentConnection) async -> Bool {
        await Threads.offload { connection.write(value) }
    }

    // MARK: status

    private func status(_ request: JSONValue, _ connection: AgentConnection) async throws(SendProblem) {
        guard let job = request["job"]?.stringValue else {
            _ = await say(await agent.status(class: request["class"]?.stringValue), connection)
            return
        }
        do throws(LinkRefusal) {
            _ = await say(
                ["event": "job", "job": .string(job), "view": try await agent.view(of: job).json], connection)
        } catch { throw SendProblem(error) }
    }

    // MARK: send

    private func send(_ request: JSONValue, _ user: uid_t, _ connection: AgentConnection) async throws(SendProblem) {
        let names = LocalUser.names(of: user)
        guard agent.context.policy.mayUserSend(names, isOwn: user == 0 || user == geteuid()) else {
            throw SendProblem(
                .refused, "send.users", "\(names[0]) is none of 'send.users' in the agent's file",
                advice: "add the user to send.users in \(agent.context.policy.configuration.file)")
        }
        let order: SendOrder
        do throws(WireProblem) {
            var object = request["order"]?.objectValue ?? JSONObject()
            object["user"] = .string(names[0])
            object["job"] = nil
            order = try SendOrder(json: .object(object))
        } catch { throw SendProblem(.usage, "order", error.description) }
        if request["dry_run"]?.lenientFlag == true {
            let plan = try await agent.plan(order)
            _ = await say(["event": "plan", "plan": plan.json], connection)
            return
        }
        let (plan, runner) = try await agent.send(order)
        guard await say(["event": "job", "job": .string(plan.job), "plan": plan.json], connection) else { return }
        if request["detach"]?.lenientFlag == true { return }
        try await follow(runner, connection)
    }

    /// Sends a command the progress of its job, until the job ends or the command closes the connection.
    private func follow(_ runner: SendRunner, _ connection: AgentConnection) async throws(SendProblem) {
        let clock = agent.context.clock
        while true {
            let progress = runner.progress
            switch progress.phase {
            case .hashing, .starting:
                let line: JSONValue = [
                    "event": "hashing", "done": .integer(progress.done), "total": .integer(progress.total),
                ]
                guard await say(line, connection) else { return }
            case .failed(let problem): throw problem
            case .running, .over:
                do throws(LinkRefusal) {
                    let view = try await runner.look()
                    let line: JSONValue = ["event": view.state.hasEnded ? "end" : "view", "view": view.json]
                    guard await say(line, connection), !view.state.hasEnded else { return }
                } catch {
                    // Control may be unreachable for a moment. The job goes on.
                    guard error.mayPass else { throw SendProblem(error) }
                    guard await say(["event": "away", "message": .string(error.text)], connection) else { return }
                }
            }
            await clock.sleep(seconds: 0.5)
        }
    }
}

extension SendProblem {
    package var json: JSONValue {
        var object = JSONObject([
            "event": "error", "kind": .string(kind.rawValue), "code": .string(code), "message": .string(description),
        ])
        object.set("advice", advice)
        return .object(object)
    }

    package init(json: JSONValue) {
        self.init(
            json["kind"]?.stringValue.flatMap(Kind.init(rawValue:)) ?? .failed, json["code"]?.stringValue ?? "failed",
            json["message"]?.stringValue ?? "the agent does not say why", advice: json["advice"]?.stringValue)
    }
}
