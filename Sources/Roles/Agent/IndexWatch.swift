import Glibc
import Logging
import Registry
import RegistryClient
import RegistryWatch
import Synchronization
import Text
import Threads

/// Asks each index of the registry for events, by long polling, and acts on them: pulls tags that this host follows,
/// and content that it is told to warm.
package final class IndexWatch: Sendable {
    private let agent: Agent
    private let pulls: PullTable
    private let follower: Follower?
    private let id = WatchID.random()
    private let site: String
    private let logger: Logger
    private let warmings = Atomic(0)
    private let task = Mutex<Task<Void, Never>?>(nil)

    /// Most indexes watched at a time.
    private static let mostIndexes = 8
    private static let mostWarmings = 64
    private static let lookEvery = Duration.seconds(5)
    /// Seconds before an index that did not answer is asked again. Doubles each time.
    private static let pauses = (first: 0.5, last: 10.0)
    /// Seconds after which an index without this route is asked again: it may have been updated by then.
    private static let withoutCall = 300.0
    private static let reportEvery = Duration.milliseconds(500)

    /// - Parameters:
    ///   - follow: patterns of the NAME:TAG to pull whenever they are put; nil for none.
    ///   - site: this host's site; empty if it has none.
    package init(_ agent: Agent, pulls: PullTable, follow: NamePatterns?, site: String, logger: Logger) {
        self.agent = agent
        self.pulls = pulls
        self.site = site
        self.logger = logger
        follower = follow.map { Follower(agent, pulls, $0, logger: logger) }
    }

    package func start() async {
        await follower?.start()
        task.withLock { $0 = Task { await run() } }
    }

    package func stop() {
        task.withLock { $0 }?.cancel()
        if let follower { Task { await follower.stop() } }
    }

    /// Keeps one watch for each index that the registry lists now.
    private func run() async {
        var watches: [HTTPURL: Task<Void, Never>] = [:]
        while !Task.isCancelled {
            let cluster = try? await agent.view.parts(now: Clocks.steadySeconds)
            let wanted = Set((cluster?.indexes ?? []).prefix(Self.mostIndexes))
            if !wanted.isEmpty {
                for (index, task) in watches where !wanted.contains(index) {
                    task.cancel()
                    watches[index] = nil
                }
                for index in wanted where watches[index] == nil {
                    watches[index] = Task { await self.watch(index) }
                }
            }
            try? await Task.sleep(for: wanted.isEmpty ? .seconds(1) : Self.lookEvery)
        }
        for task in watches.values { task.cancel() }
    }

    private func watch(_ index: HTTPURL) async {
        var known: WatchReply?
        var pause = Self.pauses.first
        while !Task.isCancelled {
            do throws(RegistryError) {
                guard let reply = try await agent.view.watch(index, query(known)) else {
                    try? await Task.sleep(for: .seconds(Self.withoutCall))
                    continue
                }
                pause = Self.pauses.first
                for event in reply.events { await hear(event, from: index) }
                await follower?.heard(reply, isFirst: known == nil, from: index)
                known = reply
            } catch {
                logger.debug("an index is silent", metadata: ["index": "\(index.text)", "reason": "\(error)"])
                try? await Task.sleep(for: .seconds(pause))
                pause = min(pause * 2, Self.pauses.last)
            }
        }
    }

    private func query(_ known: WatchReply?) -> String {
        var query =
            "id=\(id)&host=\(PercentEncoding.encode(Self.hostName.utf8))&site=\(PercentEncoding.encode(site.utf8))"
        if let known { query += "&epoch=\(known.epoch)&last=\(known.last)" }
        return query
    }

    private static let hostName: String = {
        var buffer = [CChar](repeating: 0, count: 256)
        guard gethostname(&buffer, buffer.count - 1) == 0 else { return "" }
        return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }()

    private func hear(_ event: WatchEvent, from index: HTTPURL) async {
        switch event {
        case .tagged(let reference, let digest): await follower?.tagged(reference, digest)
        case .warm(let id, let reference):
            guard warmings.wrappingAdd(1, ordering: .relaxed).newValue <= Self.mostWarmings else {
                warmings.wrappingSubtract(1, ordering: .relaxed)
                return await say(WarmReport(state: .failed, detail: "too much is being warmed here"), id, to: index)
            }
            Task {
                await self.warm(reference, id, for: index)
                self.warmings.wrappingSubtract(1, ordering: .relaxed)
            }
        }
    }

    // MARK: Warming

    /// Pulls a reference, and reports the progress to the index until the pull is over.
    private func warm(_ reference: Reference, _ id: String, for index: HTTPURL) async {
        guard let pull = await pulls.begin(reference, anew: true) else {
            return await say(WarmReport(state: .failed, detail: "too many pulls are under way here"), id, to: index)
        }
        var said: WarmReport?
        while !Task.isCancelled {
            guard let report = await pulls.report(of: pull) else { return }
            if report != said { await say(report, id, to: index) }
            said = report
            if report.state.isOver { return }
            try? await Task.sleep(for: Self.reportEvery)
        }
    }

    private func say(_ report: WarmReport, _ id: String, to index: HTTPURL) async {
        do throws(RegistryError) {
            try await agent.view.report(report, of: self.id, on: id, to: index)
        } catch {
            logger.debug("a warming cannot be reported", metadata: ["reason": "\(error)"])
        }
    }
}
