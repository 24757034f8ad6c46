/// Tracks which tasks were running when the process ended without being stopped, and how often in a row. Pure: the
/// shell writes it to disk before a task starts, so that it survives any end.
///
/// A task that was running during three consecutive crashes is given up, so that no input can keep a node from working.
/// A crash is caused by the process itself (a trap, a bad access). A kill may come from outside, or from a system that
/// is out of memory: a task is given up after thirty. A power loss counts for no task.
package struct CrashLedger: Sendable, Hashable {
    /// How a process ended that was not stopped.
    package enum End: Sendable, Hashable { case crash, kill, powerLoss }

    package enum Standing: Sendable, Hashable {
        case trusted
        /// One more such end and the task is given up. It is started alone, so that no other task is blamed.
        case suspect
        case givenUp
    }

    package struct Entry: Sendable, Hashable {
        package var crashes = 0
        package var kills = 0
        package var isRunning = false
        /// Durable progress of the task when it was started, in any unit that only grows.
        package var done: Int64 = 0
    }

    package static let mostCrashes = 3
    package static let mostKills = 30

    /// By side and name, such as `receiver/cfec-001-film.task.json`.
    package private(set) var entries: [String: Entry] = [:]

    package init() {}

    package func standing(of task: String) -> Standing {
        guard let entry = entries[task] else { return .trusted }
        if entry.crashes >= Self.mostCrashes || entry.kills >= Self.mostKills { return .givenUp }
        return entry.crashes == Self.mostCrashes - 1 || entry.kills == Self.mostKills - 1 ? .suspect : .trusted
    }

    /// Whether some task is suspected.
    package var hasCounts: Bool { entries.values.contains { $0.crashes > 0 || $0.kills > 0 } }

    /// The previous process ended this way. Counts it for the tasks that were running. The count of a task that made
    /// progress meanwhile starts again.
    /// - Parameter done: the current durable progress of a task.
    package mutating func charge(_ end: End, done: (String) -> Int64) {
        for (task, entry) in entries where entry.isRunning {
            var entry = entry
            if done(task) > entry.done { (entry.crashes, entry.kills) = (0, 0) }
            switch end {
            case .crash: entry.crashes += 1
            case .kill: entry.kills += 1
            case .powerLoss: break
            }
            entry.isRunning = false
            entries[task] = entry
        }
    }

    /// Must be made durable before the task does anything.
    package mutating func started(_ task: String, done: Int64) {
        entries[task, default: Entry()].isRunning = true
        entries[task]?.done = done
    }

    /// The task has run long enough, or has made progress.
    /// - Returns: whether that changed anything.
    @discardableResult
    package mutating func proved(_ task: String) -> Bool {
        guard let entry = entries[task], entry.crashes > 0 || entry.kills > 0 else { return false }
        entries[task]?.crashes = 0
        entries[task]?.kills = 0
        return true
    }

    /// The task has ended, was given up or removed.
    package mutating func ended(_ task: String) { entries[task] = nil }

    // MARK: As text

    private static let header = "swoop running tasks 1"

    package var text: String {
        let lines = entries.sorted { $0.key < $1.key }.map { task, entry in
            "\(entry.crashes) \(entry.kills) \(entry.isRunning ? 1 : 0) \(entry.done) \(task)\n"
        }
        return Self.header + "\n" + lines.joined()
    }

    /// Lines that cannot be parsed are skipped: losing one costs a count.
    package init(text: String) {
        let lines = text.split(separator: "\n")
        guard lines.first.map(String.init) == Self.header else { return }
        for line in lines.dropFirst() {
            let fields = line.split(separator: " ", maxSplits: 4)
            guard fields.count == 5, let crashes = Int(fields[0]), let kills = Int(fields[1]), crashes >= 0, kills >= 0,
                crashes < 1_000_000, kills < 1_000_000, let done = Int64(fields[3])
            else { continue }
            entries[String(fields[4])] = Entry(crashes: crashes, kills: kills, isRunning: fields[2] == "1", done: done)
        }
    }
}
