import Crypto
import Text

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

extension S3Place {
    /// The longest time for which a URL may be signed, in seconds (S3's limit).
    package static let longestGrant: Int64 = 604_800

    /// A URL by which anybody who has it may GET one object for some time, without the keys ("Authenticating Requests: Using Query
    /// Parameters", S3 API reference). It is a secret for as long as it is valid.
    /// - Parameter seconds: clamped to 1 to ``longestGrant``.
    /// - Throws: `S3RequestError` for keys that cannot be sent.
    package func presigned(
        key: String, for seconds: Int64, with credentials: S3Credentials, at time: S3Timestamp
    ) throws(S3RequestError) -> String {
        let seconds = min(max(1, seconds), Self.longestGrant)
        var request = S3Request(.get, key: key)
        switch signature {
        case .v4: SignatureV4.presign(&request, to: self, credentials, at: time, for: seconds)
        case .v2: SignatureV2.presign(&request, to: self, credentials, at: time, for: seconds)
        }
        return try sign(request, with: nil, at: time).url
    }
}

extension SignatureV4 {
    /// Adds the query items that sign a request; only its host is signed with it.
    fileprivate static func presign(
        _ request: inout S3Request, to place: S3Place, _ credentials: S3Credentials, at time: S3Timestamp,
        for seconds: Int64
    ) {
        let scope = "\(time.date)/\(place.region)/s3/aws4_request"
        request.query += [
            S3QueryItem("X-Amz-Algorithm", algorithm),
            S3QueryItem("X-Amz-Credential", "\(credentials.accessKey)/\(scope)"),
            S3QueryItem("X-Amz-Date", time.basic), S3QueryItem("X-Amz-Expires", String(seconds)),
            S3QueryItem("X-Amz-SignedHeaders", "host"),
        ]
        if let token = credentials.sessionToken { request.query.append(S3QueryItem("X-Amz-Security-Token", token)) }
        let canonical = canonicalRequest(request, to: place, headers: [], bodyHash: "UNSIGNED-PAYLOAD")
        request.query.append(
            S3QueryItem("X-Amz-Signature", signature(of: canonical, to: place, credentials, at: time)))
    }
}

extension SignatureV2 {
    /// The same for version 2: the moment at which it ends stands in place of the date.
    fileprivate static func presign(
        _ request: inout S3Request, to place: S3Place, _ credentials: S3Credentials, at time: S3Timestamp,
        for seconds: Int64
    ) {
        let ends = String(time.unixTime + seconds)
        let text = stringToSign(request, to: place, headers: [S3Header("Date", ends)])
        request.query += [
            S3QueryItem("AWSAccessKeyId", credentials.accessKey), S3QueryItem("Expires", ends),
            S3QueryItem("Signature", signature(of: text, credentials)),
        ]
    }
}
