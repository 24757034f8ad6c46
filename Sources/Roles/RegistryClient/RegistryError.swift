import HTTPTransport
import JSON
import Text

/// Why a request to a registry failed. Texts name the registry by host and port, and never contain a secret. Messages of the
/// registry are shortened and escaped for display.
package enum RegistryError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The registry did not answer, after this number of attempts.
    case silent(registry: String, tries: Int, HTTPTransportError)
    /// The credential is missing, wrong, or does not allow the request.
    case unauthorized(registry: String, message: String)
    /// The request is not allowed for any caller, such as moving an immutable tag.
    case denied(String)
    /// There is no such name, tag, manifest, blob or upload.
    case unknown(String)
    /// The registry's disk is full.
    case noSpace(registry: String, message: String)
    /// Any other refusal, with the HTTP status, and the error code of the OCI specification if there is one.
    case refused(registry: String, status: Int, code: String, message: String)
    /// The answer is not valid.
    case malformed(String)
    case cancelled

    package var description: String {
        switch self {
        case .silent(let registry, let tries, _): "index \(registry) does not answer (tried \(tries))"
        case .unauthorized(let registry, let message):
            "\(registry) refuses this" + (message.isEmpty ? "" : ": \(message)")
        case .denied(let message): message
        case .unknown(let message): message
        case .noSpace(let registry, let message):
            "\(registry) has no room" + (message.isEmpty ? "" : ": \(message)")
        case .refused(let registry, let status, let code, let message):
            "\(registry) answers with status \(status)"
                + (code.isEmpty && message.isEmpty
                    ? "" : ": " + [code, message].filter { !$0.isEmpty }.joined(separator: " "))
        case .malformed(let what): "the registry answers with \(what)"
        case .cancelled: "cancelled"
        }
    }

    /// The underlying error, for the second line of a message.
    package var cause: String? { if case .silent(_, _, let error) = self { error.description } else { nil } }

    /// Whether the same request may succeed later.
    package var isPassing: Bool {
        switch self {
        case .silent: true
        // All trouble of a server, or of a proxy before it, except that it cannot do what is asked.
        case .refused(_, let status, _, _):
            [408, 425, 429].contains(status) || (500..<600).contains(status) && status != 501
        default: false
        }
    }

    /// Whether the answer to a call of Swoop's own may be that of a registry without such calls: 404, 405, a redirection, a
    /// refusal without a code, a page. Swoop registries say a code with what they refuse.
    package var isOfAnotherKind: Bool {
        switch self {
        case .unknown, .unauthorized, .malformed: true
        case .refused(_, let status, let code, _): status == 405 || code.isEmpty && !isPassing
        case .silent, .denied, .noSpace, .cancelled: false
        }
    }

    /// The error that an answer stands for.
    init(status: Int, body: [UInt8], registry: String) {
        let (code, message) = Self.parse(body)
        switch (status, code) {
        case (401, _), (403, _): self = .unauthorized(registry: registry, message: message)
        // The specification has no error code for a full disk, so the status alone counts.
        case (507, _): self = .noSpace(registry: registry, message: message)
        // Another request is sending to the upload.
        case (409, "BLOB_UPLOAD_INVALID"):
            self = .refused(registry: registry, status: status, code: code, message: message)
        case (409, _), (_, "DENIED"):
            self = .denied(message.isEmpty ? "\(registry) does not allow this" : message)
        case (404, _): self = .unknown(message.isEmpty ? "\(registry) does not know this" : message)
        default: self = .refused(registry: registry, status: status, code: code, message: message)
        }
    }

    /// The code and the text of an OCI error `{"errors":[{"code","message","detail"}]}`, or of a problem (RFC 9457).
    private static func parse(_ body: [UInt8]) -> (code: String, message: String) {
        let limits = JSONLimits(maxBytes: 64 << 10, maxDepth: 16, maxValues: 4_000)
        guard let object = (try? JSONValue.parse(body, limits: limits))?.objectValue else { return ("", "") }
        if let first = object["errors"]?.arrayValue?.first?.objectValue {
            return (shown(first["code"], 64), shown(first["message"], 500))
        }
        let text = object["detail"]?.stringValue != nil ? object["detail"] : object["title"]
        return (shown(object["code"], 64), shown(text, 500))
    }

    private static func shown(_ value: JSONValue?, _ longest: Int) -> String {
        DisplayName.escape(String((value?.stringValue ?? "").prefix(longest)))
    }
}
