import HTTPOrigin
import NIOCore
import ObjectStore
import TestSupport
import Testing

/// What `work` with a store whose server follows a script comes to.
private func with<Result>(
    settings: ObjectStoreSettings = quickSettings, _ script: @escaping RawServer.Script,
    isolation: isolated (any Actor)? = #isolation, _ body: (ObjectStore, RawServer) async throws -> Result
) async throws -> Result {
    try await RawServer.with(script) { server in
        try await withStore(testAddress(server.port), settings: settings) { store in try await body(store, server) }
    }
}

private let emptyList = "<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>"

@Suite struct `A store in trouble` {
    @Test(arguments: ["500 Oops", "502 Gateway", "503 Busy", "504 Late", "429 Slow"])
    func `is asked again until it answers`(status: String) async throws {
        try await with { _, number in
            number < 2 ? answer(status, "") : answer("200 OK", emptyList)
        } _: { store, server in
            let listed = try await store.list(prefix: "")
            #expect(listed.isEmpty && server.requests.count == 3)
        }
    }

    @Test func `is asked only so often`() async throws {
        try await with { _, _ in
            answer("503 Busy", "<Error><Code>SlowDown</Code></Error>")
        } _: { store, server in
            #expect(await kind { _ = try await store.list(prefix: "") } == .busy)
            #expect(server.requests.count == 4)
        }
    }

    @Test func `is left alone for as long as it says`() async throws {
        var settings = quickSettings
        settings.longestRetryAfter = 0.4
        let start = NIODeadline.now()
        try await with(settings: settings) { _, number in
            number == 0 ? answer("503 Busy", "", "Retry-After: 3000") : answer("200 OK", emptyList)
        } _: { store, _ in
            _ = try await store.list(prefix: "")
        }
        #expect(NIODeadline.now() - start >= .milliseconds(400))
    }

    @Test func `that breaks connections is asked again`() async throws {
        try await with { _, number in
            number == 0
                ? [.close]
                : number == 1
                    ? [head("200 OK", "Content-Length: 100"), .send("<"), .close]
                    : answer("200 OK", emptyList)
        } _: { store, server in
            let listed = try await store.list(prefix: "")
            #expect(listed.isEmpty && server.requests.count == 3)
        }
    }

    @Test func `is not asked again for what it refuses`() async throws {
        for (status, kind) in [("403 No", ObjectStoreError.Kind.denied), ("404 No", .noSuchKey), ("400 Bad", .refused)]
        {
            try await with { _, _ in
                answer(status, "")
            } _: { store, server in
                #expect(await ObjectStoreTests.kind { _ = try await store.list(prefix: "") } == kind)
                #expect(server.requests.count == 1)
            }
        }
    }

    @Test func `that nobody serves, or that has no name, is told apart`() async throws {
        try await FreePort.withClosed { port in
            try await withStore(testAddress(port)) { store in
                let error = await failure { _ = try await store.list(prefix: "") }
                #expect(error?.kind == .unreachable, "\(String(describing: error))")
            }
        }
        let nowhere = try ObjectStoreAddress(endpoint: "http://no.such.invalid", bucket: "dcp", credentials: nil)
        try await withStore(nowhere) { store in
            let kind = await kind { _ = try await store.list(prefix: "") }
            #expect(kind == .unresolved || kind == .unreachable)
        }
    }

    @Test func `stops being asked when the task is cancelled`() async throws {
        try await with { _, _ in
            [.hang]
        } _: { store, server in
            let task = Task { try await store.list(prefix: "") }
            while server.requests.isEmpty { await Task.yield() }
            task.cancel()
            #expect(await kind { _ = try await task.value } == .cancelled)
        }
    }
}

@Suite struct `A hostile store` {
    @Test func `redirects nobody, least of all to an inside address`() async throws {
        for target in [
            "http://169.254.169.254/latest/meta-data/", "https://127.0.0.1/", "/elsewhere", "http://example.com/",
        ] {
            for status in ["301 A", "302 B", "303 C", "307 D", "308 E"] {
                try await with { _, _ in
                    answer(status, "", "Location: \(target)")
                } _: { store, server in
                    #expect(await kind { _ = try await store.head(key: "k") } == .redirected)
                    #expect(server.requests.count == 1)
                }
            }
        }
    }

    @Test(arguments: [
        "", "no XML", "<ListBucketResult>", "<html></html>",
        "<!DOCTYPE l [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;&a;\">]><ListBucketResult>&b;</ListBucketResult>",
        "<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>",
        "<ListBucketResult><Contents><Key>not/asked/for</Key><Size>1</Size></Contents></ListBucketResult>",
    ]) func `lists nothing that is no listing`(body: String) async throws {
        try await with { _, _ in
            answer("200 OK", body)
        } _: { store, _ in
            #expect(await kind { _ = try await store.list(prefix: "asked/") } == .wrongContent)
        }
    }

    @Test func `cannot keep us listing for ever`() async throws {
        @Sendable func page(_ next: String) -> String {
            "<ListBucketResult><IsTruncated>true</IsTruncated><Contents><Key>k</Key><Size>1</Size></Contents>"
                + "\(next)</ListBucketResult>"
        }
        try await with { _, _ in
            answer("200 OK", page("<NextContinuationToken>t</NextContinuationToken>"))
        } _: { store, server in
            #expect(await kind { _ = try await store.list(prefix: "") } == .wrongContent)
            #expect(server.requests.count == 2)
        }
        try await with { _, _ in
            answer("200 OK", page(""))
        } _: { store, server in
            #expect(await kind { _ = try await store.list(prefix: "") } == .wrongContent)
            #expect(server.requests.count == 2)
        }
        var settings = quickSettings
        settings.mostObjects = 20
        try await with(settings: settings) { _, number in
            answer("200 OK", page("<NextContinuationToken>t\(number)</NextContinuationToken>"))
        } _: { store, server in
            #expect(await kind { _ = try await store.list(prefix: "") } == .wrongContent)
            #expect(server.requests.count == 21)
        }
    }

    @Test func `cannot send an answer without end`() async throws {
        try await with { _, _ in
            [head("200 OK", "Connection: close")]
                + [RawServer.Step](repeating: .bytes([UInt8](repeating: 0x20, count: 1 << 20)), count: 9)
                + [.close]
        } _: { store, _ in
            #expect(await kind { _ = try await store.list(prefix: "") } == .wrongContent)
        }
    }

    @Test(arguments: ["Content-Length: -5", "X: y\r\nTransfer-Encoding: chunked"])
    func `must say how long an object is`(header: String) async throws {
        try await with { _, _ in
            [head("200 OK", header, "Connection: close"), .close]
        } _: { store, _ in
            let kind = await kind { _ = try await store.head(key: "k") }
            #expect(kind == .wrongContent || kind == .broken)
        }
    }

    @Test(arguments: [Int64.max, 200 << 30, 299_999, 0]) func `that lies about a length allocates nothing`(
        length: Int64
    ) async throws {
        try await withDirectory { directory in
            try await with { _, _ in
                [head("200 OK", "Content-Length: \(length)", "ETag: \"x\"")]
            } _: { store, server in
                let path = directory + "/back"
                let error = await failure { _ = try await store.download(key: "a/k", size: 300_000, to: path) }
                #expect(error?.kind == .wrongContent && error?.reason.contains("a/k") == true)
                #expect((try? contents(path)) == nil && server.requests.count == 1)
            }
        }
    }

    @Test func `may say any length without a trap`() async throws {
        try await with { head, _ in
            head.hasPrefix("HEAD")
                ? [.send("HTTP/1.1 200 OK\r\nContent-Length: \(Int64.max)\r\n\r\n")]
                : answer("206 P", "", "Content-Range: bytes 0-\(Int64.max - 1)/\(Int64.max)")
        } _: { store, _ in
            let size = try await store.head(key: "k").size
            #expect(size == .max)
            #expect(await kind { _ = try await store.get(key: "k") { _ in true } } == .wrongContent)
        }
    }

    @Test func `whose entity tag changes while an object is downloaded is left to the hash`() async throws {
        let bytes = randomBytes(3_000)
        var settings = quickSettings
        settings.rangeSize = 1_000
        settings.parallel = 1
        try await withDirectory { directory in
            try await with(settings: settings) { text, number in
                if text.hasPrefix("HEAD") { return [head("200 OK", "Content-Length: 3000", "ETag: \"x\"")] }
                let start = (number - 1) * 1_000
                return [
                    head(
                        "206 P", "Content-Length: 1000", "Content-Range: bytes \(start)-\(start + 999)/3000",
                        "ETag: \"\(number)\""), .bytes(Array(bytes[start..<start + 1_000])),
                ]
            } _: { store, _ in
                _ = try await store.download(key: "k", size: 3_000, to: directory + "/back")
                let back = try contents(directory + "/back")
                #expect(back == bytes)
            }
        }
    }

    @Test(arguments: ["a/\u{1}", "a/../b", String(repeating: "k", count: 1_025), "d/refused"])
    func `that cannot take a name says which`(key: String) async throws {
        try await withDirectory { directory in
            try write([1], to: directory + "/file")
            let file = directory + "/file"
            for (status, code) in [("400 Bad", "InvalidObjectName"), ("403 No", "AccessDenied"), ("403 No", "")] {
                try await with { head, _ in
                    head.hasPrefix("HEAD")
                        ? answer("404 No", "") : answer(status, "<Error><Code>\(code)</Code></Error>")
                } _: { store, _ in
                    let error = try #require(await failure { _ = try await store.upload(file: file, key: key) })
                    #expect(error.reason.contains(ShownName.escaped(key)), "\(error)")
                }
            }
        }
    }

    @Test func `that takes an upload and then fails is told from one that took it`() async throws {
        try await withDirectory { directory in
            try write(randomBytes(6 << 20), to: directory + "/file")
            let file = directory + "/file"
            try await with { head, _ in
                if head.hasPrefix("HEAD") { return answer("404 No", "") }
                if head.contains("?uploads&") {
                    return answer("200 OK", "<ListMultipartUploadsResult></ListMultipartUploadsResult>")
                }
                if head.contains("?uploads ") {
                    return answer(
                        "200 OK",
                        "<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>")
                }
                if head.hasPrefix("PUT") { return answer("200 OK", "", "ETag: \"x\"") }
                if head.hasPrefix("POST") {
                    return answer("200 OK", "<Error><Code>InternalError</Code><Message>sorry</Message></Error>")
                }
                return answer("204 Gone", "")
            } _: { store, server in
                #expect(await kind { _ = try await store.upload(file: file, key: "k") } == .busy)
                #expect(server.requests.count { $0.hasPrefix("POST /dcp/k?uploadId=u ") } == 4)
            }
        }
    }

    @Test func `that forgets an upload gets it again, once`() async throws {
        try await withDirectory { directory in
            try write(randomBytes(6 << 20), to: directory + "/file")
            let file = directory + "/file"
            try await with { head, _ in
                if head.hasPrefix("HEAD") { return answer("404 No", "") }
                if head.contains("?uploads&") { return answer("403 No", "") }
                if head.contains("?uploads ") {
                    return answer(
                        "200 OK",
                        "<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>")
                }
                return answer("404 No", "<Error><Code>NoSuchUpload</Code></Error>")
            } _: { store, server in
                #expect(await kind { _ = try await store.upload(file: file, key: "k") } == .noSuchUpload)
                #expect(server.requests.count { $0.contains("?uploads ") } == 2)
            }
        }
    }

    @Test func `gets a file that changed meanwhile neither whole nor in parts`() async throws {
        try await withDirectory { directory in
            try write(randomBytes(6 << 20), to: directory + "/file")
            let file = directory + "/file"
            try await with { head, _ in
                if head.hasPrefix("HEAD") { return answer("404 No", "") }
                if head.contains("?uploads&") { return answer("403 No", "") }
                if head.contains("?uploads ") {
                    try? write(randomBytes(7 << 20), to: file)
                    return answer(
                        "200 OK",
                        "<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>")
                }
                return answer("200 OK", "", "ETag: \"x\"")
            } _: { store, server in
                #expect(await kind { _ = try await store.upload(file: file, key: "k") } == .file)
                #expect(server.requests.contains { $0.hasPrefix("DELETE /dcp/k?uploadId=u ") })
                #expect(!server.requests.contains { $0.hasPrefix("POST /dcp/k?uploadId=u ") })
            }
        }
    }

    @Test func `that speaks no TLS is not talked to without it`() async throws {
        try await RawServer.with { _, _ in
            answer("200 OK", emptyList)
        } _: { server in
            let address = try ObjectStoreAddress(endpoint: "127.0.0.1:\(server.port)", bucket: "dcp", credentials: nil)
            var settings = quickSettings
            settings.attempts = 1
            settings.connectTimeout = 1
            try await withStore(address, settings: settings) { store in
                let kind = await kind { _ = try await store.list(prefix: "") }
                #expect(kind == .untrusted || kind == .broken || kind == .unreachable)
                #expect(server.requests.isEmpty)
            }
        }
    }
}
