import BlobNode
import JSON
import Registry
import RegistryClient
import RegistryWatch
import Threads

/// The pulls that programs of this host asked for. Those that have ended are known for a while.
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
    /// The oldest first.
    private var order: [String] = []

    /// Pulls that are known at a time.
    private static let most = 1_000
    /// Seconds after which one that has ended is forgotten.
    private static let remembered = 3_600.0

    package init(_ agent: Agent) { self.agent = agent }

    /// - Returns: its number; nil when too many are under way.
    package func begin(_ reference: Reference) -> String? {
        let now = Clocks.steadySeconds
        forget(now)
        guard order.count < Self.most else { return nil }
        let id = String(UInt64.random(in: .min ... .max), radix: 16)
        pulls[id] = Pull(reference: reference, begunAt: now)
        order.append(id)
        pulls[id]?.task = Task { await run(id, reference) }
        return id
    }

    private func run(_ id: String, _ reference: Reference) async {
        do throws(AgentError) {
            let content = try await agent.resolve(reference)
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
        /// Somebody stopped it, or there are too many.
        case stopped
    }

    /// Pulls, and returns when that has ended.
    package func outcome(of reference: Reference) async -> Outcome {
        guard let id = begin(reference) else { return .stopped }
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

    /// Stops a pull, or forgets one that has ended.
    /// - Returns: false for a pull that is not known.
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

    /// Room for a new one: what has ended long ago goes, and more of it when there are too many.
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
            }
        }
        return figures
    }

    /// Nil for a pull that is not known.
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
        if let error = pull.error {
            object["code"] = .string(error.isUnknown ? "UNKNOWN" : error.isLackOfRoom ? "NO_SPACE" : "NO_SOURCE")
            object["detail"] = .string(error.description)
        }
        return (.object(object), pull.state.isOver)
    }

    /// How far a pull is, for the index that asked for it. Nil for a pull that is not known.
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
