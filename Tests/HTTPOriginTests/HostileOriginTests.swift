import HTTPOrigin
import NIOCore
import TestSupport
import Testing

private func head(_ status: String, _ headers: [String]) -> RawServer.Step {
    .send((["HTTP/1.1 \(status)"] + headers).joined(separator: "\r\n") + "\r\n\r\n")
}

@Suite struct `A hostile web seed` {
    /// Bytes 100..<200 of a file of 1,000 bytes are asked for.
    private func outcome(
        settings: WebSeedSettings = WebSeedSettings(), _ script: @escaping RawServer.Script
    ) async throws -> Fetched {
        let content = try Content([("", 1_000)], single: true)
        return try await RawServer.with(script) { server in
            try await withSeed(server.url("/file"), content, settings: settings) { seed in await fetch(seed, 100..<200)
            }
        }
    }

    private var strict: WebSeedSettings {
        var settings = WebSeedSettings()
        settings.smallFile = 0
        settings.stallTimeout = 1
        return settings
    }

    private let body = RawServer.Step.bytes([UInt8](repeating: 7, count: 100))
    private let rightRange = "Content-Range: bytes 100-199/1000"

    @Test func `is asked for exactly what is wanted, uncompressed`() async throws {
        let content = try Content([("", 1_000)], single: true)
        let (body, range) = (body, rightRange)
        try await RawServer.with { _, _ in
            [head("206 Partial", ["Content-Length: 100", range]), body]
        } _: { server in
            try await withSeed(server.url("/file"), content) { seed in
                #expect(await fetch(seed, 100..<200).outcome == .complete)
            }
            let request = try #require(server.requests.first)
            #expect(request.hasPrefix("GET /file HTTP/1.1\r\n"))
            #expect(request.contains("Range: bytes=100-199\r\n"))
            #expect(request.contains("Accept-Encoding: identity\r\n"))
        }
    }

    @Test(arguments: [
        "Content-Range: bytes 0-99/1000", "Content-Range: bytes 100-198/1000", "Content-Range: bytes 100-199/999",
        "Content-Range: bytes 199-100/1000", "Content-Range: bytes 100-99999999999999999999/1000",
        "Content-Range: bytes -100-199/1000", "Content-Range: lines 100-199/1000", "Content-Range: bytes 100-199",
        "Content-Range: bytes */1000", "Content-Type: multipart/byteranges; boundary=x",
        "Content-Range: bytes 100-199/1000\r\nContent-Range: bytes 0-99/1000",
        "Content-Range: bytes 9223372036854775806-9223372036854775807/*",
        "Content-Range: bytes 0-9223372036854775807/9223372036854775807",
        "Content-Range: bytes 100-199/9223372036854775807", "Content-Range: bytes 100-199/9223372036854775808",
    ]) func `that sends a wrong range has the wrong content`(header: String) async throws {
        let body = body
        let fetched = try await outcome { _, _ in [head("206 Partial", ["Content-Length: 100", header]), body] }
        guard case .failed(.wrongContent, next: 100) = fetched.outcome else {
            Issue.record("\(fetched.outcome)")
            return
        }
        #expect(fetched.bytes.isEmpty)
    }

    @Test func `may leave the total open and the length unsaid`() async throws {
        let body = body
        let fetched = try await outcome { _, _ in
            [head("206 Partial", ["Content-Range: bytes 100-199/*", "Connection: close"]), body, .close]
        }
        #expect(fetched.outcome == .complete && fetched.bytes.count == 100)
    }

    @Test func `that says another length than its range has the wrong content`() async throws {
        let (body, range) = (body, rightRange)
        let fetched = try await outcome { _, _ in [head("206 Partial", ["Content-Length: 99", range]), body] }
        guard case .failed(.wrongContent, next: 100) = fetched.outcome else {
            Issue.record("\(fetched.outcome)")
            return
        }
    }

    @Test func `that sends more or less than it said never delivers more than was asked for`() async throws {
        let (body, range) = (body, rightRange)
        let longer = try await outcome { _, _ in
            [head("206 Partial", [range, "Connection: close"]), body, body, .close]
        }
        guard case .failed(.wrongContent, _) = longer.outcome else {
            Issue.record("\(longer.outcome)")
            return
        }
        #expect(longer.bytes.count <= 100)
        let shorter = try await outcome { _, _ in
            [head("206 Partial", [range, "Connection: close"]), .bytes([1, 2, 3]), .close]
        }
        guard case .failed(.wrongContent, next: 103) = shorter.outcome else {
            Issue.record("\(shorter.outcome)")
            return
        }
        let chunked = try await outcome { _, _ in
            [head("206 Partial", [range, "Transfer-Encoding: chunked"]), .send("3\r\nabc\r\n0\r\n\r\n")]
        }
        guard case .failed(.wrongContent, next: 103) = chunked.outcome else {
            Issue.record("\(chunked.outcome)")
            return
        }
    }

    @Test func `that breaks off is asked again for the rest`() async throws {
        let range = rightRange
        let fetched = try await outcome { _, _ in
            [head("206 Partial", ["Content-Length: 100", range]), .bytes([1, 2, 3]), .close]
        }
        guard case .failed(.retry(after: nil, _), next: 103) = fetched.outcome else {
            Issue.record("\(fetched.outcome)")
            return
        }
        #expect(fetched.bytes == [1, 2, 3])
    }

    @Test func `that ignores ranges is given up, unless the file is small`() async throws {
        let whole = RawServer.Step.bytes((0..<1_000).map { UInt8(truncatingIfNeeded: $0) })
        let strictly = try await outcome(settings: strict) { _, _ in [head("200 OK", ["Content-Length: 1000"]), whole] }
        guard case .failed(.giveUp(file: 0, _), next: 100) = strictly.outcome else {
            Issue.record("\(strictly.outcome)")
            return
        }
        let small = try await outcome { _, _ in [head("200 OK", ["Content-Length: 1000"]), whole] }
        #expect(small.outcome == .complete)
        #expect(small.bytes == (100..<200).map { UInt8(truncatingIfNeeded: $0) })
        let other = try await outcome { _, _ in [head("200 OK", ["Content-Length: 1001"]), whole] }
        guard case .failed(.wrongContent, next: 100) = other.outcome else {
            Issue.record("\(other.outcome)")
            return
        }
    }

    @Test func `that stalls is left, before an answer and in the middle of one`() async throws {
        let range = rightRange
        for script in [[], [head("206 Partial", ["Content-Length: 100", range]), .bytes([1])]] as [[RawServer.Step]] {
            let fetched = try await outcome(settings: strict) { _, _ in script + [.hang] }
            guard case .failed(.retry(after: nil, let reason), _) = fetched.outcome else {
                Issue.record("\(fetched.outcome)")
                return
            }
            #expect(reason.text.contains("stalled"))
        }
    }

    @Test func `that sends a byte now and then is left`() async throws {
        let range = rightRange
        let drip = (0..<90).flatMap { _ in [RawServer.Step.bytes([1]), .pause(.milliseconds(100))] }
        let fetched = try await outcome(settings: strict) { _, _ in
            [head("206 Partial", ["Content-Length: 100", range])] + drip
        }
        guard case .failed(.retry(after: nil, let reason), _) = fetched.outcome else {
            Issue.record("\(fetched.outcome)")
            return
        }
        #expect(reason.text.contains("next to nothing"))
        #expect(fetched.bytes.count < 100)
    }

    @Test func `is not blamed for a sink that takes its time`() async throws {
        let (body, range) = (body, rightRange)
        let content = try Content([("", 1_000)], single: true)
        var settings = strict
        settings.stallTimeout = 0.2
        try await RawServer.with { _, _ in
            [head("206 Partial", ["Content-Length: 100", range]), .bytes([1]), .pause(.milliseconds(20)), body]
        } _: { server in
            try await withSeed(server.url("/file"), content, settings: settings) { seed in
                let outcome = await seed.fetch(100..<200) { _ in
                    // The subject: longer than a server may take. One that sends nothing is given up meanwhile.
                    let silent = try? await self.outcome(settings: settings) { _, _ in [.hang] }
                    guard case .failed(.retry, _)? = silent?.outcome else {
                        Issue.record("\(String(describing: silent?.outcome))")
                        return true
                    }
                    return true
                }
                // Whether the connection outlived the pause or not: no stall, and no waiting.
                switch outcome {
                case .complete, .failed(.retry(after: 0, _), _), .failed(.wrongContent, next: 200): break
                default: Issue.record("\(outcome)")
                }
            }
        }
    }

    @Test(arguments: [
        ("503 Busy", "Retry-After: 70", WebSeedProblem.retry(after: 70, reason: "")),
        ("429 Slow", "Retry-After: 999999", .retry(after: 3_600, reason: "")),
        ("429 Slow", "Retry-After: Sun, 06 Nov 1994 08:49:37 GMT", .retry(after: 0, reason: "")),
        ("503 Busy", "Retry-After: soon", .retry(after: nil, reason: "")),
        ("500 Oops", "X: y", .retry(after: nil, reason: "")), ("404 No", "X: y", .giveUp(file: 0, reason: "")),
        ("410 Gone", "X: y", .giveUp(file: 0, reason: "")), ("403 No", "X: y", .giveUp(file: 0, reason: "")),
        ("416 Range", "Content-Range: bytes */50", .wrongContent(file: 0, reason: "")),
        ("204 Empty", "X: y", .giveUp(file: 0, reason: "")), ("304 Same", "X: y", .giveUp(file: 0, reason: "")),
    ]) func `is judged by its status`(status: String, header: String, problem: WebSeedProblem) async throws {
        let fetched = try await outcome { _, _ in [head(status, ["Content-Length: 0", header])] }
        guard case .failed(let found, next: 100) = fetched.outcome else {
            Issue.record("\(fetched.outcome)")
            return
        }
        switch (found, problem) {
        case (.retry(let first, _), .retry(let second, _)): #expect(first == second)
        case (.giveUp(let first, _), .giveUp(let second, _)): #expect(first == second)
        case (.wrongContent, .wrongContent): break
        default: Issue.record("\(found)")
        }
    }

    @Test func `that redirects in a circle is given up for the file`() async throws {
        let fetched = try await outcome { _, _ in [head("302 Found", ["Content-Length: 0", "Location: /file"])] }
        guard case .failed(.giveUp(file: 0, let reason), next: 100) = fetched.outcome else {
            Issue.record("\(fetched.outcome)")
            return
        }
        #expect(reason.text.contains("loop"))
    }

    @Test func `that redirects to where clouds keep their secrets is given up`() async throws {
        for target in ["http://169.254.169.254/latest/", "http://[fe80::1]/"] {
            let fetched = try await outcome { _, _ in [head("302 Found", ["Content-Length: 0", "Location: \(target)"])]
            }
            guard case .failed(.giveUp(file: 0, _), next: 100) = fetched.outcome else {
                Issue.record("\(fetched.outcome)")
                return
            }
        }
    }

    @Test(arguments: ["gzip", "x-gzip", "identity, br"])
    func `that puts a label on bytes of the right length is taken at its bytes`(label: String) async throws {
        let (body, range) = (body, rightRange)
        let part = try await outcome { _, _ in
            [head("206 Partial", ["Content-Length: 100", range, "Content-Encoding: \(label)"]), body]
        }
        #expect(part.outcome == .complete && part.bytes.count == 100)
        let whole = RawServer.Step.bytes((0..<1_000).map { UInt8(truncatingIfNeeded: $0) })
        let all = try await outcome { _, _ in
            [head("200 OK", ["Content-Length: 1000", "Content-Encoding: \(label)"]), whole]
        }
        #expect(all.bytes == (100..<200).map { UInt8(truncatingIfNeeded: $0) })
        // Without a length nothing says that these are the bytes that were asked for.
        let unsaid = try await outcome { _, _ in
            [head("200 OK", ["Connection: close", "Content-Encoding: \(label)"]), whole, .close]
        }
        guard case .failed(.wrongContent(file: 0, _), next: 100) = unsaid.outcome else {
            Issue.record("\(unsaid.outcome)")
            return
        }
    }

    @Test func `that is several mirrors, each with tags and dates of its own, is one source`() async throws {
        let content = try Content([("", 1_000)], single: true)
        let (body, range) = (body, rightRange)
        let validators = [
            ["ETag: \"x\"", "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT"], ["ETag: W/\"x\""], ["ETag: \"y\""],
            ["Last-Modified: Sun, 06 Nov 1994 08:49:38 GMT"], [],
        ]
        try await RawServer.with { _, number in
            [head("206 Partial", ["Content-Length: 100", range] + validators[number % validators.count]), body]
        } _: { server in
            try await withSeed(server.url("/file"), content) { seed in
                for _ in 0..<10 { #expect(await fetch(seed, 100..<200).outcome == .complete) }
            }
        }
    }

    @Test func `names the file that it fails for, and no query`() async throws {
        let content = try Content([("dir/a\u{1b}b", 100), ("other", 100)])
        try await RawServer.with { _, number in
            [head(number == 0 ? "404 No" : "206 Partial", ["Content-Length: 0", "Content-Range: bytes 0-98/99"])]
        } _: { server in
            try await withSeed(server.url("/dir?key=SECRET"), content) { seed in
                for _ in 0..<2 {
                    guard case .failed(let problem, next: 0) = await fetch(seed, 0..<50).outcome else {
                        Issue.record("no failure")
                        return
                    }
                    #expect(problem.reason.text.hasPrefix("dir/a\\u{1b}b: "), "\(problem)")
                    #expect(!"\(problem)".contains("SECRET"))
                }
            }
        }
        #expect(WebSeed.shown("http://me:SECRET@host/x?SECRET") == "http://…@host/x?…")
    }

    @Test func `that a torrent names at this host gets no query`() async throws {
        let content = try Content([("", 1_000)], single: true)
        let client = WebSeedClient()
        try await RawServer.with { _, _ in
            [head("404 No", ["Content-Length: 0"])]
        } _: { server in
            for (path, count) in [("/file?do=it", 0), ("/file", 1)] {
                let url = server.url(path)
                let seed = try #require(WebSeed(url: url, info: content.info, isNamedByTorrent: true, client: client))
                guard case .failed(.giveUp(let file, _), next: 0) = await fetch(seed, 0..<10).outcome else {
                    Issue.record("not given up")
                    return
                }
                #expect(file == (count == 0 ? nil : 0) && server.requests.count == count)
            }
        }
        for url in ["http://169.254.169.254/latest/", "http://[fe80::1]/x", "http://0xa9fea9fe/"] {
            let seed = try #require(WebSeed(url: url, info: content.info, isNamedByTorrent: true, client: client))
            guard case .failed(.giveUp(file: nil, let reason), next: 0) = await fetch(seed, 0..<10).outcome else {
                Issue.record("not given up")
                return
            }
            #expect(reason.text.contains("inside address"))
        }
        await client.shutdown()
    }

    @Test func `that answers with garbage is left`() async throws {
        for garbage in ["\u{0}\u{1}\u{2}\r\n\r\n", "HTTP/1.1 206 OK\r\nContent-Length: -5\r\n\r\n", "SSH-2.0-x\r\n"] {
            let fetched = try await outcome { _, _ in [.send(garbage), .close] }
            guard case .failed = fetched.outcome else {
                Issue.record("\(garbage) was taken for an answer")
                return
            }
        }
    }

    @Test func `that nobody is at is told from one that answers badly`() async throws {
        let content = try Content([("", 1_000)], single: true)
        let port = try FreePort.find()
        try await withSeed("http://127.0.0.1:\(port)/", content) { seed in
            guard case .failed(.unreachable, next: 0) = await fetch(seed, 0..<10).outcome else {
                Issue.record("not told apart")
                return
            }
        }
    }

    @Test func `with a URL that cannot be fetched from is no web seed`() throws {
        let content = try Content([("", 1_000)], single: true)
        let client = WebSeedClient()
        for url in ["ftp://a/", "", "http://", "http://user:secret@a/"] {
            #expect(WebSeed(url: url, info: content.info, client: client) == nil)
        }
        Task { await client.shutdown() }
    }
}
