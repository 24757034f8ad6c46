/// Runs `work` until it ends or a stop is requested. After a stop, its task is cancelled and awaited, and the command
/// ends with 130.
/// - Parameters:
///   - text: said when the command is stopped; nil for nothing.
///   - reporter: where it is said.
func untilStopped<Value: Sendable>(
    saying text: String? = nil, _ reporter: Reporter? = nil, _ work: @escaping @Sendable () async throws -> Value
) async throws -> Value {
    try await withThrowingTaskGroup(of: Value?.self) { group in
        group.addTask { try await work() }
        group.addTask {
            await StopSignal.shared.wait()
            return nil
        }
        defer { group.cancelAll() }
        do {
            guard let first = try await group.next(), let value = first else { throw QuietExit(status: .interrupted) }
            return value
        } catch {
            // Errors caused by the cancellation are not reported.
            guard StopSignal.shared.isStopped else { throw error }
            if let text {
                reporter?.clearBars()
                reporter?.note(text)
            }
            throw QuietExit(status: .interrupted)
        }
    }
}
