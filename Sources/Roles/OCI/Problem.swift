import HTTPServing
import HTTPTypes
import Hummingbird
import JSON
import Registry
import RegistryAccess

/// An error of the calls under `/v1` (RFC 9457).
package enum Problem {
    /// - Parameters:
    ///   - code: for programs.
    ///   - detail: for people.
    ///   - advice: what to do next; empty for what that status usually wants.
    package static func response(
        _ status: HTTPResponse.Status, _ code: String, _ detail: String, advice: String = ""
    ) -> Response {
        let object: JSONObject = [
            "type": "about:blank", "title": .string(status.title), "status": .integer(Int64(status.code)),
            "code": .string(code),
            "detail": .string(detail),
            "advice": .string(advice.isEmpty ? ProblemAdvice.usual(status.code) : advice),
        ]
        var response = Response.json(.object(object), status: status)
        response.headers[.contentType] = "application/problem+json"
        return response
    }
}

extension ServiceContext {
    /// Why a request under `/v1` is turned away; nil where who asks may do this with what is under the name.
    package func refusal(of role: Role, with name: ContentName? = nil) -> Response? {
        guard may(role) else {
            return Problem.response(
                .forbidden, "ROLE", "this token does not allow that: the role '\(role)' is needed")
        }
        guard let name, !sees(name) else { return nil }
        return Problem.response(.forbidden, "NAME_REFUSED", Self.unseenText(name))
    }
}
