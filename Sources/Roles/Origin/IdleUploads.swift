import Blobs
import Files
import Logging
import Threads

/// Removes uploads that have received no bytes for a long time. Works from `init` until ``stop()``.
package final class IdleUploads: Sendable {
    private let task: Task<Void, Never>

    /// Default age in seconds.
    package static let usualAge = 86_400.0
    /// Most seconds between two searches for idle uploads.
    private static let look = 600.0

    /// - Parameter age: seconds without new bytes after which an upload is removed.
    package init(_ uploads: UploadTable, age: Double = IdleUploads.usualAge, logger: Logger) {
        task = Task {
            while !Task.isCancelled {
                do {
                    try await Threads.offload { () throws(SystemError) in
                        try uploads.removeIdle(age: age, now: Clocks.steadySeconds, wall: Clocks.wall)
                    }
                } catch {
                    logger.warning("unfinished uploads cannot be removed", metadata: ["reason": "\(error)"])
                }
                try? await Task.sleep(for: .seconds(min(Self.look, max(1, age / 4))))
            }
        }
    }

    package func stop() { task.cancel() }
}
