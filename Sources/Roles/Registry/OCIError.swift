import JSON

/// An error response of the OCI distribution API (specification 1.1, "Error Codes").
package struct OCIError: Error, Hashable, Sendable {
    package enum Code: String, Sendable, CaseIterable {
        case blobUnknown = "BLOB_UNKNOWN"
        case blobUploadInvalid = "BLOB_UPLOAD_INVALID"
        case blobUploadUnknown = "BLOB_UPLOAD_UNKNOWN"
        case digestInvalid = "DIGEST_INVALID"
        case manifestBlobUnknown = "MANIFEST_BLOB_UNKNOWN"
        case manifestInvalid = "MANIFEST_INVALID"
        case manifestUnknown = "MANIFEST_UNKNOWN"
        case nameInvalid = "NAME_INVALID"
        case nameUnknown = "NAME_UNKNOWN"
        case sizeInvalid = "SIZE_INVALID"
        case unauthorized = "UNAUTHORIZED"
        case denied = "DENIED"
        case unsupported = "UNSUPPORTED"
        case tooManyRequests = "TOOMANYREQUESTS"
        /// None of the specification's, which has no code for a part that does not answer: Docker's registry has this one.
        case unavailable = "UNAVAILABLE"
    }

    /// The HTTP status of the response.
    package let status: Int
    package let code: Code
    package let message: String
    /// Data about the error, such as the digests of missing blobs.
    package let detail: JSONValue?

    package init(_ status: Int, _ code: Code, _ message: String, detail: JSONValue? = nil) {
        self.status = status
        self.code = code
        self.message = message
        self.detail = detail
    }

    package var json: JSONValue {
        var error: JSONObject = ["code": .string(code.rawValue), "message": .string(message)]
        if let detail { error["detail"] = detail }
        return .object(["errors": .array([.object(error)])])
    }
}
