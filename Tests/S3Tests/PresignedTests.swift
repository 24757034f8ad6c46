import S3
import Testing

@Suite struct `A signed URL` {
    private let time = S3Timestamp(unixTime: 1_369_353_600)

    private func credentials(token: String? = nil) throws -> S3Credentials {
        try #require(
            S3Credentials(
                accessKey: "AKIAIOSFODNN7EXAMPLE", secretKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
                sessionToken: token))
    }

    @Test func `is that of Amazon's example`() throws {
        let place = try S3Place(
            isSecure: true, authority: "s3.amazonaws.com", bucket: "examplebucket", region: "us-east-1",
            style: .virtualHost)
        let url = try place.presigned(key: "test.txt", for: 86_400, with: credentials(), at: time)
        #expect(
            url == "https://examplebucket.s3.amazonaws.com/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256"
                + "&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request"
                + "&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host"
                + "&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404")
    }

    @Test func `has no secret in it, ends within a week, and carries a session's token`() throws {
        let place = try S3Place(
            isSecure: false, authority: "store:9000", bucket: "dcp", region: "us-east-1", style: .path)
        let url = try place.presigned(key: "a b/c", for: .max, with: credentials(token: "session"), at: time)
        #expect(url.hasPrefix("http://store:9000/dcp/a%20b/c?"))
        #expect(url.contains("X-Amz-Expires=604800&") && url.contains("X-Amz-Security-Token=session"))
        #expect(!url.contains("wJalr"))
        #expect(throws: S3RequestError.self) { try place.presigned(key: "../x", for: 1, with: credentials(), at: time) }
    }

    @Test func `of version 2 says when it ends`() throws {
        let place = try S3Place(
            isSecure: false, authority: "store:9000", bucket: "dcp", region: "us-east-1", style: .path, signature: .v2)
        let url = try place.presigned(key: "film.mxf", for: 3600, with: credentials(), at: time)
        #expect(
            url.hasPrefix("http://store:9000/dcp/film.mxf?AWSAccessKeyId=AKIAIOSFODNN7EXAMPLE&Expires=1369357200&"))
    }
}
