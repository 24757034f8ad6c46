import JSON
import Jobs
import Synchronization

/// The file with the stored state of a job that this host sends.
final class SendFile: Sendable {
    private let directory: String
    /// The number of the state that was written last.
    private let written = Mutex(0)

    init(directory: String) { self.directory = directory }

    /// Stores a state durably, unless a later one has been stored. Blocks on the disk.
    /// - Parameter number: of the state, in their order.
    func write(_ state: JSONValue, _ number: Int) throws(FileFailure) {
        let failure = written.withLock { written -> FileFailure? in
            guard number > written else { return nil }
            do throws(FileFailure) {
                try PathFiles.makeDirectory(directory)
                try PathFiles.write(state.encode(), to: "\(directory)/send.json", mode: 0o600)
                written = number
                return nil
            } catch {
                return error
            }
        }
        if let failure { throw failure }
    }
}
