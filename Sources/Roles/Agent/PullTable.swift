import BlobNode
import JSON
import Registry
import RegistryClient
import RegistryWatch
import Threads

/// The pulls that programs of this host asked for, and those of followed and warmed tags. Ended pulls stay listed for
/// an hour.
package actor PullTable {
    package enum State: String, Sendable {
        case resolving, fetching, complete, failed, stopped

        var isOver: Bool { self == .complete || self == .failed || self == .stopped }
    }

    private struct Pull {
        let reference: Reference
        let begunAt: Double
        var state = State.resolving
        var content: ResolvedContent?
        var error: AgentError?
        var endedAt: Double?
        var task: Task<Void, Never>?
    }

    private let agent: Agent
    private var pulls: [String: Pull] = [:]
    /// Ids of the pulls, the oldest first.
    private var order: [String] = []

    /// Most pulls in the table.
    private static let most = 1_000
    /// Seconds for which an ended pull stays in the table.
    private static let remembered = 3_600.0

    package init(_ agent: Agent) { self.agent = agent }

    /// Begins a pull.
    /// - Parameter anew: whether the registry is asked what a tag means now, see ``Agent/resolve(_:anew:)``.
    /// - Returns: its id; nil if too many are under way.
    package func begin(_ reference: Reference, anew: Bool = false) -> String? {
        let now = Clocks.steadySeconds
        forget(now)
        guard order.count < Self.most else { return nil }
        let id = String(UInt64.random(in: .min ... .max), radix: 16)
        pulls[id] = Pull(reference: reference, begunAt: now)
        order.append(id)
        pulls[id]?.task = Task { await run(id, reference, anew: anew) }
        return id
    }

    private func run(_ id: String, _ reference: Reference, anew: Bool) async {
        do throws(AgentError) {
            let content = try await agent.resolve(reference, anew: anew)
            guard pulls[id]?.state == .resolving else { return }
            pulls[id]?.content = content
            pulls[id]?.state = .fetching
            try await agent.obtainAll(content, of: reference.name)
            end(id, .complete)
        } catch {
            if pulls[id]?.state.isOver == false { pulls[id]?.error = error }
            end(id, .failed)
        }
    }

    package enum Outcome: Sendable {
        case complete(ResolvedContent)
        case failed(AgentError)
        /// The pull was stopped on request, or too many are under way.
        case stopped
    }

    /// Begins a pull, and waits until it has ended.
    /// - Parameter anew: as of ``begin(_:anew:)``.
    package func outcome(of reference: Reference, anew: Bool = false) async -> Outcome {
        guard let id = begin(reference, anew: anew) else { return .stopped }
        await pulls[id]?.task?.value
        guard let pull = pulls[id] else { return .stopped }
        switch (pull.state, pull.content, pull.error) {
        case (.complete, let content?, _): return .complete(content)
        case (.failed, _, let error?): return .failed(error)
        default: return .stopped
        }
    }

    private func end(_ id: String, _ state: State) {
        guard pulls[id]?.state.isOver == false else { return }
        pulls[id]?.state = state
        pulls[id]?.endedAt = Clocks.steadySeconds
        pulls[id]?.task = nil
    }

    /// Stops a pull that is under way, or removes an ended one from the table.
    /// - Returns: false for an unknown pull.
    package func remove(_ id: String) -> Bool {
        guard let pull = pulls[id] else { return false }
        if pull.state.isOver {
            pulls[id] = nil
            order.removeAll { $0 == id }
        } else {
            end(id, .stopped)
            pull.task?.cancel()
        }
        return true
    }

    package var underWay: Int { pulls.values.count { !$0.state.isOver } }

    /// Makes place for a new pull: removes those that ended long ago, and if the table is full, the oldest ended one.
    private func forget(_ now: Double) {
        for id in order {
            guard let endedAt = pulls[id]?.endedAt else { continue }
            guard order.count >= Self.most || now - endedAt > Self.remembered else { continue }
            pulls[id] = nil
            order.removeAll { $0 == id }
        }
    }

    package func all() async -> [JSONValue] {
        var all: [JSONValue] = []
        for id in order { if let pull = await state(of: id) { all.append(pull.json) } }
        return all
    }

    private struct Figures {
        var done: Int64 = 0
        var total: Int64 = 0
        var rate = 0.0
        var peers = 0
        var origins = 0
        /// Why the blob that was looked at last receives nothing.
        var trouble: String?
    }

    private func figures(of pull: Pull) async -> Figures {
        var figures = Figures()
        for blob in pull.content.map({ Array($0.blobs.values) }) ?? [] {
            figures.total += blob.size
            if pull.state == .complete || agent.node.catalogue.entry(of: blob.digest.sha256) != nil {
                figures.done += blob.size
            } else if let progress = await agent.fetches.progress(of: blob.digest.sha256) {
                figures.done += progress.done
                figures.rate += progress.rate
                figures.peers += progress.peers
                figures.origins += progress.origins
                figures.trouble = progress.trouble ?? figures.trouble
            }
        }
        return figures
    }

    /// A pull's state; nil for an unknown pull.
    package func state(of id: String) async -> (json: JSONValue, isOver: Bool)? {
        guard let pull = pulls[id] else { return nil }
        let figures = await figures(of: pull)
        var object: JSONObject = [
            "id": .string(id), "reference": .string(pull.reference.description), "state": .string(pull.state.rawValue),
            "done": .integer(figures.done), "total": .integer(figures.total), "rate": .integer(Int64(figures.rate)),
            "sources": .object([
                "peers": .integer(Int64(figures.peers)), "origins": .integer(Int64(figures.origins)),
            ]),
        ]
        if let content = pull.content { object["digest"] = .string(content.digest.description) }
        if pull.state == .fetching, figures.rate >= 1 {
            object["eta"] = .integer(Int64(Double(figures.total - figures.done) / figures.rate))
        }
        if pull.state == .fetching, figures.rate < 1, let trouble = figures.trouble {
            object["trouble"] = .string(trouble)
        }
        if let error = pull.error {
            object["code"] = .string(error.isUnknown ? "UNKNOWN" : error.isLackOfRoom ? "NO_SPACE" : "NO_SOURCE")
            object["detail"] = .string(error.description)
        }
        return (.object(object), pull.state.isOver)
    }

    /// A pull's progress, for the index that asked for it as a warming. Nil for an unknown pull.
    func report(of id: String) async -> WarmReport? {
        guard let pull = pulls[id] else { return nil }
        let figures = await figures(of: pull)
        let state: WarmReport.State =
            switch pull.state {
            case .resolving: .resolving
            case .fetching: .fetching
            case .complete: .complete
            case .failed, .stopped: .failed
            }
        let detail = pull.error?.description ?? (pull.state == .stopped ? "it was stopped on the host" : "")
        return WarmReport(state: state, done: figures.done, total: figures.total, detail: detail)
    }
}
