import HTTPServing
import Hummingbird
import OCI
import Registry
import RegistryAccess
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

extension ServiceContext {
    /// Why a request under `/v1` is turned away; nil where who asks may do this with what is under the name.
    func refusal(of role: Role, with name: ContentName? = nil) -> Response? {
        guard may(role) else {
            return Problem.response(
                .forbidden, "ROLE", "this token does not allow that: the role '\(role)' is needed")
        }
        guard let name, !sees(name) else { return nil }
        return Problem.response(.forbidden, "NAME_REFUSED", Self.unseenText(name))
    }
}
