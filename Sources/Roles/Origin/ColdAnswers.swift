import Backends
import ColdStore
import HTTPTypes
import Hummingbird
import JSON
import OCI
import Registry

/// HTTP responses for a blob that is still in its back end.
package enum ColdAnswers {
    /// Seconds that a request for a blob is held while the blob is read from its back end.
    package static let patience = 20.0
    /// Seconds that a request is held until the back end has answered whether it has the blob.
    package static let sizePatience = 10.0

    /// An OCI error. Nil for a blob that is on this disk, and for one that does not exist.
    package static func error(_ answer: ColdAnswer, _ digest: BlobDigest) -> OCIError? {
        switch answer {
        case .here, .missing: nil
        case .fetching(let done, let total):
            OCIError(503, .unavailable, "\(text(digest, done, total)): try again")
        case .failed(let problem, _):
            switch problem.kind {
            case .disk: OCIError(507, .denied, problem.description)
            case .wrong: OCIError(502, .blobUnknown, problem.description)
            default:
                OCIError(503, .unavailable, "the back end does not give \(digest): \(problem)")
            }
        }
    }

    private static func text(_ digest: BlobDigest, _ done: Int64, _ total: Int64?) -> String {
        "\(digest) is being read from its back end, \(done) of \(total.map { "\($0)" } ?? "?") bytes"
    }

    /// The response on Kraken's paths: 202 with the progress while the blob is read. Nil for a blob that is on this
    /// disk, and for one that does not exist.
    package static func response(_ answer: ColdAnswer, _ digest: BlobDigest) -> Response? {
        switch answer {
        case .here, .missing: return nil
        case .fetching(let done, let total):
            var response = Response.json(
                .object([
                    "state": .string("fetching"), "done": .integer(done), "total": total.map { .integer($0) } ?? .null,
                ]), status: .accepted)
            response.headers[.retryAfter] = "1"
            return response
        case .failed(let problem, let again):
            let status: HTTPResponse.Status =
                switch problem.kind {
                case .disk: HTTPResponse.Status(code: 507)
                case .wrong: .badGateway
                default: .serviceUnavailable
                }
            var response = Response.text("\(digest): \(problem)\n", status: status)
            response.headers[.retryAfter] = "\(Int(min(max(again, 1), 3_600).rounded(.up)))"
            return response
        }
    }
}
