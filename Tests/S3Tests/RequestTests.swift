import S3
import Testing

@Suite struct `A request to an object store` {
    private func place(_ style: S3Style, signature: S3SignatureVersion = .v4) throws -> S3Place {
        try S3Place(
            isSecure: true, authority: "store.example:9000", bucket: "dcp", region: "r", style: style,
            signature: signature)
    }

    private func url(_ request: S3Request, _ style: S3Style = .path) throws -> String {
        try place(style).sign(request, with: nil, at: S3Timestamp(unixTime: 0)).url
    }

    @Test func `names the bucket in the path or in the host`() throws {
        #expect(try url(.get(key: "a/b")) == "https://store.example:9000/dcp/a/b")
        #expect(try url(.get(key: "a/b"), .virtualHost) == "https://dcp.store.example:9000/a/b")
        #expect(try url(.listUploads(prefix: "a b")).hasPrefix("https://store.example:9000/dcp?uploads&prefix=a%20b&"))
        #expect(try url(.listUploads(prefix: ""), .virtualHost).hasPrefix("https://dcp.store.example:9000/?uploads&"))
    }

    @Test func `percent-encodes every byte that needs it, and no slash of a key`() throws {
        #expect(
            try url(.head(key: "Ä b+c%20d(1)~é/*.xml"))
                == "https://store.example:9000/dcp/%C3%84%20b%2Bc%2520d%281%29~%C3%A9/%2A.xml")
        let list = try url(.list(prefix: "a/b&c", token: "t=/"))
        #expect(list.contains("prefix=a%2Fb%26c") && list.contains("continuation-token=t%3D%2F"))
    }

    @Test(arguments: [
        "", ".", "..", "a/../b", "a/.", "./a", "a\nb", "a\u{0}b", "a\u{7f}", String(repeating: "k", count: 1_025),
    ]) func `cannot be for a name that might be folded into another`(key: String) throws {
        #expect(throws: S3RequestError.self) { try url(.get(key: key)) }
    }

    @Test func `may be for names that only look odd`() throws {
        for key in ["...", "a/..b", "a//b", "/a", "a/", String(repeating: "k", count: 1_024)] {
            #expect(throws: Never.self) { try url(.get(key: key)) }
        }
    }

    @Test func `carries no header that would break out of its line`() throws {
        let request = S3Request(.get, key: "k", headers: [S3Header("x-amz-meta-a", "b\r\nHost: evil")])
        #expect(throws: S3RequestError.badHeader(name: "x-amz-meta-a")) { try url(request) }
    }

    @Test(arguments: ["", "ab", "-abc", "abc-", "a..b", "a/b", "a b", "a?b", String(repeating: "b", count: 64)])
    func `cannot be to what is no bucket`(name: String) {
        #expect(throws: S3RequestError.badBucket(name)) {
            try S3Place(isSecure: true, authority: "h", bucket: name, region: "r", style: .path)
        }
    }

    @Test func `names a bucket in the host only where a certificate can`() throws {
        for name in ["My.Bucket", "with_underscore", "dot.ted"] {
            #expect(throws: Never.self) {
                try S3Place(isSecure: true, authority: "h", bucket: name, region: "r", style: .path)
            }
            #expect(throws: S3RequestError.badBucket(name)) {
                try S3Place(isSecure: true, authority: "h", bucket: name, region: "r", style: .virtualHost)
            }
        }
    }

    @Test func `to complete an upload lists its parts`() throws {
        let request = S3Request.completeUpload(
            key: "k", upload: "u",
            parts: [
                S3Part(number: 1, size: nil, entityTag: "\"a\""), S3Part(number: 2, size: nil, entityTag: "<b>"),
            ])
        guard case .bytes(let bytes) = request.body else {
            Issue.record("no body")
            return
        }
        let text = String(decoding: bytes, as: UTF8.self)
        #expect(text.contains("<Part><PartNumber>1</PartNumber><ETag>a</ETag></Part>"))
        #expect(text.contains("<Part><PartNumber>2</PartNumber><ETag>&lt;b&gt;</ETag></Part>"))
    }

    @Test func `has digests that other programs agree with`() {
        var digest = S3Digest(signsBody: true)
        Array("hello".utf8).withUnsafeBytes { digest.update($0) }
        let digests = digest.finish()
        #expect(digests.entityTag == "5d41402abc4b2a76b9719d911017c592")
        #expect(digests.contentMD5 == "XUFAKrxLKna5cZ2REBfFkg==")
        #expect(digests.sha256 == "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824")
        let parts = [1, 2].map { S3Part(number: $0, size: 5, entityTag: digests.entityTag) }
        #expect(S3Digest.entityTag(of: parts) == S3Digest.entityTag(ofParts: [digests, digests]))
        #expect(S3Digest.entityTag(of: [S3Part(number: 1, size: 5, entityTag: "opaque")]) == "")
    }
}
