import FleetAgent
import JSON
import Synchronization
import Threads

/// A request to this host's agent, and its answers.
struct AgentCalls: Sendable {
    let connection: AgentConnection
    private let rest = Rest()

    private final class Rest: Sendable { let bytes = Mutex<[UInt8]>([]) }

    /// - Throws: a failure `notFound` if no agent listens.
    init(_ places: AgentPlaces) async throws {
        let path = places.socket
        guard let connection = await Threads.offload({ AgentConnection.to(path) }) else {
            throw Failure(
                .notFound, "no agent of a fleet listens at \(path.shown)",
                advice: "Start 'swoop agent', or name its data with --data.")
        }
        self.connection = connection
    }

    func ask(_ request: JSON.JSONValue) async throws {
        guard await Threads.offload({ connection.write(request) }) else {
            throw Failure(.failed, "the agent has closed the connection")
        }
    }

    /// The next answer; nil at the end of the connection.
    func next() async -> JSON.JSONValue? {
        await Threads.offload { [connection, rest] in
            var bytes = rest.bytes.withLock { $0 }
            defer { rest.bytes.withLock { $0 = bytes } }
            return connection.read(&bytes)
        }
    }

    /// The next answer. An answer that is an error is thrown.
    func answer() async throws -> JSON.JSONValue {
        guard let value = await next() else { throw Failure(.failed, "the agent has closed the connection") }
        if value["event"]?.stringValue == "error" { throw Failure(SendProblem(json: value)) }
        return value
    }
}

extension Failure {
    init(_ problem: SendProblem) {
        let status: ExitStatus =
            switch problem.kind {
            case .refused: .refused
            case .notFound: .notFound
            case .usage: .usage
            case .failed: .failed
            case .disk: .disk
            }
        self.init(status, "\(problem.description) [\(problem.code)]".shown, advice: (problem.advice ?? "").shown)
    }
}
