import Swarm

extension Transfer {
    /// Waits for the end of the transfer.
    /// - Returns: nil when the transfer is complete.
    func problem() async -> FetchProblem? {
        for await event in events {
            switch event {
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
