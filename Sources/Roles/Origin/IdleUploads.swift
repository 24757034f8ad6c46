import Blobs
import Files
import Logging
import Threads

/// Removes uploads that nobody has sent to for a day, from now on until it is stopped.
package final class IdleUploads: Sendable {
    private let task: Task<Void, Never>

    /// Seconds after which an upload goes, and the time between two looks.
    private static let age = 86_400.0
    private static let look = Duration.seconds(600)

    package init(_ uploads: UploadTable, logger: Logger) {
        task = Task {
            while !Task.isCancelled {
                do {
                    try await Threads.offload { () throws(SystemError) in
                        try uploads.removeIdle(age: Self.age, now: Clocks.steadySeconds, wall: Clocks.wall)
                    }
                } catch {
                    logger.warning("unfinished uploads cannot be removed", metadata: ["reason": "\(error)"])
                }
                try? await Task.sleep(for: Self.look)
            }
        }
    }

    package func stop() { task.cancel() }
}
