extension Threads {
    /// Runs `body`, which blocks, on a new thread and returns its result.
    package static func offload<R: Sendable>(
        name: String? = nil, _ body: @escaping @Sendable () -> R
    ) async -> R {
        await withCheckedContinuation { continuation in
            runDetached(name: name) { continuation.resume(returning: body()) }
        }
    }

    /// The same for a body that throws.
    package static func offload<R: Sendable, E: Error>(
        name: String? = nil, _ body: @escaping @Sendable () throws(E) -> R
    ) async throws(E) -> R {
        let result = await offload(name: name) { () -> Result<R, E> in
            do throws(E) { return .success(try body()) } catch { return .failure(error) }
        }
        return try result.get()
    }
}
