import HTTPServing
import HTTPTypes
import Hummingbird
import JSON
import Registry
import RegistryAccess

/// Error responses of the calls under `/v1` (RFC 9457).
package enum Problem {
    /// - Parameters:
    ///   - code: identifies the error for programs.
    ///   - detail: describes the error for people.
    ///   - advice: tells what to do next; empty for the usual advice of the status.
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
    /// The error response for a request under `/v1` that the caller may not make; nil where the caller has the role and may
    /// see the name.
    package func refusal(of role: Role, with name: ContentName? = nil) -> Response? {
        guard may(role) else {
            return Problem.response(
                .forbidden, "ROLE", "this token does not allow that: the role '\(role)' is needed")
        }
        guard let name, !sees(name) else { return nil }
        return Problem.response(.forbidden, "NAME_REFUSED", Self.unseenText(name))
    }
}
