import Logging
import Swarm

/// An engine that is always shut down, so that trackers get `stopped` and records are written.
struct EngineNode {
    private let node: SwarmNode

    init(logger: Logger) throws {
        node = try SwarmNode(logger: logger)
    }

    func use(_ body: (SwarmNode) async throws -> Void) async throws {
        do {
            try await body(node)
        } catch {
            await node.shutdown()
            throw (error as? TransferError).map(Failure.init) ?? error
        }
        await node.shutdown()
    }
}
