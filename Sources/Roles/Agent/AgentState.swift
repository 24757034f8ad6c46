import BlobNode
import HTTPServing
import Hummingbird
import JSON
import Registry
import RegistryClient
import Text
import Threads

/// An agent's status: for `/v1/status`, `/readyz` and `swoop agent status`.
package struct AgentState: Sendable {
    let agent: Agent
    let pulls: PullTable

    /// Most seconds for an index to answer.
    private static let patience = 2.0

    package init(agent: Agent, pulls: PullTable) {
        self.agent = agent
        self.pulls = pulls
    }

    package func status() async -> JSONValue {
        async let trouble = troubles()
        let figures = agent.node.catalogue.figures
        let fetches = await agent.fetches.figures()
        var cache: JSONObject = [
            "path": .string(agent.node.directory.path), "blobs": .integer(Int64(figures.blobs)),
            "bytes": .integer(figures.bytes),
        ]
        if let (limits, free) = await Threads.offload({ [agent] in agent.cache.measured() }) {
            cache["max"] = .integer(limits.most)
            cache["keepFree"] = .integer(limits.keepFree)
            cache["free"] = .integer(free)
        }
        var object: JSONObject = [
            "version": .string(Product.version), "registry": .string(agent.view.authority), "ready": .bool(true),
            "troubles": .array([]), "cache": .object(cache),
            "peers": .string(await agent.node.peerAddress.map { "\($0)" } ?? ""),
            "fetching": .integer(Int64(fetches.underWay)), "pulls": .integer(Int64(await pulls.underWay)),
            "followed": .array(agent.followed.current.entries.suffix(1_000).map { .string($0.reference.description) }),
            "receivedBytes": .integer(fetches.received + agent.receivedWithAnswers),
            "sentBytes": .integer(fetches.sent + agent.node.swarm.givenFromShelf),
        ]
        if let cluster = try? await agent.view.parts(now: Clocks.steadySeconds) { object["cluster"] = cluster.json }
        let reasons = await trouble
        object["ready"] = .bool(reasons.isEmpty)
        object["troubles"] = .array(reasons.map { .string($0) })
        return .object(object)
    }

    /// The reasons why no new content can be pulled; empty if it can.
    func troubles() async -> [String] {
        var troubles: [String] = []
        do throws(RegistryError) {
            try await agent.view.probe(within: Self.patience, now: Clocks.steadySeconds)
        } catch {
            troubles.append(error.description)
        }
        if let room = await agent.fetches.lackOfRoom { troubles.append(room) }
        return troubles
    }

    /// The response of `/readyz`: 200 if new content can be pulled, otherwise 503 with the reasons.
    func ready() async -> Response {
        let troubles = await troubles()
        guard !troubles.isEmpty else { return .text("ok\n") }
        return .text(troubles.joined(separator: "\n") + "\n", status: .serviceUnavailable)
    }
}
