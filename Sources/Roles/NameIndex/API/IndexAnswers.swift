import HTTPServing
import HTTPTypes
import Hummingbird
import JSON
import Registry
import RegistryAccess

extension Response {
    /// The response for an error of a call of `/v1` (RFC 9457).
    static func problem(_ error: IndexError) -> Response {
        let status = HTTPResponse.Status(code: error.status)
        var members: JSONObject = [
            "type": "about:blank", "title": .string(status.title), "status": .integer(Int64(error.status)),
            "detail": .string(error.description), "code": .string(error.code),
            "advice": .string(error.advice.isEmpty ? ProblemAdvice.usual(error.status) : error.advice),
        ]
        if !error.digests.isEmpty {
            members["digests"] = .array(error.digests.map { .string($0.description) })
        }
        var response = Response.json(.object(members), status: status)
        response.headers[.contentType] = "application/problem+json"
        return response.retried(error)
    }

    /// The response for an error of one of Kraken's calls: plain text.
    static func text(_ error: IndexError) -> Response {
        Response.text(error.description + "\n", status: HTTPResponse.Status(code: error.status)).retried(error)
    }

    private func retried(_ error: IndexError) -> Response {
        guard let seconds = error.retryAfter else { return self }
        var response = self
        response.headers[.retryAfter] = "\(seconds)"
        return response
    }

    /// The response with the digest as its `ETag`.
    func tagged(_ digest: BlobDigest) -> Response {
        var response = self
        response.headers[.eTag] = "\"\(digest)\""
        return response
    }
}

/// The conditional headers of a request (RFC 9110, section 13.1). Entity tags are digests.
enum Conditions {
    /// The state of the tag that a request to change it requires.
    static func expectation(_ request: Request) throws(IndexError) -> Expectation {
        if let text = request.headers[.ifNoneMatch] {
            guard text == "*" else {
                throw .malformed("If-None-Match of a change is * only", advice: "send If-Match with the digest")
            }
            return .absent
        }
        guard let text = request.headers[.ifMatch] else { return .anything }
        if text == "*" { return .present }
        guard let digest = digest(text) else {
            throw .malformed("If-Match is no digest", advice: "send the ETag of the tag, in its quotation marks")
        }
        return .digest(digest)
    }

    /// Whether the client has this version already (`If-None-Match`).
    static func has(_ digest: BlobDigest, _ request: Request) -> Bool {
        guard let text = request.headers[.ifNoneMatch] else { return false }
        return text == "*" || text.split(separator: ",").contains { Self.digest($0) == digest }
    }

    private static func digest(_ text: some StringProtocol) -> BlobDigest? {
        var text = text.drop { $0 == " " }
        while text.last == " " { text.removeLast() }
        if text.hasPrefix("W/") { text = text.dropFirst(2) }
        guard text.count > 2, text.first == "\"", text.last == "\"" else { return nil }
        return BlobDigest(text.dropFirst().dropLast())
    }
}
