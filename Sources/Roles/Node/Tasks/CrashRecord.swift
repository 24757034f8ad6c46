import BFT
import Glibc
import Jobs
import Policy
import Synchronization
import Threads

/// The crash ledger, and how it gets to disk, in DATA. That a task is about to run is durable before it does.
struct CrashRecord: Sendable {
    /// `DATA/.running`: exists while the process runs, removed when it is stopped.
    private let file: CrashFile
    /// A file beside it, created by a process that crashed.
    let mark: String
    private(set) var ledger = CrashLedger()
    /// Of the last change.
    private var number = 0

    /// Identifies the boot of the machine: another value means that it was off meanwhile.
    private let boot: String

    init(data: String) {
        file = CrashFile(path: "\(data)/.running")
        mark = Self.markPath(data: data)
        let bytes = try? PathFiles.read("/proc/sys/kernel/random/boot_id", limit: 4096)
        boot = bytes.map { String(decoding: $0, as: UTF8.self).trimmed } ?? ""
    }

    static func markPath(data: String) -> String { "\(data)/.crashed" }

    /// Reads the record of the previous process, and counts its end for the tasks that were running. Blocks on the disk.
    mutating func load(done: (String) -> Int64) {
        guard let bytes = try? PathFiles.read(file.path, limit: 64 << 20) else { return }
        let text = String(decoding: bytes, as: UTF8.self)
        let end = text.firstIndex(of: "\n") ?? text.endIndex
        ledger = CrashLedger(text: String(text[end...].dropFirst()))
        let isSameRun = text[..<end] == "boot \(boot)"
        ledger.charge(PathFiles.exists(mark) ? .crash : isSameRun ? .kill : .powerLoss, done: done)
        save()()
        PathFiles.removeFile(mark)
    }

    /// - Returns: what writes the change to disk, which blocks; nil if nothing changed. An older change never replaces a newer one.
    mutating func change(_ change: (inout CrashLedger) -> Void) -> (@Sendable () -> Void)? {
        let before = ledger
        change(&ledger)
        return ledger == before ? nil : save()
    }

    /// The process was stopped: no task was running when it ended. Nothing is written any more. Blocks on the disk.
    func close() { file.close() }

    private mutating func save() -> @Sendable () -> Void {
        number += 1
        // Losing the record costs a count.
        return { [file, number, text = "boot \(boot)\n\(ledger.text)"] in file.write(text, number: number) }
    }
}

/// The file of a crash ledger. Calls block.
private final class CrashFile: Sendable {
    let path: String
    private let state = Mutex<(written: Int, isClosed: Bool)>((0, false))

    init(path: String) { self.path = path }

    func write(_ text: String, number: Int) {
        state.withLock { state in
            guard !state.isClosed, number > state.written else { return }
            state.written = number
            try? PathFiles.write(Array(text.utf8), to: path)
        }
    }

    func close() {
        state.withLock { state in
            state.isClosed = true
            PathFiles.removeFile(path)
        }
    }
}

// The daemon's calls to the record.
extension DeliveryNode {
    /// The file that a crashing process creates, so that the next one can tell.
    package static func crashMark(of configuration: NodeConfiguration) -> String {
        CrashRecord.markPath(data: configuration.dataPath)
    }

    static func key(_ side: TaskSide, _ name: String) -> String { "\(side.rawValue)/\(name)" }

    /// The durable progress of a task: received bytes, verified files.
    private nonisolated static func done(_ key: String, _ context: NodeContext) -> Int64 {
        let parts = key.split(separator: "/", maxSplits: 1).map(String.init)
        guard parts.count == 2, parts[0] == TaskSide.receiver.rawValue,
            let bytes = try? context.directories.read(.receiver, .downloading, parts[1]),
            let task = try? TaskFile.parse(bytes)
        else { return 0 }
        let work = context.places.work(task)
        let received = (try? PathFiles.read(work + "/received", limit: 1024)).map {
            String(decoding: $0, as: UTF8.self)
        }
        let sum = (received ?? "").split(whereSeparator: \.isWhitespace).compactMap { Int64($0) }
            .reduce(Int64(0)) { $0 &+ $1 }
        return sum &+ (PathFiles.status(work + "/verified")?.size ?? 0)
    }

    /// Counts the end of the previous process for its tasks, and moves tasks with too many crashes to `failed`.
    func settleCrashes() async {
        let context = context
        crashes = await Threads.offload { [record = crashes] in
            var record = record
            record.load { Self.done($0, context) }
            return record
        }
        let states: [TaskSide: [TaskState]] = [
            .sender: [.uploading, .uploaded], .receiver: [.downloading, .downloaded],
        ]
        for side in TaskSide.allCases {
            for name in crashes.ledger.entries.keys.filter({ $0.hasPrefix(side.rawValue + "/") }).map({
                String($0.dropFirst(side.rawValue.count + 1))
            }) {
                let key = Self.key(side, name)
                guard let state = context.directories.locate(side, name, in: states[side] ?? []) else {
                    noteInLedger { $0.ended(key) }
                    continue
                }
                guard crashes.ledger.standing(of: key) == .givenUp else { continue }
                giveUp(name, side, state)
                noteInLedger { $0.ended(key) }
            }
        }
    }

    private func giveUp(_ name: String, _ side: TaskSide, _ state: TaskState) {
        let text =
            "the node broke down again and again while this task was running, and nothing of it was done in between: it "
            + "is not started any more"
        context.log(.error, "task given up", task: name, ["reason": "\(text)"])
        context.metrics.add(to: side == .sender ? .sendsFailed : .receivesFailed)
        do throws(FileFailure) {
            try context.directories.fail(name, side, from: state, details: text, suffix: ".bterr")
        } catch {
            context.log(.error, "task file cannot be moved", task: name, ["reason": "\(error)"])
        }
        context.notify("failed", task: name, path: context.directories.path(side, .failed, name), details: text)
    }

    /// Records that tasks are about to run.
    func noteRunning(_ tasks: [(TaskSide, String)]) async {
        let context = context
        let keys = tasks.map { Self.key($0.0, $0.1) }
        let done = await Threads.offload { keys.map { Self.done($0, context) } }
        let write = crashes.change { ledger in for (key, done) in zip(keys, done) { ledger.started(key, done: done) } }
        if let write { await Threads.offload(write) }
    }

    /// Changes the ledger. Nothing waits until that is on the disk: a change that is lost costs a count.
    func noteInLedger(_ change: (inout CrashLedger) -> Void) {
        guard let write = crashes.change(change) else { return }
        Task { await Threads.offload(write) }
    }

    func noteEnded(_ side: TaskSide, _ name: String) { noteInLedger { $0.ended(Self.key(side, name)) } }

    func isSuspect(_ side: TaskSide, _ name: String) -> Bool {
        crashes.ledger.standing(of: Self.key(side, name)) == .suspect
    }

    /// Starts suspected tasks one after the other, so that the next crash can be attributed to one of them.
    func startSuspects(_ suspects: [(side: TaskSide, name: String, state: TaskState)]) {
        guard !suspects.isEmpty else { return }
        Task {
            for (side, name, state) in suspects {
                guard !isStopped, context.directories.contains(side, state, name) else { continue }
                context.log(.warning, "the node broke down while this task ran: it is started by itself", task: name)
                work.begin()
                if side == .sender {
                    if senders[name] == nil { await runSender(name, state: state) }
                } else if receivers[name] == nil {
                    await runReceiver(name, state: state)
                }
                work.end()
                await clock.sleep(seconds: context.tunables.probation)
                if isStopped { return }
                noteInLedger { $0.proved(Self.key(side, name)) }
            }
        }
    }

    /// A task that has run for long enough is not the cause of earlier crashes.
    func forgiveIfSteady() {
        guard crashes.ledger.hasCounts, clock.now.uptime - startedAt >= context.tunables.steadyTime else { return }
        noteInLedger { ledger in for (task, entry) in ledger.entries where entry.isRunning { ledger.proved(task) } }
    }
}
