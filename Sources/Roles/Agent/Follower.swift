import Logging
import Registry
import Threads

/// Pulls what is tagged, as it is tagged.
actor Follower {
    private let agent: Agent
    private let pulls: PullTable
    private let patterns: NamePatterns
    private let logger: Logger
    /// What is to be pulled, the first first. A tag is in it once.
    private var waiting: [Reference] = []
    private var underWay = 0

    private static let atOnce = 2
    private static let mostWaiting = 10_000
    /// Seconds before the second try; doubles each time.
    private static let firstPause = 1.0
    private static let tries = 8

    init(_ agent: Agent, _ pulls: PullTable, _ patterns: NamePatterns, logger: Logger) {
        self.agent = agent
        self.pulls = pulls
        self.patterns = patterns
        self.logger = logger
    }

    /// Whatever else was followed before is not any more.
    func start() async {
        let (followed, patterns) = (agent.followed, patterns)
        await Threads.offload { followed.change { $0.keep { patterns.match($0.description) } } }
    }

    func tagged(_ reference: Reference) {
        guard patterns.match(reference.description) else { return }
        waiting.removeAll { $0 == reference }
        waiting.append(reference)
        if waiting.count > Self.mostWaiting { waiting.removeFirst() }
        begin()
    }

    private func begin() {
        while underWay < Self.atOnce, !waiting.isEmpty {
            let reference = waiting.removeFirst()
            underWay += 1
            Task {
                await pull(reference)
                underWay -= 1
                begin()
            }
        }
    }

    private func pull(_ reference: Reference) async {
        var pause = Self.firstPause
        var tries = 0
        while !Task.isCancelled, tries < Self.tries {
            switch await pulls.outcome(of: reference) {
            case .complete(let content):
                let blobs = content.blobs.keys.map(\.sha256)
                let followed = agent.followed
                return await Threads.offload { followed.change { $0.add(reference, blobs) } }
            case .failed(let error) where error.isLackOfRoom:
                // A newer version takes the place of an older one.
                let followed = agent.followed
                guard await Threads.offload({ followed.change { $0.dropOldest(of: reference.name) } }) else {
                    return logger.warning(
                        "there is no room for what is followed", metadata: ["reference": "\(reference)"])
                }
                await agent.fetches.tidy()
            case .failed(let error) where error.isUnknown: return
            case .failed, .stopped:
                tries += 1
                try? await Task.sleep(for: .seconds(pause))
                pause = min(pause * 2, 60)
            }
        }
        logger.warning("what is followed did not come", metadata: ["reference": "\(reference)"])
    }
}
