/// What to do about a refusal of `/v1` that says nothing of its own: RFC 9457's members here are never empty.
package enum ProblemAdvice {
    /// - Parameter status: of HTTP.
    package static func usual(_ status: Int) -> String {
        switch status {
        case 400, 405, 411, 416, 422: "correct the request: /openapi.json describes all calls"
        case 401: "send a token that is in force: Authorization: Bearer TOKEN"
        case 403: "ask who runs the registry for a token that allows it"
        case 404: "look at the spelling; 'swoop tags' lists what there is"
        case 409: "look at how it is now, then decide"
        case 413: "send less at a time"
        case 408, 429, 502, 503, 504: "wait a moment, then ask again"
        case 507: "make room on the disk, or ask another host"
        default: "the log of this program says more"
        }
    }
}
