import BlobNode
import JSON
import Registry
import RegistryClient
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

    /// Nil for a pull that is not known.
    package func state(of id: String) async -> (json: JSONValue, isOver: Bool)? {
        guard let pull = pulls[id] else { return nil }
        var (done, total, rate, peers): (Int64, Int64, Double, Int) = (0, 0, 0, 0)
        for blob in pull.content.map({ Array($0.blobs.values) }) ?? [] {
            total += blob.size
            if pull.state == .complete || agent.node.catalogue.entry(of: blob.digest.sha256) != nil {
                done += blob.size
            } else if let progress = await agent.fetches.progress(of: blob.digest.sha256) {
                done += progress.done
                rate += progress.rate
                peers += progress.peers
            }
        }
        var object: JSONObject = [
            "id": .string(id), "reference": .string(pull.reference.description), "state": .string(pull.state.rawValue),
            "done": .integer(done), "total": .integer(total), "rate": .integer(Int64(rate)),
            "sources": .object(["peers": .integer(Int64(peers))]),
        ]
        if let content = pull.content { object["digest"] = .string(content.digest.description) }
        if pull.state == .fetching, rate >= 1 { object["eta"] = .integer(Int64(Double(total - done) / rate)) }
        if let error = pull.error {
            let code = error.isUnknown ? "UNKNOWN" : error.isLackOfRoom ? "NO_SPACE" : "NO_SOURCE"
            object["code"] = .string(code)
            object["detail"] = .string(error.description)
        }
        return (.object(object), pull.state.isOver)
    }
}
