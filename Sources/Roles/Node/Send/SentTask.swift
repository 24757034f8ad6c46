import BFT
import Jobs
import Policy

/// A task that is sent, as it lies on disk: its file, in the directory of its state, and when its service ends. What cannot
/// be written or moved is logged, and the task stays as it was.
struct SentTask: Sendable {
    let name: String
    private(set) var file: TaskFile
    private(set) var state: TaskState
    private let context: NodeContext
    private let serviceEnd: ServiceEnd

    init(name: String, file: TaskFile, state: TaskState, context: NodeContext) {
        self.name = name
        self.file = file
        self.state = state
        self.context = context
        serviceEnd = ServiceEnd(of: name, data: context.configuration.dataPath)
    }

    /// Where the task file is now.
    var path: String { context.directories.path(.sender, state, name) }

    /// What decides of it, from its state on disk.
    func machine() -> SendMachine {
        var plan = SendPlan(task: file, configuration: context.configuration)
        // A share without a whole file counts as no share.
        let used = file.usedMethods
        plan.usesTorrent = used.contains(.bt)
        plan.usesStore = used.contains(.obs)
        plan.usesCDN = used.contains(.cdn)
        plan.uploads = plan.uploads && plan.usesStore
        plan.settings = context.tunables.sending
        let end = state == .uploaded ? serviceEnd.recorded ?? computedServiceEnd : nil
        return SendMachine(plan: plan, clock: context.clock.calendar, serviceEnd: end)
    }

    /// The end of a service that was not recorded.
    private var computedServiceEnd: Instant {
        let begun = context.clock.calendar.instant(of: file.sendTime) ?? context.clock.now.wall
        return begun + Double((file.bt.seedTime ?? context.configuration.defaultSeedTime).seconds)
    }

    // MARK: Steps

    mutating func begun() {
        guard file.sendTime.isEmpty else { return }
        file.sendTime = context.clock.text
        do throws(FileFailure) { try context.directories.write(file.encode(), .sender, state, name) } catch {
            context.log(.error, "task file cannot be written", task: name, ["reason": "\(error)"])
        }
    }

    /// - Parameter end: of its service.
    mutating func uploaded(serviceEnd end: Instant?) {
        if let end { serviceEnd.save(end) }
        move(to: .uploaded)
    }

    mutating func finished() {
        move(to: .history)
        serviceEnd.remove()
    }

    mutating func failed(_ failure: SendFailure) {
        do throws(FileFailure) {
            try context.directories.fail(
                name, .sender, from: state, details: failure.reason,
                suffix: TaskDirectories.errorSuffix(failure.method.rawValue))
            state = .failed
        } catch {
            context.log(.error, "task file cannot be moved", task: name, ["reason": "\(error)"])
        }
    }

    private mutating func move(to next: TaskState) {
        do throws(FileFailure) {
            try context.directories.move(name, .sender, from: state, to: next)
            state = next
        } catch {
            context.log(.error, "task file cannot be moved", task: name, ["reason": "\(error)"])
        }
    }
}
