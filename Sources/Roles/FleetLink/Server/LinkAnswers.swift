import Fleet
import HTTPServing
import HTTPTypes
import Hummingbird
import JSON

extension Response {
    static func message(_ message: some WireMessage, status: HTTPResponse.Status = .ok) -> Response {
        .json(message.json, status: status)
    }

    /// An error document (RFC 9457).
    static func problem(_ refusal: LinkRefusal) -> Response {
        let status = HTTPResponse.Status(code: refusal.status)
        var members = JSONObject([
            "type": "about:blank", "title": .string(status.title), "status": .integer(Int64(refusal.status)),
            "detail": .string(refusal.text), "code": .string(refusal.code),
        ])
        if let advice = refusal.advice { members["advice"] = .string(advice) }
        var response = Response.json(.object(members), status: status)
        response.headers[.contentType] = "application/problem+json"
        if let seconds = refusal.retryAfter { response.headers[.retryAfter] = "\(seconds)" }
        return response
    }
}

extension LinkRefusal {
    static func malformed(_ text: String) -> LinkRefusal { LinkRefusal(422, "malformed", text) }
    static let noPath = LinkRefusal(404, "no_path", "no such path")
    static let noCertificate = LinkRefusal(
        401, "no_certificate", "the connection shows no certificate", advice: "join first: swoop agent join")
    static let tooManyJoins = LinkRefusal(
        429, "too_many_joins", "too many wrong tokens came from this address", advice: "try again in a minute",
        retryAfter: 60)
}
