import Logging
import Registry
import RegistryClient
import RegistryWatch
import Text
import Threads

/// Pulls tags that match the agent's patterns as they are put, and those that were put while the agent was not
/// watching.
actor Follower {
    private let agent: Agent
    private let pulls: PullTable
    private let patterns: NamePatterns
    private let logger: Logger
    private var queue = FollowQueue(most: Follower.mostWaiting, atOnce: 2)
    private let heardTimes: HeardTimes
    /// Indexes that are being asked for missed tags, and those to ask once more.
    private var asking: Set<HTTPURL> = []
    private var again: Set<HTTPURL> = []
    /// Tags whose pull failed, and how often: they are tried again after a while.
    private var postponed: [Reference: Int] = [:]
    private var isStopped = false

    private static let mostWaiting = 10_000
    /// Seconds before the second try. Doubles each time.
    private static let firstPause = 1.0
    /// Tries in a row. After them others have their turn, and it is tried again after so many seconds.
    private static let tries = 4
    private static let postponement = 60.0
    /// A tag that failed so often does not make an index be asked again for all that came since.
    private static let longPostponed = 60
    /// Seconds by which the clocks of indexes may differ, and by which an event may follow the change of a tag.
    private static let slack = 60.0

    init(_ agent: Agent, _ pulls: PullTable, _ patterns: NamePatterns, logger: Logger) {
        self.agent = agent
        self.pulls = pulls
        self.patterns = patterns
        self.logger = logger
        heardTimes = HeardTimes(directory: agent.node.directory.path)
    }

    /// Drops followed content that does not match the patterns of this run.
    func start() async {
        let (followed, patterns) = (agent.followed, patterns)
        await Threads.offload { followed.change { $0.keep { patterns.match($0.description) } } }
    }

    func stop() { isStopped = true }

    // MARK: Missed tags

    /// Handles a reply of an index. If events may be missing, asks the index for all tags that were put since the last
    /// handled time.
    func heard(_ reply: WatchReply, isFirst: Bool, from index: HTTPURL) async {
        if isFirst || reply.hasGap, let since = heardTimes.time(of: index) { catchUp(with: index, since: since) }
        // The time only advances when nothing is left to pull, so that a restart asks again for what was not pulled.
        guard let time = reply.time, asking.isEmpty, queue.isEmpty,
            !postponed.values.contains(where: { $0 < Self.longPostponed })
        else { return }
        let heardTimes = heardTimes
        await Threads.offload { heardTimes.set(time, of: index) }
    }

    private func catchUp(with index: HTTPURL, since: Double) {
        guard asking.insert(index).inserted else {
            again.insert(index)
            return
        }
        Task {
            var pause = Self.firstPause
            repeat {
                again.remove(index)
                do throws(RegistryError) {
                    let found = try await agent.view.tagged(
                        since: since - Self.slack, matching: patterns, at: index, most: Self.mostWaiting)
                    for reference in found { tagged(reference) }
                    pause = Self.firstPause
                } catch {
                    logger.debug(
                        "what was tagged unheard is not known yet",
                        metadata: ["index": "\(index.text)", "reason": "\(error)"])
                    again.insert(index)
                    try? await Task.sleep(for: .seconds(pause))
                    pause = min(pause * 2, 60)
                }
            } while again.contains(index) && !isStopped
            asking.remove(index)
        }
    }

    // MARK: Pulling tags

    /// A tag was put.
    /// - Parameter digest: what it means since; nil where that is not known.
    func tagged(_ reference: Reference, _ digest: BlobDigest? = nil) {
        guard patterns.match(reference.description) else { return }
        queue.add(reference, digest: digest)
        begin()
    }

    private func begin() {
        while let item = queue.next() {
            Task {
                let isOver = await pull(item)
                queue.ended(item.reference)
                if isOver { postponed[item.reference] = nil } else { postpone(item.reference) }
                begin()
            }
        }
    }

    /// Tries again after a while. Whatever the tag means then will do: it may have been put again.
    private func postpone(_ reference: Reference) {
        guard !isStopped, postponed.count < Self.mostWaiting || postponed[reference] != nil else { return }
        postponed[reference, default: 0] += 1
        Task {
            try? await Task.sleep(for: .seconds(Self.postponement))
            if !isStopped { tagged(reference) }
        }
    }

    /// - Returns: whether nothing more is to be done about the tag.
    private func pull(_ item: FollowQueue.Item) async -> Bool {
        let reference = item.reference
        var pause = Self.firstPause
        var tries = 0
        while !isStopped, tries < Self.tries {
            switch await pulls.outcome(of: reference, anew: true) {
            case .complete(let content):
                let blobs = content.blobs.keys.map(\.sha256)
                let followed = agent.followed
                await Threads.offload { followed.change { $0.add(reference, blobs) } }
                // An index may still answer with what the tag meant before. If the tag was put again since, that is an event of
                // its own.
                if item.digest == nil || content.digest == item.digest || queue.isWaiting(reference) { return true }
            case .failed(let error) where error.isLackOfRoom:
                // Make place for the new version by giving up an older one. What comes late may itself be older.
                let followed = agent.followed
                guard postponed[reference] == nil,
                    await Threads.offload({ followed.change { $0.dropOldest(of: reference.name) } })
                else {
                    if postponed[reference] == nil {
                        logger.warning(
                            "there is no room for what is followed: it is tried again",
                            metadata: ["reference": "\(reference)"])
                    }
                    return false
                }
                await agent.fetches.tidy()
                continue
            case .failed(let error):
                if error.isUnknown, await isGone(reference) { return true }
            case .stopped: break
            }
            tries += 1
            try? await Task.sleep(for: .seconds(pause))
            pause = min(pause * 2, 60)
        }
        if !isStopped {
            logger.warning(
                "what is followed did not come yet: it is tried again", metadata: ["reference": "\(reference)"])
        }
        return false
    }

    /// Whether the registry has no such tag any more. Parts of its content may be unknown only where they are asked for now.
    private func isGone(_ reference: Reference) async -> Bool {
        do throws(AgentError) {
            _ = try await agent.resolve(reference, anew: true)
            return false
        } catch {
            return error.isUnknown
        }
    }
}
