import HTTPTransport
import JSON
import NameIndex
import Registry
import Synchronization
import Text

/// Asks origins in other processes about blobs: all origins at once, one request to each. Blobs that no origin has on
/// its disk are asked for a second time, now with back ends. Origins that have been silent are waited for only where the
/// others do not know all blobs.
package struct RemoteFacts: BlobFacts {
    let origins: @Sendable () async -> [HTTPURL]
    let peers: HTTPPeers
    private let silence = SilentOrigins()

    /// Seconds that an origin has to respond at first if it did not respond to the last questions.
    private static let silentPatience = 1.0
    /// Seconds that an origin has to respond. The second limit is for a question that includes back ends, which the
    /// origin reads blobs from meanwhile.
    private static let patience = 10.0
    private static let coldPatience = 40.0

    /// - Parameter origins: returns all origins that are known now.
    package init(_ origins: @escaping @Sendable () async -> [HTTPURL], peers: HTTPPeers) {
        self.origins = origins
        self.peers = peers
    }

    package func facts(
        of digests: [BlobDigest], under name: ContentName, contents: Int
    ) async throws(BlobFactsError) -> [BlobDigest: BlobFact] {
        var question = FactsQuestion(digests, of: name)
        question.contents = contents > 0
        return try await ask(question).facts
    }

    package func touch(
        _ digests: [BlobDigest], under name: ContentName, joining: Bool
    ) async throws(BlobFactsError) -> [BlobDigest: Int64] {
        var question = FactsQuestion(digests, of: name)
        (question.touches, question.joining) = (true, joining)
        let (facts, silent) = try await ask(question)
        // An origin that did not respond may hold the missing blobs: they must not count as absent.
        if let silent, digests.contains(where: { facts[$0] == nil }) { throw silent }
        return facts.mapValues(\.size)
    }

    /// - Returns: the facts, and the last error of an origin that gave no answer; nil if all answered.
    private func ask(
        _ question: FactsQuestion
    ) async throws(BlobFactsError) -> (facts: [BlobDigest: BlobFact], silent: BlobFactsError?) {
        var all: (facts: [BlobDigest: BlobFact], silent: BlobFactsError?) = ([:], nil)
        for start in stride(from: 0, to: max(1, question.digests.count), by: FactsQuestion.atOnce) {
            let end = min(question.digests.count, start + FactsQuestion.atOnce)
            var part = FactsQuestion(Array(question.digests[start..<end]), of: question.name)
            (part.touches, part.joining, part.contents) = (question.touches, question.joining, question.contents)
            let (facts, silent) = try await askAtOnce(part)
            all.facts.merge(facts) { one, _ in one }
            all.silent = silent ?? all.silent
        }
        return all
    }

    private func askAtOnce(
        _ question: FactsQuestion
    ) async throws(BlobFactsError) -> (facts: [BlobDigest: BlobFact], silent: BlobFactsError?) {
        let origins = await origins()
        guard !origins.isEmpty else { throw BlobFactsError(.unavailable, "no origin is known") }
        var facts: [BlobDigest: BlobFact] = [:]
        var up: [HTTPURL] = []
        var silent: BlobFactsError?
        var waiting = origins
        for isSecond in [false, true] {
            var late: [(origin: HTTPURL, problem: BlobFactsError)] = []
            await withTaskGroup(of: (HTTPURL, Bool, Result<[BlobDigest: BlobFact], BlobFactsError>).self) { group in
                for origin in waiting {
                    let isHurried = !isSecond && silence.isSilent(origin)
                    let patience = isHurried ? Self.silentPatience : Self.patience
                    group.addTask { (origin, isHurried, await outcome(question, at: origin, within: patience)) }
                }
                for await (origin, isHurried, outcome) in group {
                    switch outcome {
                    case .success(let found):
                        up.append(origin)
                        facts.merge(found) { one, other in one.content == nil ? other : one }
                    case .failure(let problem):
                        if isHurried { late.append((origin, problem)) } else { silent = problem }
                    }
                    // What is asked is known, and one of the others may be silent for long. Only a touch has to reach all of
                    // them.
                    if !question.touches, question.digests.allSatisfy({ facts[$0] != nil }) { group.cancelAll() }
                }
            }
            if question.digests.allSatisfy({ facts[$0] != nil }) {
                silent = silent ?? late.first?.problem
                break
            }
            // They may have what the others do not.
            waiting = late.map { $0.origin }
            if waiting.isEmpty { break }
        }
        if !question.touches, question.digests.allSatisfy({ facts[$0] != nil }) { return (facts, nil) }
        if up.isEmpty, let silent { throw silent }
        let missing = question.digests.filter { facts[$0] == nil }
        guard !missing.isEmpty else { return (facts, silent) }
        var rest = FactsQuestion(missing, of: question.name)
        (rest.touches, rest.joining, rest.contents) = (question.touches, question.joining, question.contents)
        rest.cold = true
        // All origins use the same back ends, so one answer is enough.
        for origin in origins where up.contains(origin) {
            switch await outcome(rest, at: origin, within: Self.coldPatience) {
            case .success(let found): return (facts.merging(found) { one, _ in one }, silent)
            case .failure(let problem):
                guard problem.kind == .unavailable else { throw problem }
                silent = problem
            }
        }
        return (facts, silent)
    }

    private func outcome(
        _ question: FactsQuestion, at origin: HTTPURL, within patience: Double
    ) async -> Result<[BlobDigest: BlobFact], BlobFactsError> {
        var call = HTTPPeers.Call(method: .POST, path: FactsQuestion.path)
        call.headers = ["Content-Type": "application/json"]
        call.body = question.json.encode()
        call.limit = FactsQuestion.mostAnswer
        call.patience = patience
        let answer: HTTPPeers.Answer
        do throws(HTTPTransportError) { answer = try await peers.ask(origin, call) } catch {
            // Origins are cancelled that are not needed any more.
            if error != .cancelled { silence.failed(origin) }
            return .failure(
                BlobFactsError(.unavailable, "origin \(origin.authority) does not answer: \(error.description)"))
        }
        silence.responded(origin)
        if answer.status == 200, let facts = FactsAnswer.parse(answer.body) {
            let asked = Set(question.digests)
            return .success(facts.filter { asked.contains($0.key) })
        }
        let problem = try? JSONValue.parse(
            answer.body, limits: JSONLimits(maxBytes: 64 << 10, maxDepth: 8, maxValues: 1_000))
        let detail = problem?["detail"]?.stringValue.map { DisplayName.escape(String($0.prefix(500))) }
        let kind = problem?["code"]?.stringValue.flatMap { BlobFactsError.Kind(code: $0) } ?? .unavailable
        return .failure(
            BlobFactsError(
                kind, detail ?? "origin \(origin.authority) answers with status \(answer.status)"))
    }
}

/// Counts the calls in a row to which an origin did not respond.
private final class SilentOrigins: Sendable {
    private let failures = Mutex<[HTTPURL: Int]>([:])

    /// Failures in a row after which an origin counts as silent.
    private static let enough = 3

    func isSilent(_ origin: HTTPURL) -> Bool { failures.withLock { $0[origin, default: 0] } >= Self.enough }

    func failed(_ origin: HTTPURL) { failures.withLock { $0[origin, default: 0] += 1 } }

    func responded(_ origin: HTTPURL) { failures.withLock { $0[origin] = nil } }
}
