import Glibc

/// Runs blocking work on a thread of its own: it would take the place of the concurrency pool's threads, which are few.
func offload<R: Sendable>(_ body: @escaping @Sendable () -> R) async -> R {
    await withCheckedContinuation { continuation in
        detach { continuation.resume(returning: body()) }
    }
}

/// The same for work that can fail.
func offload<R: Sendable, E: Error>(_ body: @escaping @Sendable () throws(E) -> R) async throws(E) -> R {
    let result = await offload { () -> Result<R, E> in
        do throws(E) { return .success(try body()) } catch { return .failure(error) }
    }
    return try result.get()
}

private func detach(_ body: @escaping @Sendable () -> Void) {
    final class Box: Sendable {
        let run: @Sendable () -> Void
        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }
    var thread = pthread_t()
    // The box outlives its passage: it is retained until the thread, the only one to take it, has taken it back.
    let box = Unmanaged.passRetained(Box(body))
    let code = pthread_create(
        &thread, nil,
        { argument in
            if let argument { Unmanaged<Box>.fromOpaque(argument).takeRetainedValue().run() }
            return nil
        }, box.toOpaque())
    if code == 0 {
        pthread_detach(thread)
    } else {
        box.release()
        body()
    }
}
