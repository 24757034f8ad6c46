import Foundation
import HTTPOrigin
import Testing

@Suite(.enabled(if: FileManager.default.isExecutableFile(atPath: Nginx.path), "nginx is not installed"))
struct `A web seed on a real nginx` {
    private func place(_ content: Content, in server: Nginx.Running) throws {
        for file in content.info.layout.files where !file.isPadding {
            let names = (content.info.isSingleFile ? [] : [content.info.name]) + file.path.components
            let path = (content.info.isSingleFile ? [content.info.name] : names).compactMap(\.string).joined(
                separator: "/")
            let target = server.root.appending(path: path)
            try FileManager.default.createDirectory(
                at: target.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(content.bytes[Int(file.offset)..<Int(file.end)]).write(to: target)
        }
    }

    @Test func `gives any run of a directory, across files, padding and empty files`() async throws {
        let content = try Content([
            ("a b/ü#?%.bin", 40_000), (".pad/1", 9_152), ("empty", 0), ("c", 1), ("d/e/f.bin", 100_000),
            ("+&=.txt", 17),
        ])
        try await Nginx.with { server in
            try place(content, in: server)
            try await withSeed("http://127.0.0.1:\(server.port)/", content) { seed in
                let length = content.length
                for run in [0..<length, 39_999..<40_001, 40_000..<49_152, 49_151..<49_154, 1..<length - 1, 5..<5] {
                    let fetched = await fetch(seed, run)
                    #expect(fetched.outcome == .complete && fetched.isInOrder)
                    #expect(fetched.bytes == Array(content.bytes[Int(run.lowerBound)..<Int(run.upperBound)]))
                }
                var generator = SystemRandomNumberGenerator()
                for _ in 0..<20 {
                    let start = Int64.random(in: 0..<length, using: &generator)
                    let end = Int64.random(in: start...length, using: &generator)
                    let fetched = await fetch(seed, start..<end)
                    #expect(fetched.outcome == .complete, "\(start)..<\(end)")
                    #expect(fetched.bytes == Array(content.bytes[Int(start)..<Int(end)]), "\(start)..<\(end)")
                }
            }
        }
    }

    @Test func `gives a single file by its own URL and by its directory's`() async throws {
        let content = try Content([("", 50_000)], single: true, name: "one file.bin")
        try await Nginx.with { server in
            try place(content, in: server)
            for path in ["/", "/one%20file.bin", "/one file.bin", "/moved/one%20file.bin"] {
                try await withSeed("http://127.0.0.1:\(server.port)\(path)", content) { seed in
                    let fetched = await fetch(seed, 16_384..<32_768)
                    #expect(fetched.outcome == .complete)
                    #expect(fetched.bytes == Array(content.bytes[16_384..<32_768]))
                }
            }
        }
    }

    @Test func `gives whole pieces`() async throws {
        let content = try Content([("", 50_000)], single: true)
        try await Nginx.with { server in
            try place(content, in: server)
            try await withSeed("http://127.0.0.1:\(server.port)/", content) { seed in
                var offsets: [Int64] = []
                var count = 0
                let outcome = await seed.fetch(pieces: 1..<4) { chunk in
                    offsets.append(chunk.offset)
                    count += chunk.count
                    return true
                }
                #expect(outcome == .complete && offsets.first == 16_384 && count == 50_000 - 16_384)
                #expect(await seed.fetch(pieces: 3..<9) { _ in true } == .complete)
            }
        }
    }

    @Test func `without ranges gives small files and whole files, and is given up for the rest`() async throws {
        let content = try Content([("small", 10_000), ("big", 100_000)])
        var settings = WebSeedSettings()
        settings.smallFile = 20_000
        try await Nginx.with { server in
            try place(content, in: server)
            try await withSeed("http://127.0.0.1:\(server.port)/none/", content, settings: settings) { seed in
                #expect(await fetch(seed, 0..<110_000).bytes == content.bytes)
                let small = await fetch(seed, 5_000..<6_000)
                #expect(small.outcome == .complete && small.bytes == Array(content.bytes[5_000..<6_000]))
                let big = await fetch(seed, 10_000..<20_000)
                guard case .failed(.giveUp(file: 1, _), next: 10_000) = big.outcome else {
                    Issue.record("\(big.outcome)")
                    return
                }
                #expect(big.bytes.isEmpty)
            }
        }
    }

    @Test func `that lacks a file is given up for that file`() async throws {
        let content = try Content([("a", 100), ("missing", 100)])
        try await Nginx.with { server in
            try place(content, in: server)
            try FileManager.default.removeItem(at: server.root.appending(path: "content/missing"))
            try await withSeed("http://127.0.0.1:\(server.port)", content) { seed in
                let fetched = await fetch(seed, 0..<200)
                #expect(fetched.bytes == Array(content.bytes[..<100]))
                guard case .failed(.giveUp(file: 1, let reason), next: 100) = fetched.outcome else {
                    Issue.record("\(fetched.outcome)")
                    return
                }
                #expect(reason.text.contains("404"))
            }
        }
    }

    @Test func `that limits requests is asked later`() async throws {
        let content = try Content([("", 100)], single: true)
        try await Nginx.with { server in
            try place(content, in: server)
            try await withSeed("http://127.0.0.1:\(server.port)/few/", content) { seed in
                #expect(await fetch(seed, 0..<100).outcome == .complete)
                guard case .failed(.retry(after: nil, _), next: 0) = await fetch(seed, 0..<100).outcome else {
                    Issue.record("not limited")
                    return
                }
            }
        }
    }

    @Test func `whose file changed is noticed by its size, and left to the hash where only its date did`() async throws
    {
        let content = try Content([("", 100_000)], single: true)
        try await Nginx.with { server in
            try place(content, in: server)
            let file = server.root.appending(path: "content")
            try await withSeed("http://127.0.0.1:\(server.port)/", content) { seed in
                #expect(await fetch(seed, 0..<10).outcome == .complete)
                try FileManager.default.setAttributes(
                    [.modificationDate: Date(timeIntervalSince1970: 1)], ofItemAtPath: file.path())
                #expect(await fetch(seed, 10..<20).outcome == .complete)
                try Data(content.bytes.dropLast()).write(to: file)
                guard case .failed(.wrongContent(file: 0, let reason), next: 10) = await fetch(seed, 10..<20).outcome
                else {
                    Issue.record("not noticed")
                    return
                }
                #expect(reason.text.contains("99999"))
                try Data(content.bytes.prefix(10)).write(to: file)
                guard case .failed(.wrongContent, next: 50) = await fetch(seed, 50..<60).outcome else {
                    Issue.record("not noticed")
                    return
                }
            }
        }
    }

    @Test func `with a certificate nobody vouches for gets no request`() async throws {
        let content = try Content([("", 100)], single: true)
        try await Nginx.with { server in
            try place(content, in: server)
            let url = "https://localhost:\(server.tlsPort)/"
            try await withSeed(url, content) { seed in
                guard case .failed(.giveUp(file: nil, let reason), next: 0) = await fetch(seed, 0..<100).outcome else {
                    Issue.record("trusted")
                    return
                }
                #expect(reason.text.contains("TLS"))
            }
            var settings = WebSeedSettings()
            settings.trustedAuthorities = server.certificate
            try await withSeed(url, content, settings: settings) { seed in
                #expect(await fetch(seed, 0..<100).bytes == content.bytes)
            }
            // The name must fit too.
            try await withSeed("https://127.0.0.1:\(server.tlsPort)/", content, settings: settings) { seed in
                guard case .failed(.giveUp(file: nil, _), next: 0) = await fetch(seed, 0..<100).outcome else {
                    Issue.record("trusted")
                    return
                }
            }
        }
    }

    @Test func `waits for a slow sink, stops when the sink says so, and when the task is cancelled`() async throws {
        let content = try Content([("", 1 << 20)], single: true)
        try await Nginx.with { server in
            try place(content, in: server)
            try await withSeed("http://127.0.0.1:\(server.port)/slow/", content) { seed in
                var received = 0
                let outcome = await seed.fetch(0..<content.length) { chunk in
                    received += chunk.count
                    return received < 100_000
                }
                #expect(outcome == .stopped)
                #expect(received >= 100_000 && received < 1 << 20)
                let length = content.length
                let (chunks, sink) = AsyncStream.makeStream(of: Int.self)
                let task = Task {
                    await seed.fetch(0..<length) { chunk in
                        sink.yield(chunk.count)
                        return true
                    }
                }
                _ = await chunks.first { _ in true }
                task.cancel()
                guard case .failed(.cancelled, _) = await task.value else {
                    Issue.record("not cancelled")
                    return
                }
            }
        }
    }
}
