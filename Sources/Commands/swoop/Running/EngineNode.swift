import Logging
import Swarm

/// An engine that is always shut down, so that trackers get `stopped` and records are written.
struct EngineNode {
    private let node: SwarmNode

    /// - Parameter hasManyTorrents: whether to use several event loops instead of one.
    init(logger: Logger, hasManyTorrents: Bool = false) throws {
        var configuration = SwarmNode.Configuration()
        configuration.loops = hasManyTorrents ? SwarmNode.loopsForMany : 1
        node = try SwarmNode(configuration: configuration, logger: logger)
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
