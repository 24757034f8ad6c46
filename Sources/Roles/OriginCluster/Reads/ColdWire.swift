import Backends
import ColdStore
import HTTPServing
import HTTPTypes
import Hummingbird
import JSON

/// The form in which one origin tells another that a blob is still in its back end.
enum ColdWire {
    private static let kinds: [(text: String, kind: BackendProblem.Kind)] = [
        ("unavailable", .unavailable), ("refused", .refused), ("wrong", .wrong), ("unsupported", .unsupported),
        ("disk", .disk),
    ]

    /// Nil for a blob that is on this disk, and for one that does not exist.
    static func response(_ answer: ColdAnswer) -> Response? {
        switch answer {
        case .here, .missing: nil
        case .fetching: .json(json(answer), status: .accepted)
        case .failed: .json(json(answer), status: .badGateway)
        }
    }

    /// A document whose `status` is the HTTP status that means the same.
    static func json(_ answer: ColdAnswer) -> JSONValue {
        switch answer {
        case .here: return .object(["status": .integer(200)])
        case .missing: return .object(["status": .integer(404)])
        case .fetching(let done, let total):
            return .object([
                "status": .integer(202), "done": .integer(done), "total": total.map { .integer($0) } ?? .null,
            ])
        case .failed(let problem, let again):
            let kind = kinds.first { $0.kind == problem.kind }?.text ?? "unavailable"
            return .object([
                "status": .integer(502), "kind": .string(kind), "text": .string(problem.description),
                "again": .double(again),
            ])
        }
    }

    /// Nil for a malformed answer.
    static func answer(status: Int, _ body: [UInt8]) -> ColdAnswer? {
        (try? JSONValue.parse(body)).flatMap { answer(status: status, $0) }
    }

    static func answer(status: Int, _ value: JSONValue) -> ColdAnswer? {
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
