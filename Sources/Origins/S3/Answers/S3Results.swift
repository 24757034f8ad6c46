import Text

/// The id that a begun upload was given.
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

/// What completing an upload came to. A store may answer 200 before it knows, and say in the body that it failed.
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

/// A store's reason for a refusal.
package struct S3Failure: Sendable, Hashable {
    /// One of the codes of the S3 API reference, or of a store's own: up to 64 letters, digits, dots and hyphens; else
    /// empty.
    package let code: String
    /// For a person: up to 200 characters of visible ASCII. May repeat what was sent: redact it before it is shown.
    package let message: String
    /// The region that the bucket is in, where that was the reason; empty else.
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

    /// Parses the body of an error; nil for what is no such body, which says no more than the status does.
    package init?(_ bytes: [UInt8], limits: S3Limits = S3Limits()) {
        guard let root = try? AnswerReader.read(bytes, limits: limits), root.name == "Error" else { return nil }
        self.init(root)
    }

    private static func word(_ text: String) -> String {
        text.utf8.count <= 64 && text.utf8.allSatisfy { PercentEncoding.isUnreserved($0) } ? text : ""
    }
}
