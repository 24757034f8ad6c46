import BFT
import Jobs
import Policy
import Synchronization

/// Keeps the records of received tasks: each in its task file, each state a directory.
final class TaskRecords: JobStore {
    private let directories: TaskDirectories
    private let calendar: any WallClock
    /// On a cacher a task that is over lies in `downloaded`.
    private let isCacher: Bool
    private let tasks = Mutex<[String: TaskFile]>([:])

    init(_ directories: TaskDirectories, calendar: any WallClock, isCacher: Bool) {
        self.directories = directories
        self.calendar = calendar
        self.isCacher = isCacher
    }

    /// The task file of a job as it was written last; nil for one that is not kept here.
    func task(_ name: String) -> TaskFile? { tasks.withLock { $0[name] } }

    func begin(_ task: TaskFile, name: String) { tasks.withLock { $0[name] = task } }

    func forget(_ name: String) { tasks.withLock { $0[name] = nil } }

    /// The directory of a state.
    func directory(_ state: JobState) -> TaskState {
        switch state {
        case .receiving: .downloading
        case .serving: .downloaded
        case .over: isCacher ? .downloaded : .history
        case .failed: .failed
        }
    }

    func path(_ name: String, in state: JobState) -> String { directories.path(.receiver, directory(state), name) }

    func save(_ record: JobRecord, of name: String, in state: JobState) throws(FileFailure) {
        let changed = tasks.withLock { tasks -> TaskFile? in
            tasks[name]?.set(record, calendar)
            return tasks[name]
        }
        guard let changed else { return }
        try directories.write(changed.encode(), .receiver, directory(state), name)
    }

    func move(_ name: String, from state: JobState, to next: JobState) throws(FileFailure) {
        try directories.move(name, .receiver, from: directory(state), to: directory(next))
    }

    func fail(_ name: String, from state: JobState, _ failure: JobFailure) throws(FileFailure) {
        try directories.fail(
            name, .receiver, from: directory(state), details: failure.description,
            suffix: TaskDirectories.errorSuffix(failure.method.rawValue))
    }
}

/// One task that is received: its runner, and where its file is kept.
package struct Receiver: Sendable {
    package let runner: JobRunner
    let store: TaskRecords

    var task: TaskFile? { store.task(status.name) }
    var status: JobStatus { runner.status }

    func stop() async { await runner.stop() }
}

extension NodeContext {
    /// Tells the management system what became of a received task.
    func notify(_ event: JobEvent, of name: String, _ store: TaskRecords) {
        switch event {
        case .complete: notify("downloaded", task: name, path: store.path(name, in: .serving))
        case .finished: notify("finished", task: name, path: store.path(name, in: .over))
        case .failed(let failure):
            notify("failed", task: name, path: store.path(name, in: .failed), details: failure.description)
        }
    }
}

extension NodeMetrics {
    func count(_ what: JobCount, _ count: Int64) {
        switch what {
        case .complete: add(count, to: .receivesFinished)
        case .failed: add(count, to: .receivesFailed)
        case .wrongFile: add(count, to: .verifyFailures)
        case .copied: add(count, to: .bytesFromLibrary)
        case .received(.bt): add(count, to: .bytesFromPeers)
        case .received(.obs): add(count, to: .bytesFromStore)
        case .received(.cdn): add(count, to: .bytesFromCDN)
        }
    }
}
