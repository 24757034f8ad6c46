import Swarm

extension Transfer {
    /// Waits for the end of the transfer.
    /// - Parameter warn: called with each warning, as of a tracker that does not answer.
    /// - Returns: nil when the transfer is complete.
    func problem(
        isolation: isolated (any Actor)? = #isolation, warn: (String) -> Void
    ) async -> FetchProblem? {
        for await event in events {
            switch event {
            case .warning(let text): warn(text)
            case .complete: return nil
            case .failed(let error):
                let kind: FetchProblem.Kind =
                    switch error.kind {
                    case .notFound: .noSource
                    case .disk: .disk
                    default: .other
                    }
                return FetchProblem(kind: kind, description: error.message)
            default: continue
            }
        }
        return FetchProblem(kind: .stopped, description: "it was stopped")
    }
}
