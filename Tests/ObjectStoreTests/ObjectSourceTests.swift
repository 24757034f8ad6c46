import HTTPOrigin
import NIOCore
import ObjectStore
import TestSupport
import Testing

@Suite struct `A range source in a bucket` {
    private func files(_ content: Content, in directory: String) throws -> [(key: String, path: String)] {
        var files: [(String, String)] = []
        for (index, file) in content.info.layout.files.enumerated() where !file.isPadding {
            let path = "\(directory)/\(index)"
            try write(Array(content.bytes[Int(file.offset)..<Int(file.end)]), to: path)
            files.append(
                (file.path.components.map { String(decoding: $0.bytes, as: UTF8.self) }.joined(separator: "/"), path))
        }
        return files
    }

    @Test func `gives any stretch of a torrent's content`() async throws {
        let content = try Content([
            ("a.mxf", 100_000), (".pad/1", 5_000), ("sub dir/Ä+b.xml", 300), ("empty", 0), ("last", 50_000),
        ])
        try await SeaweedServer.with { port in
            try await withStore(testAddress(port)) { store in
                try await withDirectory { directory in
                    for file in try files(content, in: directory) {
                        _ = try await store.upload(file: file.path, key: "dcps/NAME/" + file.key)
                    }
                    let source = ObjectSource(store: store, prefix: "dcps/NAME", layout: content.info.layout)
                    for run in [
                        0..<content.length, 99_990..<105_010, 105_000..<105_300, 7..<8, 155_000..<content.length,
                    ] {
                        let fetched = await fetch(source, run)
                        #expect(fetched.outcome == .complete && fetched.isInOrder)
                        #expect(fetched.bytes == Array(content.bytes[Int(run.lowerBound)..<Int(run.upperBound)]))
                    }
                    let elsewhere = ObjectSource(store: store, prefix: "dcps/OTHER", layout: content.info.layout)
                    guard case .failed(.giveUp(file: 0, _), next: 0) = await fetch(elsewhere, 0..<100).outcome else {
                        Issue.record("found in another place")
                        return
                    }
                }
            }
        }
    }

    @Test func `of a single file is the object itself`() async throws {
        let content = try Content([("", 40_000)], single: true)
        try await SeaweedServer.with { port in
            try await withStore(testAddress(port)) { store in
                try await withDirectory { directory in
                    try write(content.bytes, to: directory + "/file")
                    _ = try await store.upload(file: directory + "/file", key: "single/file.bin")
                    let source = ObjectSource(store: store, prefix: "single/file.bin", layout: content.info.layout)
                    #expect(await fetch(source, 10..<39_000).bytes == Array(content.bytes[10..<39_000]))
                }
            }
        }
    }

    /// Bytes 100..<200 of a file of 1,000 bytes are asked for.
    private func outcome(
        settings: ObjectStoreSettings = quickSettings, _ script: @escaping RawServer.Script
    ) async throws -> Fetched {
        let content = try Content([("", 1_000)], single: true)
        return try await RawServer.with(script) { server in
            try await withStore(testAddress(server.port), settings: settings) { store in
                await fetch(ObjectSource(store: store, prefix: "k", layout: content.info.layout), 100..<200)
            }
        }
    }

    private let body = RawServer.Step.bytes([UInt8](repeating: 7, count: 100))
    private let range = "Content-Range: bytes 100-199/1000"

    @Test(arguments: [
        "Content-Range: bytes 0-99/1000", "Content-Range: bytes 100-198/1000", "Content-Range: bytes 100-199/999",
        "Content-Range: bytes 100-99999999999999999999/1000", "Content-Range: bytes 100-199", "X: y",
        "Content-Range: bytes 0-9223372036854775807/9223372036854775807",
    ]) func `that sends a wrong range has the wrong content`(header: String) async throws {
        let body = body
        let fetched = try await outcome { _, _ in [head("206 Partial", "Content-Length: 100", header), body] }
        guard case .failed(.wrongContent, next: 100) = fetched.outcome, fetched.bytes.isEmpty else {
            Issue.record("\(fetched.outcome)")
            return
        }
    }

    @Test func `that answers a range with the whole object is none`() async throws {
        let fetched = try await outcome { _, _ in
            [head("200 OK", "Content-Length: 1000"), .bytes([UInt8](repeating: 7, count: 1_000))]
        }
        guard case .failed(.giveUp(file: 0, _), next: 100) = fetched.outcome else {
            Issue.record("\(fetched.outcome)")
            return
        }
    }

    @Test func `that sends more or less than it said never delivers more than was asked for`() async throws {
        let (body, range) = (body, range)
        let longer = try await outcome { _, _ in [head("206 P", range, "Connection: close"), body, body, .close] }
        guard case .failed(.wrongContent, _) = longer.outcome, longer.bytes.count <= 100 else {
            Issue.record("\(longer.outcome)")
            return
        }
        let shorter = try await outcome { _, _ in
            [head("206 P", range, "Connection: close"), .bytes([1, 2, 3]), .close]
        }
        guard case .failed(.wrongContent, next: 103) = shorter.outcome else {
            Issue.record("\(shorter.outcome)")
            return
        }
        let broken = try await outcome { _, _ in
            [head("206 P", range, "Content-Length: 100"), .bytes([1, 2, 3]), .close]
        }
        guard case .failed(.retry, next: 103) = broken.outcome else {
            Issue.record("\(broken.outcome)")
            return
        }
    }

    @Test func `whose entity tag changes goes on, for the hash judges`() async throws {
        let content = try Content([("", 1_000)], single: true)
        let (body, range) = (body, range)
        let tags = ["\"x\"", "W/\"x\"", "\"y\""]
        try await RawServer.with { _, number in
            [head("206 P", "Content-Length: 100", range, "ETag: \(tags[number % 3])"), body]
        } _: { server in
            try await withStore(testAddress(server.port)) { store in
                let source = ObjectSource(store: store, prefix: "k", layout: content.info.layout)
                for _ in 0..<6 { #expect(await fetch(source, 100..<200).outcome == .complete) }
            }
        }
    }

    @Test(arguments: ["gzip", "x-gzip"]) func `that labels its bytes is taken at its bytes`(label: String) async throws
    {
        let (body, range) = (body, range)
        let fetched = try await outcome { _, _ in
            [head("206 P", "Content-Length: 100", range, "Content-Encoding: \(label)"), body]
        }
        #expect(fetched.outcome == .complete)
    }

    @Test func `says which object it fails for`() async throws {
        for status in ["404 No", "403 No", "503 Busy", "416 Range", "200 OK"] {
            let fetched = try await outcome { _, _ in answer(status, "") }
            guard case .failed(let problem, _) = fetched.outcome else {
                Issue.record("\(fetched.outcome)")
                return
            }
            #expect(problem.reason.text.contains("k"), "\(problem)")
        }
    }

    @Test func `that stalls, or sends a byte now and then, is left`() async throws {
        var settings = quickSettings
        settings.stallTimeout = 1
        let range = range
        let drip = (0..<90).flatMap { _ in [RawServer.Step.bytes([1]), .pause(.milliseconds(100))] }
        for steps in [[], [.hang], drip] as [[RawServer.Step]] {
            let fetched = try await outcome(settings: settings) { _, _ in
                steps.isEmpty ? [.hang] : [head("206 P", "Content-Length: 100", range)] + steps
            }
            guard case .failed(.retry, _) = fetched.outcome else {
                Issue.record("\(fetched.outcome)")
                return
            }
        }
    }

    @Test(arguments: [
        ("503 Busy", "Retry-After: 70", WebSeedProblem.retry(after: 70, reason: "")),
        ("500 Oops", "X: y", .retry(after: nil, reason: "")), ("404 No", "X: y", .giveUp(file: 0, reason: "")),
        ("403 No", "X: y", .giveUp(file: 0, reason: "")), ("416 Range", "X: y", .wrongContent(file: 0, reason: "")),
        ("307 Go", "Location: http://169.254.169.254/", .giveUp(file: nil, reason: "")),
    ]) func `is judged by its status`(status: String, header: String, problem: WebSeedProblem) async throws {
        let fetched = try await outcome { _, _ in answer(status, "", header) }
        guard case .failed(let found, next: 100) = fetched.outcome else {
            Issue.record("\(fetched.outcome)")
            return
        }
        switch (found, problem) {
        case (.retry(let after, _), .retry(let expected, _)): #expect(after == expected)
        case (.giveUp(let file, _), .giveUp(let expected, _)): #expect(file == expected)
        case (.wrongContent, .wrongContent): break
        default: Issue.record("\(found)")
        }
    }

    @Test func `stops when the sink says so`() async throws {
        let content = try Content([("", 1_000)], single: true)
        let (body, range) = (body, range)
        try await RawServer.with { _, _ in
            [head("206 P", "Content-Length: 100", range), body]
        } _: { server in
            try await withStore(testAddress(server.port)) { store in
                let source = ObjectSource(store: store, prefix: "k", layout: content.info.layout)
                #expect(await source.fetch(100..<200) { _ in false } == .stopped)
            }
        }
    }
}
