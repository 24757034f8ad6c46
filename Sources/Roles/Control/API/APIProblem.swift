import Fleet
import FleetLink
import FleetStore
import HTTPServing
import HTTPTypes
import Hummingbird
import JSON
import NIOHTTP1
import Text

/// An error answer of the API (RFC 9457).
package struct APIProblem: Error, Sendable, Hashable {
    let status: Int
    /// A code for programs.
    let code: String
    /// The description for people.
    let text: String
    var advice: String?
    /// Seconds after which the client may try again (`Retry-After`).
    var retryAfter: Int?
    /// Members in addition to those of every problem.
    var extra = JSONObject()

    init(_ status: Int, _ code: String, _ text: String, advice: String? = nil, retryAfter: Int? = nil) {
        self.status = status
        self.code = code
        self.text = text
        self.advice = advice
        self.retryAfter = retryAfter
    }

    init(_ error: StoreError) {
        switch error {
        case .unavailable:
            self.init(503, "no_database", "control does not reach its database", advice: "try again", retryAfter: 5)
        case .damaged, .refused:
            self.init(
                500, "database_damaged", "control cannot work with its database",
                advice: "look at control's log; restore the database from a backup if it is damaged")
        }
    }

    init(_ problem: LabelProblem) { self.init(422, "invalid", problem.description) }

    init(_ refusal: LinkRefusal) {
        self.init(
            refusal.status, refusal.code, refusal.text, advice: refusal.advice, retryAfter: refusal.retryAfter)
    }

    static func unknown(_ what: String, _ name: String) -> APIProblem {
        APIProblem(
            404, "not_found", "there is no \(what) '\(DisplayName.escape(name))'",
            advice: lists[what].map { "swoop fleet \($0) shows those that there are" })
    }

    private static let lists = [
        "node": "node list", "class": "class list", "job": "job list", "token": "token list",
        "API token": "api-token list", "version of the class": "class show",
        "line of the audit": "audit list",
    ]

    static func invalid(_ member: String, _ reason: String) -> APIProblem {
        APIProblem(422, "invalid", "'\(DisplayName.escape(member))' \(reason)")
    }

    static let unnamed = APIProblem(
        428, "if_match_missing", "this call changes something: it needs If-Match with the ETag of what it changes",
        advice: "GET it, and send its ETag as If-Match")

    static func stale(_ revision: Int64) -> APIProblem {
        APIProblem(
            412, "stale", "it was changed since: its ETag is \"\(revision)\" now", advice: "GET it again, then decide")
    }

    /// - Parameter id: id of the request, which is also in the header `X-Request-Id`.
    func response(request id: String) -> Response {
        var object = JSONObject([
            "type": "about:blank", "title": .string(HTTPResponseStatus(statusCode: status).reasonPhrase),
            "status": .integer(Int64(status)), "code": .string(code), "detail": .string(text),
            "advice": .string(advice ?? Self.advice(of: HTTPResponse.Status(code: status))), "request_id": .string(id),
        ])
        for member in extra.members { object[member.key] = member.value }
        var response = Response.json(.object(object), status: HTTPResponse.Status(code: status))
        response.headers[.contentType] = "application/problem+json"
        if let retryAfter { response.headers[.retryAfter] = "\(retryAfter)" }
        return response
    }

    /// The code for a request that is refused before its route is called.
    static func code(of status: HTTPResponse.Status) -> String {
        switch status.code {
        case 400: "bad_request"
        case 401: "unauthorized"
        case 403: "forbidden"
        case 404: "not_found"
        case 405: "method"
        case 408: "too_slow"
        case 413: "too_large"
        case 429: "too_many"
        case 503: "unavailable"
        default: "refused"
        }
    }

    static func advice(of status: HTTPResponse.Status) -> String {
        switch status.code {
        case 400, 422: "correct that, and send it again"
        case 401: "give a token that is in force: Authorization: Bearer swa_…"
        case 403: "ask an admin for a token with the role that it needs"
        case 404: "/openapi.json has all paths"
        case 405: "/openapi.json has all calls"
        case 408: "send the body at once"
        case 409: "look at how it is now, then decide"
        case 413: "send less in one call"
        case 429, 503: "wait, then try again"
        default: "control's log says more"
        }
    }
}
