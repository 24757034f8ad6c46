import Text

/// The location of a bucket: host, how the bucket is named there, and how requests are signed.
package struct S3Place: Sendable, Hashable {
    package var isSecure: Bool
    /// The store's host, and its port if it is not the scheme's default, as in a `Host` header, without the bucket.
    package var authority: String
    package var bucket: String
    package var region: String
    package var style: S3Style
    package var signature: S3SignatureVersion

    /// - Throws: `.badBucket`.
    package init(
        isSecure: Bool, authority: String, bucket: String, region: String, style: S3Style,
        signature: S3SignatureVersion = .v4
    ) throws(S3RequestError) {
        guard S3Name.isBucket(bucket), style == .path || S3Name.isHostLabel(bucket) else { throw .badBucket(bucket) }
        self.isSecure = isSecure
        self.authority = authority
        self.bucket = bucket
        self.region = region
        self.style = style
        self.signature = signature
    }

    /// Value of the `Host` header.
    package var host: String { style == .path ? authority : "\(bucket).\(authority)" }

    /// The path of the request, percent-encoded. A nil key stands for the bucket itself.
    func path(key: String?) -> String {
        let object = key.map { "/" + PercentEncoding.encode($0.utf8, keeping: "/") }
        return switch style {
        case .path: "/\(bucket)" + (object ?? "")
        case .virtualHost: object ?? "/"
        }
    }

    /// The resource that Signature V2 signs: the path as sent, after the bucket if the host names it.
    func resource(key: String?) -> String { (style == .path ? "" : "/\(bucket)") + path(key: key) }
}

/// A request that is ready to be sent.
package struct S3SignedRequest: Sendable, Hashable {
    package let method: S3Request.Method
    /// Scheme, host, path and query.
    package let url: String
    /// All headers except `Host` (which is that of the URL) and `Content-Length`.
    package let headers: [S3Header]
    package let body: S3Request.Body
}

extension S3Place {
    /// Signs a request.
    /// - Parameter credentials: nil for a public bucket; the request is then not signed.
    /// - Throws: `S3RequestError` for keys and headers that cannot be sent.
    package func sign(
        _ request: S3Request, with credentials: S3Credentials?, at time: S3Timestamp
    ) throws(S3RequestError) -> S3SignedRequest {
        if let key = request.key { try S3Name.checkKey(key) }
        for header in request.headers {
            guard header.value.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7f }),
                header.name.utf8.allSatisfy({ PercentEncoding.isUnreserved($0) }), !header.name.isEmpty
            else { throw .badHeader(name: header.name) }
        }
        let query = request.query.map { item in
            let name = PercentEncoding.encode(item.name.utf8)
            return item.value.map { "\(name)=\(PercentEncoding.encode($0.utf8))" } ?? name
        }
        var headers = request.headers
        if let credentials {
            switch signature {
            case .v4: headers = SignatureV4.headers(of: request, to: self, credentials, at: time)
            case .v2: headers = SignatureV2.headers(of: request, to: self, credentials, at: time)
            }
        }
        return S3SignedRequest(
            method: request.method,
            url: "\(isSecure ? "https" : "http")://\(host)\(path(key: request.key))"
                + (query.isEmpty ? "" : "?" + query.joined(separator: "&")),
            headers: headers, body: request.body)
    }
}
