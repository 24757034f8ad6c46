import Fleet

/// A command that a node has not accepted yet. The message is made only when it is sent, so an offer has the current
/// peers.
enum PendingCommand: Sendable, Hashable {
    case offer(job: String, attempt: Int)
    case switches(job: String, attempt: Int, at: Double?)
    case pause(job: String, revision: Int64)
    case resume(job: String, revision: Int64)
    case cancel(job: String)
    case end(job: String)
    case send(job: String)
    case restore(job: String, attempt: Int)

    /// The same each time the command is sent, so that the node carries it out only once.
    var id: String {
        switch self {
        case .offer(let job, let attempt): "\(job).\(attempt).offer"
        case .switches(let job, let attempt, _): "\(job).\(attempt).switch"
        case .pause(let job, let revision): "\(job).\(revision).pause"
        case .resume(let job, let revision): "\(job).\(revision).resume"
        case .cancel(let job): "\(job).cancel"
        case .end(let job): "\(job).end"
        case .send(let job): "\(job).send"
        case .restore(let job, let attempt): "\(job).\(attempt).restore"
        }
    }

    /// Whether it has the node take a job.
    var isOffer: Bool {
        switch self {
        case .offer, .restore: true
        default: false
        }
    }

    var job: String {
        switch self {
        case .offer(let job, _), .switches(let job, _, _), .pause(let job, _), .resume(let job, _), .cancel(let job),
            .end(let job), .send(let job), .restore(let job, _):
            job
        }
    }
}

/// The queued commands of one node, in the order in which they are sent.
struct Outbox: Sendable {
    /// Maximum number of commands in one answer.
    static let most = 512
    private static let remembered = 256

    private(set) var commands: [PendingCommand] = []
    /// Ids of commands that the node has accepted since its last start.
    private var taken: [String] = []
    /// How often commands were told that wait here already.
    private(set) var repetitions = 0

    var isEmpty: Bool { commands.isEmpty }

    /// - Returns: whether the command is new to the node.
    mutating func add(_ command: PendingCommand) -> Bool {
        let id = command.id
        let isWaiting = commands.contains { $0.id == id }
        let isKnown = isWaiting || taken.contains(id)
        if isWaiting { repetitions += 1 }
        switch command {
        case .cancel(let job), .end(let job): commands.removeAll { $0.job == job }
        // What is told again takes the place of nothing.
        case _ where isKnown: return false
        case .offer(let job, _), .restore(let job, _): reopen(job)
        case .pause(let job, let revision), .resume(let job, let revision):
            // A word that was overtaken by a newer one.
            let isOld = commands.contains { other in
                switch other {
                case .pause(job, let newer), .resume(job, let newer): newer > revision
                default: false
                }
            }
            if isOld { return false }
            reopen(job)
            commands.removeAll { other in
                switch other {
                case .pause(job, _), .resume(job, _): true
                default: false
                }
            }
        default: break
        }
        guard !taken.contains(id), !commands.contains(where: { $0.id == id }) else { return false }
        commands.append(command)
        return true
    }

    /// The job has begun again, so that its end must be told once more.
    private mutating func reopen(_ job: String) {
        let ends = [PendingCommand.cancel(job: job), .end(job: job)]
        commands.removeAll(where: ends.contains)
        let ids = ends.map(\.id)
        taken.removeAll(where: ids.contains)
    }

    /// The node has accepted these commands.
    mutating func take(_ ids: [String]) {
        guard !ids.isEmpty else { return }
        let ids = Set(ids)
        commands.removeAll { ids.contains($0.id) }
        taken += ids
        if taken.count > Self.remembered { taken.removeFirst(taken.count - Self.remembered) }
    }

    /// Takes out commands that have become void.
    /// - Parameter repetitions: ``repetitions`` when they were judged. If some command was told again since, nothing is taken
    ///   out: it may be that one, and due again.
    mutating func drop(_ void: Set<PendingCommand>, judgedAt repetitions: Int) {
        guard repetitions == self.repetitions else { return }
        commands.removeAll(where: void.contains)
    }

    /// The node has restarted, so it may need commands again that it had accepted.
    mutating func forgetTaken() { taken = [] }
}
