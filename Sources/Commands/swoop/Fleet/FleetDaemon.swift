import Address
import Files
import Fleet
import FleetAgent
import FleetLink
import Glibc
import Jobs
import Logging
import Swarm
import Text
import Threads

/// The fleet's part of `swoop agent`: the link to control, the host's jobs, and the UNIX socket for commands.
struct FleetDaemon {
    let client: LinkClient
    let agent: FleetAgent
    let places: AgentPlaces
    private let swarm: SwarmNode
    private let door: AgentDoor
    private let lock: Int32
    private let sync: Task<Void, Never>

    static func link(_ places: AgentPlaces) -> LinkMemory { .directory(places.data + "/link") }

    /// Whether this host has joined a fleet.
    static func hasJoined(_ places: AgentPlaces) -> Bool { access(places.data + "/link/link.json", F_OK) == 0 }

    /// Starts everything.
    /// - Parameters:
    ///   - tasks: those of a delivery node in this process.
    ///   - library: of that node, where it has one.
    static func start(
        _ places: AgentPlaces, _ file: AgentFile, anyPort: Bool, tellsLoopback: Bool, logger: Logger,
        library: (any ContentLibrary)? = nil, tasks: @escaping @Sendable () async -> [HostTask] = { [] }
    ) async throws -> FleetDaemon {
        let proxy = file.configuration.proxy.flatMap { HTTPURL($0) }
        // Before anything of the directory is opened, of which another agent may be at work.
        let lock = hasJoined(places) ? try DataLock.take(places.data, for: "agent") : -1
        let client: LinkClient
        do throws(LinkProblem) {
            guard let opened = try await LinkClient.open(link(places), proxy: proxy, logger: logger) else {
                throw LinkProblem.local("this host has not joined a fleet")
            }
            client = opened
        } catch {
            throw Failure(
                .usage, "\(places.data.shown): \(error)".shown,
                advice: "Run the command that 'swoop fleet token' prints: swoop agent join URL --token T")
        }
        var engine = SwarmNode.Configuration()
        engine.uploadLimit = file.configuration.limits.up.map { Int(clamping: $0) }
        engine.downloadLimit = file.configuration.limits.down.map { Int(clamping: $0) }
        engine.loops = SwarmNode.loopsForMany
        let swarm = try SwarmNode(configuration: engine, logger: logger)
        var settings = AgentTunables()
        settings.tellsLoopback = tellsLoopback
        if tellsLoopback {
            settings.listen = PeerAddress("127.0.0.1:0")
        } else if anyPort {
            settings.listen = PeerAddress(ipv6High: 0, low: 0, port: 0)
        }
        let agent = FleetAgent(
            configuration: file.configuration, places: places, link: await ClientLink(client), swarm: swarm,
            logger: logger, settings: settings, tasks: tasks, library: library)
        do {
            let door = try AgentDoor(agent, path: places.socket, logger: logger)
            try await agent.start()
            door.start()
            let delegate = AgentDelegate(agent, name: await client.name)
            let sync = Task { await client.run(delegate) }
            return FleetDaemon(
                client: client, agent: agent, places: places, swarm: swarm, door: door, lock: lock, sync: sync)
        } catch let problem as AgentListenProblem {
            await swarm.shutdown()
            throw Failure(
                .failed, problem.description.shown,
                advice: "End the other program, or name another address with 'listen' in agent.yaml.")
        } catch let error as SystemError {
            await swarm.shutdown()
            throw Failure(Failure.status(error.number), "the agent cannot listen at \(places.socket.shown): \(error)")
        } catch let error as FileFailure {
            await swarm.shutdown()
            throw Failure(Failure.status(error.number), "\(error)".shown)
        }
    }

    /// Reads the agent's file again on SIGHUP. With a mistake in it, what it said before stays in force.
    /// - Parameter path: nil for the usual one.
    func reloadOnHangup(_ path: String?, _ reporter: Reporter) {
        StopSignal.shared.onHangup {
            Task.detached {
                do {
                    let file = try await AgentFile.read(path, reporter)
                    let late = await agent.reload(file.configuration)
                    await client.factsChanged()
                    reporter.note("\(file.path ?? AgentFile.usual) was read again".shown)
                    if !late.isEmpty {
                        reporter.warning("a restart is needed for what changed of: \(late.joined(separator: ", "))")
                    }
                } catch {
                    let reason = (error as? Failure)?.message ?? "\(error)".shown
                    reporter.warning("what the agent's file said before stays in force: \(reason)")
                }
            }
        }
    }

    func stop() async {
        door.stop()
        await agent.stop()
        // Events that have not been sent are kept for the next start.
        sync.cancel()
        await sync.value
        await swarm.shutdown()
        close(lock)
    }
}
