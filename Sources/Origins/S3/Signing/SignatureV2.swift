import Crypto

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Signature Version 2 ("Signing and authenticating REST requests", S3 developer guide), for stores that support no
/// other.
package enum SignatureV2 {
    /// Query parameters that are included in the signature.
    private static let subresources: Set<String> = [
        "acl", "cors", "delete", "lifecycle", "location", "logging", "notification", "partNumber", "policy",
        "requestPayment", "tagging", "torrent", "uploadId", "uploads", "versionId", "versioning", "versions", "website",
        "response-cache-control", "response-content-disposition", "response-content-encoding",
        "response-content-language", "response-content-type", "response-expires",
    ]

    /// The request's headers, with `Date` and `Authorization` added.
    package static func headers(
        of request: S3Request, to place: S3Place, _ credentials: S3Credentials, at time: S3Timestamp
    ) -> [S3Header] {
        var headers = request.headers
        headers.append(S3Header("Date", time.rfc1123))
        if let token = credentials.sessionToken { headers.append(S3Header("x-amz-security-token", token)) }
        let text = stringToSign(request, to: place, headers: headers)
        headers.append(S3Header("Authorization", "AWS \(credentials.accessKey):\(signature(of: text, credentials))"))
        return headers
    }

    /// In Base64.
    static func signature(of text: String, _ credentials: S3Credentials) -> String {
        let code = HMAC<Insecure.SHA1>.authenticationCode(
            for: Array(text.utf8), using: SymmetricKey(data: Array(credentials.secretKey.utf8)))
        return Data(code).base64EncodedString()
    }

    package static func stringToSign(_ request: S3Request, to place: S3Place, headers: [S3Header]) -> String {
        func value(_ name: String) -> String { headers.first { $0.name.lowercased() == name }?.value ?? "" }
        let amazon =
            headers
            .map { S3Header($0.name.lowercased(), $0.value) }
            .filter { $0.name.hasPrefix("x-amz-") }
            .sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
            .map { "\($0.name):\($0.value)\n" }
            .joined()
        let named = request.query
            .filter { subresources.contains($0.name) }
            .sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
            // Values are signed without percent-encoding.
            .map { item in item.value.map { "\(item.name)=\($0)" } ?? item.name }
            .joined(separator: "&")
        // If `x-amz-date` is present, it replaces the date.
        let date = value("x-amz-date").isEmpty ? value("date") : ""
        return [request.method.rawValue, value("content-md5"), value("content-type"), date].joined(separator: "\n")
            + "\n\(amazon)\(place.resource(key: request.key))" + (named.isEmpty ? "" : "?\(named)")
    }
}
