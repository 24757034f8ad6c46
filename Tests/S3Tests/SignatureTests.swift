import S3
import Testing

/// The account of Amazon's examples.
private func example() throws -> S3Credentials {
    try #require(
        S3Credentials(accessKey: "AKIAIOSFODNN7EXAMPLE", secretKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"))
}

private func authorization(_ headers: [S3Header]) -> String {
    headers.first { $0.name == "Authorization" }?.value ?? ""
}

@Suite struct `Signature V4` {
    private let time = S3Timestamp(unixTime: 1_369_353_600)

    private func place() throws -> S3Place {
        try S3Place(
            isSecure: true, authority: "s3.amazonaws.com", bucket: "examplebucket", region: "us-east-1",
            style: .virtualHost)
    }

    private func signature(of request: S3Request) throws -> String {
        let headers = SignatureV4.headers(of: request, to: try place(), try example(), at: time)
        return String(authorization(headers).split(separator: "Signature=").last ?? "")
    }

    @Test func `of Amazon's example of a ranged GET`() throws {
        let request = S3Request.get(key: "test.txt", bytes: 0..<10)
        #expect(try signature(of: request) == "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41")
        let headers = SignatureV4.headers(of: request, to: try place(), try example(), at: time)
        #expect(
            authorization(headers).hasPrefix(
                "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, "
                    + "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, "))
    }

    @Test func `of Amazon's example of a PUT`() throws {
        var request = S3Request(.put, key: "test$file.text")
        request.headers = [
            S3Header("Date", "Fri, 24 May 2013 00:00:00 GMT"), S3Header("x-amz-storage-class", "REDUCED_REDUNDANCY"),
        ]
        request.body = .bytes(Array("Welcome to Amazon S3.".utf8))
        #expect(try signature(of: request) == "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd")
    }

    @Test func `of Amazon's examples of requests to a bucket`() throws {
        let lifecycle = S3Request(.get, query: [S3QueryItem("lifecycle")])
        #expect(try signature(of: lifecycle) == "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543")
        let list = S3Request(.get, query: [S3QueryItem("prefix", "J"), S3QueryItem("max-keys", "2")])
        #expect(try signature(of: list) == "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7")
    }

    @Test func `signs everything that is sent, so that any change of it changes the signature`() throws {
        let request = S3Request.uploadPart(
            key: "a", upload: "u", number: 1, length: 5, sha256: nil, contentMD5: "1B2M2Y8AsgTpgAmY7PhCfg==")
        let signature = try signature(of: request)
        var others = [request, request, request, request]
        others[0].key = "b"
        others[1].query[0] = S3QueryItem("partNumber", "2")
        others[2].headers = []
        others[3].body = .stream(length: 5, sha256: String(repeating: "0", count: 64))
        for other in others { #expect(try self.signature(of: other) != signature) }
        let later = SignatureV4.headers(
            of: request, to: try place(), try example(), at: S3Timestamp(unixTime: 1_369_353_601))
        #expect(!authorization(later).hasSuffix(signature))
    }

    @Test func `names a body that is not signed, and sends a session token signed`() throws {
        let credentials = try #require(S3Credentials(accessKey: "a", secretKey: "s", sessionToken: "token"))
        let request = S3Request.put(key: "k", length: 1, sha256: nil, contentMD5: nil)
        let headers = SignatureV4.headers(of: request, to: try place(), credentials, at: time)
        #expect(headers.contains(S3Header("x-amz-content-sha256", "UNSIGNED-PAYLOAD")))
        #expect(headers.contains(S3Header("x-amz-security-token", "token")))
        #expect(authorization(headers).contains(";x-amz-security-token,"))
    }
}

@Suite struct `Signature V2` {
    private func signature(
        _ method: S3Request.Method, _ bucket: String, _ key: String?, query: [S3QueryItem] = [],
        headers: [S3Header] = [], date: Int64, style: S3Style = .virtualHost
    ) throws -> String {
        // Amazon's bucket with dots is from before certificates mattered.
        var place = try S3Place(
            isSecure: false, authority: "s3.amazonaws.com", bucket: "johnsmith", region: "", style: style,
            signature: .v2)
        place.bucket = bucket
        let request = S3Request(method, key: key, query: query, headers: headers)
        let signed = SignatureV2.headers(of: request, to: place, try example(), at: S3Timestamp(unixTime: date))
        return authorization(signed)
    }

    private let prefix = "AWS AKIAIOSFODNN7EXAMPLE:"

    @Test func `of Amazon's examples of objects`() throws {
        #expect(
            try signature(.get, "johnsmith", "photos/puppy.jpg", date: 1_175_024_202)
                == prefix + "bWq2s1WEIj+Ydj0vQ697zp+IXMU=")
        #expect(
            try signature(
                .put, "johnsmith", "photos/puppy.jpg", headers: [S3Header("Content-Type", "image/jpeg")],
                date: 1_175_030_145) == prefix + "MyyxeRY7whkBe+bq8fHCL/2kKUg=")
        #expect(
            try signature(.delete, "johnsmith", "photos/puppy.jpg", date: 1_175_030_426, style: .path)
                == prefix + "lx3byBScXR6KzyMaifNkardMwNk=")
    }

    @Test func `of Amazon's examples of a listing and a subresource`() throws {
        let listing = [S3QueryItem("prefix", "photos"), S3QueryItem("max-keys", "50"), S3QueryItem("marker", "puppy")]
        #expect(
            try signature(.get, "johnsmith", nil, query: listing, date: 1_175_024_561)
                == prefix + "htDYFYduRNen8P9ZfE/s9SuKy0U=")
        #expect(
            try signature(.get, "johnsmith", nil, query: [S3QueryItem("acl")], date: 1_175_024_686)
                == prefix + "c2WLPFtWHVgbEmeEG93a4cG37dM=")
    }

    @Test func `of Amazon's example with metadata`() throws {
        let headers = [
            S3Header("Content-Type", "application/x-download"), S3Header("x-amz-acl", "public-read"),
            S3Header("Content-MD5", "4gJE4saaMU4BqNR0kLY+lw=="),
            S3Header("X-Amz-Meta-ReviewedBy", "joe@johnsmith.net,jane@johnsmith.net"),
            S3Header("X-Amz-Meta-FileChecksum", "0x02661779"), S3Header("X-Amz-Meta-ChecksumAlgorithm", "crc32"),
        ]
        #expect(
            try signature(
                .put, "static.johnsmith.net", "db-backup.dat.gz", headers: headers, date: 1_175_029_568)
                == prefix + "ilyl83RwaSoYIEdixDQcA4OnAnc=")
    }

    @Test func `signs the path as it is sent`() throws {
        let place = try S3Place(
            isSecure: false, authority: "127.0.0.1:1", bucket: "dcp", region: "", style: .path, signature: .v2)
        let list = SignatureV2.stringToSign(.list(prefix: ""), to: place, headers: [])
        #expect(list == "GET\n\n\n\n/dcp")
        let odd = SignatureV2.stringToSign(.get(key: "Ä b"), to: place, headers: [])
        #expect(odd == "GET\n\n\n\n/dcp/%C3%84%20b")
        let part = S3Request.uploadPart(
            key: "k", upload: "a/b=", number: 7, length: 0, sha256: nil, contentMD5: nil)
        #expect(
            SignatureV2.stringToSign(part, to: place, headers: []) == "PUT\n\n\n\n/dcp/k?partNumber=7&uploadId=a/b=")
    }
}

@Suite struct `Credentials` {
    @Test func `are never printed`() throws {
        let credentials = try #require(
            S3Credentials(accessKey: "visible-id", secretKey: "hidden", sessionToken: "session"))
        var dumped = ""
        dump([credentials], to: &dumped)
        for text in [
            "\(credentials)", String(reflecting: credentials), dumped, "\([credentials])", "\(credentials as Any)",
        ] {
            #expect(!text.contains("visible-id") && !text.contains("hidden") && !text.contains("session"))
        }
    }

    @Test func `are taken out of what a store says`() throws {
        let credentials = try #require(S3Credentials(accessKey: "AK1", secretKey: "SK2"))
        #expect(credentials.redacting("no AK1, no SK2/AK1") == "no …, no …/…")
        #expect(credentials.redacting("nothing") == "nothing")
    }

    @Test(arguments: ["", "a b", "a\nb", "é", String(repeating: "x", count: 5_000)])
    func `that were copied wrongly are refused`(key: String) {
        #expect(S3Credentials(accessKey: key, secretKey: "s") == nil)
        #expect(S3Credentials(accessKey: "a", secretKey: key) == nil)
    }
}

@Suite struct `Times of requests` {
    @Test func `are written in UTC, in both forms`() {
        let time = S3Timestamp(unixTime: 1_175_024_202)
        #expect(time.rfc1123 == "Tue, 27 Mar 2007 19:36:42 +0000")
        #expect(time.basic == "20070327T193642Z")
        #expect(S3Timestamp(unixTime: 0).rfc1123 == "Thu, 01 Jan 1970 00:00:00 +0000")
        #expect(S3Timestamp(unixTime: 951_782_400).basic == "20000229T000000Z")
        #expect(S3Timestamp(unixTime: 1_704_067_199).basic == "20231231T235959Z")
        #expect(S3Timestamp(unixTime: .max).basic == "99991231T235959Z")
        #expect(S3Timestamp(unixTime: .min).basic == "19700101T000000Z")
    }

    @Test func `are read back from listings`() {
        for unixTime in stride(from: Int64(0), to: 4_000_000_000, by: 86_399 * 97) {
            let time = S3Timestamp(unixTime: unixTime)
            let basic = Array(time.basic)
            let text =
                "\(String(basic[0..<4]))-\(String(basic[4..<6]))-\(String(basic[6..<8]))T\(String(basic[9..<11])):"
                + "\(String(basic[11..<13])):\(String(basic[13..<15])).000Z"
            #expect(S3Timestamp(iso8601: text)?.unixTime == unixTime)
        }
        for text in ["", "2009-10-12", "2009-13-12T17:50:30.000Z", "2009-10-12T25:50:30.000Z", "xxxx-10-12T17:50:30Z"] {
            #expect(S3Timestamp(iso8601: text) == nil)
        }
    }
}
