import HTTPTransport
import Registry
import RegistryClient
import TestSupport
import Testing
import Text

@Suite struct RegistryClientTests {
    private let name = ContentName("team/app")!
    private let tag = Registry.Tag("1")!
    private let digest = BlobDigest("sha256:" + String(repeating: "ab", count: 32))!

    private func with<R>(
        token: String? = nil, _ script: @escaping RawServer.Script,
        _ body: (RegistryClient, RawServer) async throws -> R
    ) async throws -> R {
        try await RawServer.with(script) { server in
            var options = RegistryClient.Options()
            options.firstPause = 0.01
            let client = RegistryClient(
                base: HTTPURL("http://127.0.0.1:\(server.port)")!, credential: token.flatMap { RegistryCredential($0) },
                options: options)
            do {
                let result = try await body(client, server)
                await client.shutdown()
                return result
            } catch {
                await client.shutdown()
                throw error
            }
        }
    }

    private static func answer(_ status: String, _ headers: String = "", _ body: String = "") -> [RawServer.Step] {
        [.send("HTTP/1.1 \(status)\r\nContent-Length: \(body.utf8.count)\r\n\(headers)\r\n\(body)")]
    }

    /// It says 401 to whoever shows no token, as a registry with content does.
    @Test(arguments: [("404 Not Found", false), ("200 OK", true), ("403 Forbidden", true)])
    func `whether a server has content it says to its token`(status: String, hasContent: Bool) async throws {
        try await with(token: "secret") { request, _ in
            request.lowercased().contains("authorization: bearer secret")
                ? Self.answer(status) : Self.answer("401 Unauthorized", "WWW-Authenticate: Bearer realm=\"swoop\"\r\n")
        } _: { client, _ in
            #expect(await client.hasContent() == hasContent)
        }
    }

    @Test(
        arguments: [
            ("bytes 0-9/10", 0, 9, 10), ("bytes 5-9/*", 5, 9, nil), ("BYTES 1-1/2", 1, 1, 2),
        ] as [(String, Int64, Int64, Int64?)])
    func `a range of an answer is read`(text: String, first: Int64, last: Int64, size: Int64?) {
        let range = ContentRange(text)
        #expect(range?.first == first && range?.last == last && range?.size == size)
    }

    @Test(arguments: [
        "", "bytes", "bytes 9-0/10", "bytes 0-10/10", "bytes -1-2/3", "items 0-1/2", "bytes 0-9223372036854775807/*",
        "bytes 0-1",
    ])
    func `a range that cannot be is none`(text: String) { #expect(ContentRange(text) == nil) }

    @Test(arguments: [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")])
    func `Base64 is that of RFC 4648`(plain: String, coded: String) {
        #expect(Base64.encode(Array(plain.utf8)) == coded)
    }

    /// The answers to a tag that is put by the call that only Swoop registries have.
    @Test(arguments: [
        ("404 Not Found", "", "404 page not found", true), ("405 Method Not Allowed", "", "", true),
        ("403 Forbidden", "", #"{"errors":[{"code":"FORBIDDEN","message":"CSRF token not found"}]}"#, true),
        ("302 Found", "Location: /login\r\n", "", true), ("400 Bad Request", "", "what?", true),
        ("501 Not Implemented", "", "", true), ("200 OK", "Content-Type: text/html\r\n", "<html>", true),
        ("400 Bad Request", "", #"{"status":400,"code":"BLOBS_MISSING","detail":"blobs are missing"}"#, false),
        ("409 Conflict", "", #"{"status":409,"code":"TAG_IMMUTABLE","detail":"taken"}"#, false),
        ("500 Internal Server Error", "", "", false), ("507 Insufficient Storage", "", "", false),
        ("505 HTTP Version Not Supported", "", "", false), ("522 Origin Unreachable", "", "<html>", false),
        ("200 OK", "ETag: W/\"sha256:12\"\r\n", #"{"digest":"sha256:12"}"#, true),
    ])
    func `a registry of another kind is told by its answer to a tag`(
        status: String, headers: String, body: String, isOfAnotherKind: Bool
    ) async throws {
        try await with { _, _ in
            Self.answer(status, headers, body)
        } _: { client, _ in
            let error = await #expect(throws: RegistryError.self) {
                try await client.putTag(tag, of: name, digest: digest, clusters: "")
            }
            #expect(error?.isOfAnotherKind == isOfAnotherKind, "\(error.map { "\($0)" } ?? "none")")
        }
    }

    /// By an entity tag, a weak one, or the digest in the answer.
    @Test(arguments: [("ETag: \"DIGEST\"\r\n", "{}"), ("ETag: W/\"DIGEST\"\r\n", ""), ("", #"{"digest":"DIGEST"}"#)])
    func `a tag is put where the registry says that it names what it is to name`(
        headers: String, body: String
    ) async throws {
        let digest = digest.description
        try await with { _, _ in
            Self.answer(
                "200 OK", headers.replacing("DIGEST", with: digest), body.replacing("DIGEST", with: digest))
        } _: { client, server in
            try await client.putTag(tag, of: name, digest: self.digest, clusters: "")
            #expect(server.requests.first?.hasPrefix("PUT /v1/names/team/app/tags/1 ") == true)
        }
    }

    @Test func `a token is not sent to the server that a redirect leads to`() async throws {
        try await RawServer.with({ _, _ in Self.answer("200 OK", "", "blob") }) { other in
            let port = other.port
            try await with(token: "secret") { _, _ in
                Self.answer("307 Temporary Redirect", "Location: http://127.0.0.1:\(port)/elsewhere\r\n")
            } _: { client, server in
                var bytes: [UInt8] = []
                try await client.open(digest, in: name).forEach { bytes += $0.readableBytesView }
                #expect(bytes == Array("blob".utf8))
                #expect(server.requests.first?.contains("Bearer secret") == true)
                #expect(other.requests.count == 1)
                #expect(other.requests.first?.lowercased().contains("authorization") == false)
            }
        }
    }

    @Test func `an upload's place on another server gets no token`() async throws {
        try await RawServer.with({ _, _ in Self.answer("204 No Content", "Range: 0-9\r\n") }) { other in
            let port = other.port
            try await with(token: "secret") { _, _ in
                Self.answer("202 Accepted", "Location: http://127.0.0.1:\(port)/upload?x=1\r\n")
            } _: { client, _ in
                let upload = try await client.beginUpload(in: name)
                #expect(upload.offset == 0)
                #expect(try await client.status(of: upload)?.offset == 10)
                #expect(other.requests.first?.lowercased().contains("authorization") == false)
            }
        }
    }

    @Test func `tags come page by page, and an empty page ends them`() async throws {
        try await with { head, number in
            switch number {
            case 0:
                Self.answer(
                    "200 OK", "Link: </v2/team/app/tags/list?n=2&last=b>; rel=\"next\"\r\n", #"{"tags":["a","b"]}"#)
            case 1:
                Self.answer(
                    "200 OK", "Link: </v2/team/app/tags/list?n=2&last=c>; rel=\"next\"\r\n", #"{"tags":["c","../x"]}"#)
            default:
                Self.answer("200 OK", "Link: </v2/team/app/tags/list?n=2&last=c>; rel=\"next\"\r\n", #"{"tags":null}"#)
            }
        } _: { client, server in
            let tags = try await client.tags(of: name)
            #expect(tags.map(\.text) == ["a", "b", "c"])
            #expect(server.requests.count == 3)
            #expect(server.requests[1].hasPrefix("GET /v2/team/app/tags/list?n=2&last=b "))
        }
    }

    @Test func `the list of tags is not followed to another server`() async throws {
        try await with { _, _ in
            Self.answer("200 OK", "Link: <http://127.0.0.1:9/v2/x>; rel=\"next\"\r\n", #"{"tags":["a"]}"#)
        } _: { client, server in
            let tags = try await client.tags(of: name)
            #expect(tags.map(\.text) == ["a"])
            #expect(server.requests.count == 1)
        }
    }

    @Test func `a manifest with another digest than was asked for is refused`() async throws {
        _ = try await with { _, _ in
            Self.answer(
                "200 OK", "Content-Type: \(Manifest.indexType)\r\n", #"{"schemaVersion":2,"manifests":[]}"#)
        } _: { client, _ in
            await #expect(throws: RegistryError.self) {
                try await client.manifest(Reference(name: name, version: .digest(digest)))
            }
        }
    }

    @Test func `a range that was not asked for is refused`() async throws {
        _ = try await with { _, _ in
            Self.answer("206 Partial Content", "Content-Range: bytes 0-3/4\r\n", "blob")
        } _: { client, _ in
            await #expect(throws: RegistryError.malformed("another range than was asked for")) {
                try await client.open(digest, in: name, from: 2)
            }
        }
    }

    @Test func `refusals are typed, with the words of the registry`() async throws {
        let answers: [(String, String, RegistryError)] = [
            ("409 Conflict", #"{"errors":[{"code":"DENIED","message":"immutable"}]}"#, .denied("immutable")),
            (
                "403 Forbidden", #"{"errors":[{"code":"DENIED","message":"not you"}]}"#,
                .unauthorized(registry: "R", message: "not you")
            ),
            ("507 Insufficient Storage", "", .noSpace(registry: "R", message: "")),
            ("400 Bad Request", "<html>", .refused(registry: "R", status: 400, code: "", message: "")),
        ]
        for (status, body, expected) in answers {
            try await with { _, _ in
                Self.answer(status, "", body)
            } _: { client, _ in
                let error = await #expect(throws: RegistryError.self) { try await client.beginUpload(in: name) }
                switch (error, expected) {
                case (.noSpace?, .noSpace), (.refused(_, 400, _, _)?, .refused): break
                case (.unauthorized(_, let message)?, .unauthorized(_, let words)): #expect(message == words)
                default: #expect(error == expected)
                }
            }
        }
    }

    @Test func `a wrong token is refused once, and not shown`() async throws {
        try await with(token: "secret") { _, _ in
            Self.answer("401 Unauthorized", "WWW-Authenticate: Bearer realm=\"x\"\r\n")
        } _: { client, server in
            let error = await #expect(throws: RegistryError.self) { try await client.beginUpload(in: name) }
            guard case .unauthorized? = error else {
                Issue.record("\(String(describing: error))")
                return
            }
            #expect(error?.description.contains("secret") == false)
            #expect(server.requests.count == 1)
        }
    }

    @Test func `a credential of a registry is a token or a user and a password`() {
        #expect(RegistryCredential("") == nil)
        #expect(RegistryCredential("a\nb") == nil)
        #expect(RegistryCredential("user:pass")?.basic == "Basic dXNlcjpwYXNz")
        #expect(RegistryCredential("token")?.bearer == "Bearer token")
        #expect("\(RegistryCredential("token")!)".contains("token") == false)
    }
}
