import Backends
import ColdStore
import HTTPServing
import HTTPTypes
import Hummingbird
import JSON

/// How one origin tells another one that a blob is still in its back end.
enum ColdWire {
    private static let kinds: [(text: String, kind: BackendProblem.Kind)] = [
        ("unavailable", .unavailable), ("refused", .refused), ("wrong", .wrong), ("unsupported", .unsupported),
        ("disk", .disk),
    ]

    /// Nil for a blob that is here, or nowhere.
    static func response(_ answer: ColdAnswer) -> Response? {
        switch answer {
        case .here, .missing: return nil
        case .fetching(let done, let total):
            return .json(
                .object(["done": .integer(done), "total": total.map { .integer($0) } ?? .null]), status: .accepted)
        case .failed(let problem, let again):
            let kind = kinds.first { $0.kind == problem.kind }?.text ?? "unavailable"
            return .json(
                .object([
                    "kind": .string(kind), "text": .string(problem.description), "again": .double(again),
                ]), status: .badGateway)
        }
    }

    /// Nil for what is no such answer.
    static func answer(status: Int, _ body: [UInt8]) -> ColdAnswer? {
        guard let value = try? JSONValue.parse(body) else { return nil }
        if status == 202, let done = value["done"]?.lenientInteger {
            return .fetching(done: done, total: value["total"]?.lenientInteger)
        }
        guard status == 502, let kind = value["kind"]?.stringValue, let text = value["text"]?.stringValue else {
            return nil
        }
        let again: Double = if case .double(let seconds)? = value["again"] { seconds } else { 1 }
        let problem = BackendProblem(kinds.first { $0.text == kind }?.kind ?? .unavailable, String(text.prefix(500)))
        return .failed(problem, again: min(max(again, 1), 3_600))
    }
}
