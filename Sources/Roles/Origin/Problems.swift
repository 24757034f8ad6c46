import HTTPServing
import Hummingbird
import OCI
import TagIndex

extension Problem {
    static func response(_ problem: StoreProblem) -> Response {
        switch problem {
        case .unavailable:
            response(
                .serviceUnavailable, "INDEX_UNAVAILABLE", "the index's database does not answer",
                advice: "Try again; the index's log says why.")
        case .disk:
            response(
                HTTPResponse.Status(code: 507), "INDEX_DISK", "the index's disk is full, or fails",
                advice: "Make room on it; nothing was changed.")
        }
    }
}
