import Fleet
import FleetLink
import Glibc
import Hashing
import Logging
import Synchronization
import Text
import TrackerServer
import Tracking

/// A tracker that is a node of a fleet. It serves the swarms of the fleet's running jobs, and no others.
struct FleetTracker: Sendable {
    static let usualData = "/var/lib/swoop/tracker"

    private let client: LinkClient
    private let tickets = TicketBook()

    /// Whether an announce is answered, by the ticket that it shows.
    var admits: @Sendable (SwarmKey, SwarmTicket?) -> Bool {
        { [tickets] swarm, ticket in tickets.admits(swarm, ticket) }
    }

    /// Joins the fleet with a token, unless this host has joined before.
    /// - Parameter data: a directory for the key, the certificate and the sync state.
    static func enrol(
        at controls: [ControlAddress], token: EnrolmentToken?, data: String, logger: Logger
    ) async throws -> FleetTracker {
        let memory = LinkMemory.directory(data)
        do throws(LinkProblem) {
            if let client = try await LinkClient.open(memory, logger: logger) { return FleetTracker(client: client) }
            guard let token else {
                throw LinkProblem.local("this tracker has not joined a fleet: --token is needed once")
            }
            let (record, _) = try await LinkJoin.join(token, at: controls, facts: facts(), keeping: memory)
            return FleetTracker(
                client: try LinkClient(
                    record, memory: memory, events: try await EventQueue.open(memory), logger: logger))
        } catch {
            throw Failure(error)
        }
    }

    /// Syncs with control and updates the server's list of swarms, until the task is cancelled. While control does not
    /// answer, the list does not change.
    func run(_ server: TrackerServer, _ reporter: Reporter) async {
        let client = client
        let linked = Task { await client.run(TrackerDelegate()) }
        var (wait, isTold) = (1.0, false)
        while !Task.isCancelled {
            do throws(LinkProblem) {
                let list = try await client.swarms()
                // First the keys: a swarm is served to no one else from its first announce on.
                tickets.keep(list)
                server.reload(allow: Set(list.swarms.compactMap { SwarmKey(bytes: $0.bytes) }))
                (wait, isTold) = (list.interval, false)
            } catch {
                if !isTold, !Task.isCancelled {
                    reporter.warning("\(error.description.shown); the list before stays in force")
                }
                (wait, isTold) = (5, true)
            }
            try? await Task.sleep(for: .seconds(wait))
        }
        linked.cancel()
        await linked.value
    }

    fileprivate static func facts() -> HostFacts {
        var buffer = [CChar](repeating: 0, count: 256)
        gethostname(&buffer, buffer.count - 1)
        let host = String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
        let name = "tracker-" + host.lowercased().filter { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-") }
        return HostFacts(name: String(name.prefix(63)), os: "linux", version: Product.version)
    }
}

/// With which the tickets of each swarm are checked.
private final class TicketBook: Sendable {
    private let keys = Mutex<[SwarmKey: HMACSHA256]>([:])

    func keep(_ list: SwarmList) {
        var new: [SwarmKey: HMACSHA256] = [:]
        for (swarm, key) in list.keys {
            guard let bytes = Hexadecimal.decode(key.value, byteCount: 32), let swarm = SwarmKey(bytes: swarm.bytes)
            else {
                continue
            }
            new[swarm] = HMACSHA256(key: bytes)
        }
        keys.withLock { [new] in $0 = new }
    }

    func admits(_ swarm: SwarmKey, _ ticket: SwarmTicket?) -> Bool {
        guard let key = keys.withLock({ $0[swarm] }) else { return true }
        guard let ticket else { return false }
        return JobTicket.isInForce(ticket.holder, ticket.code.bytes, key)
    }
}

/// A tracker receives nothing.
private struct TrackerDelegate: LinkDelegate {
    func facts() async -> HostFacts { FleetTracker.facts() }
    func figures(watched: Set<String>?) async -> [JobFigures] { [] }
    func take(_ commands: [FleetCommand]) async -> [String] { commands.map(\.id) }
    func heard(_ news: LinkNews) async {}
    func failed(_ problem: LinkProblem, at control: ControlAddress) async {}
}
