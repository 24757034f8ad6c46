import Crypto
import Text

/// Signature Version 4 in the `Authorization` header ("Authenticating Requests: Using the Authorization Header", S3 API
/// reference).
package enum SignatureV4 {
    static let algorithm = "AWS4-HMAC-SHA256"

    /// The request's headers, with `x-amz-date`, `x-amz-content-sha256` and `Authorization` added. All of them are
    /// signed.
    package static func headers(
        of request: S3Request, to place: S3Place, _ credentials: S3Credentials, at time: S3Timestamp
    ) -> [S3Header] {
        var headers = request.headers
        headers.append(S3Header("x-amz-date", time.basic))
        headers.append(S3Header("x-amz-content-sha256", bodyHash(request.body)))
        if let token = credentials.sessionToken { headers.append(S3Header("x-amz-security-token", token)) }

        let scope = "\(time.date)/\(place.region)/s3/aws4_request"
        let names = canonicalHeaders(headers, host: place.host).map(\.name).joined(separator: ";")
        let canonical = canonicalRequest(request, to: place, headers: headers)
        let signature = signature(of: canonical, to: place, credentials, at: time)
        headers.append(
            S3Header(
                "Authorization",
                "\(algorithm) Credential=\(credentials.accessKey)/\(scope), SignedHeaders=\(names), "
                    + "Signature=\(signature)"))
        return headers
    }

    /// Of a canonical request, in lower-case hexadecimal.
    static func signature(
        of canonical: String, to place: S3Place, _ credentials: S3Credentials, at time: S3Timestamp
    ) -> String {
        let scope = "\(time.date)/\(place.region)/s3/aws4_request"
        let toSign = [algorithm, time.basic, scope, Hexadecimal.encode(SHA256.hash(data: Array(canonical.utf8)))]
            .joined(separator: "\n")
        return sign(toSign, secret: credentials.secretKey, scope: [time.date, place.region, "s3"])
    }

    /// Method, path, sorted query, sorted headers, their names, hash of the body: one line each.
    /// - Parameter bodyHash: nil for that of the request's body.
    package static func canonicalRequest(
        _ request: S3Request, to place: S3Place, headers: [S3Header], bodyHash: String? = nil
    ) -> String {
        let query = request.query
            .map { (PercentEncoding.encode($0.name.utf8), PercentEncoding.encode(($0.value ?? "").utf8)) }
            .sorted { $0.0 == $1.0 ? precedes($0.1, $1.1) : precedes($0.0, $1.0) }
            .map { "\($0.0)=\($0.1)" }
            .joined(separator: "&")
        let signed = canonicalHeaders(headers, host: place.host)
        return [
            request.method.rawValue, place.path(key: request.key), query,
            signed.map { "\($0.name):\($0.value)\n" }.joined(), signed.map(\.name).joined(separator: ";"),
            bodyHash ?? Self.bodyHash(request.body),
        ].joined(separator: "\n")
    }

    /// Headers with lower-case names, sorted, with values trimmed and runs of spaces collapsed.
    private static func canonicalHeaders(_ headers: [S3Header], host: String) -> [S3Header] {
        (headers + [S3Header("host", host)])
            .map { header in
                S3Header(
                    header.name.lowercased(),
                    header.value.split(separator: " ", omittingEmptySubsequences: true).joined(separator: " "))
            }
            .sorted { precedes($0.name, $1.name) }
    }

    /// Compares bytes, independent of locale.
    private static func precedes(_ left: String, _ right: String) -> Bool {
        left.utf8.lexicographicallyPrecedes(right.utf8)
    }

    package static func bodyHash(_ body: S3Request.Body) -> String {
        switch body {
        case .none: Hexadecimal.encode(SHA256.hash(data: [UInt8]()))
        case .bytes(let bytes): Hexadecimal.encode(SHA256.hash(data: bytes))
        case .stream(_, let sha256): sha256 ?? "UNSIGNED-PAYLOAD"
        }
    }

    private static func sign(_ text: String, secret: String, scope: [String]) -> String {
        var key = SymmetricKey(data: Array("AWS4\(secret)".utf8))
        for word in scope + ["aws4_request"] {
            key = SymmetricKey(data: HMAC<SHA256>.authenticationCode(for: Array(word.utf8), using: key))
        }
        return Hexadecimal.encode(HMAC<SHA256>.authenticationCode(for: Array(text.utf8), using: key))
    }
}
