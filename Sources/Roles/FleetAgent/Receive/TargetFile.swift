import JSON
import Jobs
import Synchronization
import Threads

/// The stored record of a job, in a file in the agent's data directory. Each change replaces the file, and is durable
/// when the call returns. It is also the store of the job's `JobRunner`. Calls block on the disk.
package final class TargetFile: JobStore {
    /// The directory of the job in the agent's data.
    package let directory: String
    private let state: Mutex<TargetRecord>

    private static let name = "record.json"

    /// A new record. Call `save()` to store it.
    package init(_ record: TargetRecord, in directory: String) {
        self.directory = directory
        state = Mutex(record)
    }

    /// Reads the record that an earlier run of the agent has stored; nil if there is none or it is invalid.
    package static func read(_ directory: String) -> TargetFile? {
        guard let bytes = try? PathFiles.read("\(directory)/\(name)", limit: 1 << 20),
            let value = try? JSONValue.parse(bytes), let record = try? TargetRecord(json: value)
        else { return nil }
        return TargetFile(record, in: directory)
    }

    package var now: TargetRecord { state.withLock { $0 } }

    package func save() throws(FileFailure) { try change { _ in } }

    package func change(_ body: (inout TargetRecord) -> Void) throws(FileFailure) {
        // Saved while the lock is held, so that an older record never overwrites a newer one.
        let failure = state.withLock { record -> FileFailure? in
            let before = record
            body(&record)
            do throws(FileFailure) {
                try PathFiles.write(record.json.encode(), to: "\(directory)/\(Self.name)", mode: 0o600)
                return nil
            } catch {
                record = before
                return error
            }
        }
        if let failure { throw failure }
    }

    /// The same, without blocking the caller's thread.
    package func changing(_ body: @escaping @Sendable (inout TargetRecord) -> Void) async throws(FileFailure) {
        try await Threads.offload { [self] () throws(FileFailure) in try change(body) }
    }

    // MARK: JobStore

    package func save(_ record: JobRecord, of name: String, in state: JobState) throws(FileFailure) {
        try change { $0.engine = record }
    }

    package func move(_ name: String, from state: JobState, to next: JobState) throws(FileFailure) {
        try change { $0.engineState = next }
    }

    package func fail(_ name: String, from state: JobState, _ failure: JobFailure) throws(FileFailure) {
        try change { $0.detail = failure.description.prefix(bytes: 900) }
    }
}
