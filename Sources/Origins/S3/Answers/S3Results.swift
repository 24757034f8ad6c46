import Text

/// The id of a new multipart upload.
package struct S3UploadStart: Sendable, Hashable {
    package let upload: String

    package init(_ bytes: [UInt8], limits: S3Limits = S3Limits()) throws(S3AnswerError) {
        let root = try AnswerReader.read(bytes, limits: limits)
        guard root.name == "InitiateMultipartUploadResult", let id = root["UploadId"], !id.isEmpty else {
            throw .unexpected("no id of an upload")
        }
        upload = id
    }
}

/// The result of completing an upload. A store may send the status 200 early and report the failure in the body.
package enum S3UploadEnd: Sendable, Hashable {
    /// The object's entity tag, without quotes.
    case completed(entityTag: String)
    case failed(S3Failure)

    package init(_ bytes: [UInt8], limits: S3Limits = S3Limits()) throws(S3AnswerError) {
        let root = try AnswerReader.read(bytes, limits: limits)
        switch root.name {
        case "CompleteMultipartUploadResult": self = .completed(entityTag: S3EntityTag.unquoted(root["ETag"] ?? ""))
        case "Error": self = .failed(S3Failure(root))
        default: throw .unexpected("neither a completed upload nor an error")
        }
    }
}

/// The error of a refused request.
package struct S3Failure: Sendable, Hashable {
    /// A code of the S3 API reference, or one of the store's own: up to 64 letters, digits, dots and hyphens; otherwise
    /// empty.
    package let code: String
    /// For a person: up to 200 characters of visible ASCII. May repeat what was sent, so redact it before it is shown.
    package let message: String
    /// The bucket's region, if that was the reason; otherwise empty.
    package let region: String

    package init(code: String, message: String = "", region: String = "") {
        self.code = S3Failure.word(code)
        self.message = String(
            decoding: message.utf8.prefix(200).map { (0x20...0x7e).contains($0) ? $0 : UInt8(ascii: "?") },
            as: UTF8.self)
        self.region = S3Failure.word(region)
    }

    init(_ element: AnswerElement) {
        self.init(code: element["Code"] ?? "", message: element["Message"] ?? "", region: element["Region"] ?? "")
    }

    /// Parses the body of an error response; nil if it is not one.
    package init?(_ bytes: [UInt8], limits: S3Limits = S3Limits()) {
        guard let root = try? AnswerReader.read(bytes, limits: limits), root.name == "Error" else { return nil }
        self.init(root)
    }

    private static func word(_ text: String) -> String {
        text.utf8.count <= 64 && text.utf8.allSatisfy { PercentEncoding.isUnreserved($0) } ? text : ""
    }
}
