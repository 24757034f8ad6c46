import HTTPTransport
import JSON
import Registry
import Text
import Upkeep

/// Asks indexes in other processes which blobs names refer to: one index after the other, until one responds.
package struct RemoteHolders: BlobHolders {
    private let indexes: [HTTPURL]
    private let peers: HTTPPeers

    package init(_ indexes: [HTTPURL], peers: HTTPPeers) {
        self.indexes = indexes
        self.peers = peers
    }

    package func names(having digest: BlobDigest, limit: Int) async throws(UpkeepProblem) -> [ContentName] {
        let answer = try await ask(
            .object(["names of": .string(digest.description), "limit": .integer(Int64(limit))]))
        guard let names = answer["names"]?.arrayValue else { throw Self.malformed }
        return names.compactMap { $0.stringValue.flatMap { ContentName($0) } }
    }

    package func held(_ digests: [BlobDigest]) async throws(UpkeepProblem) -> Set<BlobDigest> {
        let answer = try await ask(.object(["digests": .array(digests.map { .string($0.description) })]))
        guard let held = answer["held"]?.arrayValue else { throw Self.malformed }
        return Set(held.compactMap { $0.stringValue.flatMap { BlobDigest($0) } })
    }

    /// Always nil: only an index in the same process can say which blobs tags reach.
    package func reached() async throws(UpkeepProblem) -> Set<BlobDigest>? { nil }

    private static var malformed: UpkeepProblem { UpkeepProblem("the index answers something else than was asked for") }

    private func ask(_ question: JSONValue) async throws(UpkeepProblem) -> JSONValue {
        var problem = "no index is known"
        for index in indexes {
            var call = HTTPPeers.Call(method: .POST, path: HoldersQuestion.path)
            call.headers = ["Content-Type": "application/json"]
            call.body = question.encode()
            call.limit = HoldersQuestion.mostBytes
            do throws(HTTPTransportError) {
                let answer = try await peers.ask(index, call)
                let limits = JSONLimits(maxBytes: HoldersQuestion.mostBytes, maxDepth: 4, maxValues: 20_000)
                if answer.status == 200, let value = try? JSONValue.parse(answer.body, limits: limits) { return value }
                problem = "index \(index.authority) answers with status \(answer.status)"
            } catch {
                problem = "index \(index.authority) does not answer: \(error.description)"
            }
        }
        throw UpkeepProblem(problem)
    }
}
