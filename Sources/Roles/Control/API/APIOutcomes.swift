import FleetStore

extension APICall {
    /// Runs a database operation. An error becomes a 503 answer.
    func stored<Value: Sendable>(
        _ body: () async throws(StoreError) -> Value
    ) async throws(APIProblem) -> Value {
        do throws(StoreError) { return try await body() } catch {
            core.logger.warning("the database did not answer the API", metadata: ["error": "\(error)"])
            throw APIProblem(error)
        }
    }

    func value<Value>(of outcome: ChangeOutcome<Value>, _ what: String, _ name: String) throws(APIProblem) -> Value {
        switch outcome {
        case .done(let value): return value
        case .unknown: throw .unknown(what, name)
        case .stale(let revision): throw .stale(revision)
        case .taken: throw APIProblem(409, "taken", "there is another \(what) of that name")
        case .refused(let code, let text): throw APIProblem(409, code, text)
        }
    }
}
