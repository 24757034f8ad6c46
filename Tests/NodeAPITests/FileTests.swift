import Admission
import Foundation
import Glibc
import HTTPServing
import NodeAPI
import TestSupport
import Testing

@Suite("Paths and ranges")
struct ServedPathTests {
    @Test(arguments: [
        ("/dcp/a", ["a"]), ("/dcp/cfec-001/dcps/x/y.mxf?v=1", ["cfec-001", "dcps", "x", "y.mxf"]),
        ("/dcp/a%20b/%E5%90%8D", ["a b", "名"]), ("/dcp/a..b", ["a..b"]), ("/dcp/a%2525", ["a%25"]),
        ("/dcp/cfec-001/dcps/x/.a/%2eb", ["cfec-001", "dcps", "x", ".a", ".b"]), ("/dcp/x/.y.part", ["x", ".y.part"]),
        ("/dcp/x/.y.work/z", ["x", ".y.work", "z"]),
    ])
    func `paths below /dcp/ become components`(target: String, components: [String]) {
        #expect(ServedPath(target: target)?.components == components.map { Array($0.utf8) })
    }

    @Test(arguments: [
        "", "/", "/dcp", "/dcp/", "/dcp/a/", "/dcp//a", "/dcpx/a", "/etc/passwd", "/dcp/../etc/passwd",
        "/dcp/a/../../etc", "/dcp/%2e%2e/etc", "/dcp/..%2fetc", "/dcp/a%2f..%2fb", "/dcp/a%00b", "/dcp/.swoop/x",
        "/dcp/%2eswoop/x", "/dcp/.hidden", "/dcp/x/.swoop/y", "/dcp/x/%2eswoop-1", "/dcp/x/.", "/dcp/x/..",
        "/dcp/x/.y.swoop", "/dcp/a%",
        "/dcp/a%4", "/dcp/a%zz", "/dcp/./a", "dcp/a",
        "http://x/dcp/a",
    ])
    func `everything else is no path`(target: String) { #expect(ServedPath(target: target) == nil) }

    @Test(arguments: [
        ("bytes=0-0", ByteRange.part(0..<1)), ("bytes=10-19", .part(10..<20)), ("bytes=90-", .part(90..<100)),
        ("bytes=-1", .part(99..<100)), ("bytes=-1000", .part(0..<100)), ("bytes=99-1000", .part(99..<100)),
        ("bytes=0-99999999999999999999", .part(0..<100)), ("BYTES= 0 - 1", .part(0..<2)),
        ("bytes=100-", .unsatisfiable), ("bytes=100-200", .unsatisfiable), ("bytes=-0", .unsatisfiable),
        ("bytes=99999999999999999999-", .unsatisfiable),
        ("bytes=5-4", .whole), ("bytes=-", .whole), ("bytes=a-b", .whole), ("bytes=0-1,3-4", .whole),
        ("items=0-1", .whole), ("", .whole), ("bytes", .whole), ("bytes=--1", .whole), ("bytes=1-2-3", .whole),
    ])
    func `ranges of a file of 100 bytes`(header: String, range: ByteRange) {
        #expect(ByteRange(header: header, size: 100) == range)
    }

    @Test
    func `nothing of an empty file can be asked for in part`() {
        #expect(ByteRange(header: "bytes=0-", size: 0) == .unsatisfiable)
        #expect(ByteRange(header: "bytes=-5", size: 0) == .unsatisfiable)
        #expect(ByteRange(header: nil, size: 0) == .whole)
    }
}

@Suite("The file server")
struct FileServerTests {
    private func withFiles(
        isolation: isolated (any Actor)? = #isolation,
        _ body: (NodeAPIServer, String) async throws -> Void
    ) async throws {
        try await withDirectory { directory in
            let base = directory + "/dcp"
            try FileManager.default.createDirectory(
                atPath: base + "/cfec-001/dcps/film", withIntermediateDirectories: true)
            try FileManager.default.createDirectory(atPath: base + "/.swoop", withIntermediateDirectories: true)
            try Data(0..<200).write(to: URL(filePath: base + "/cfec-001/dcps/film/reel 1.mxf"))
            try Data().write(to: URL(filePath: base + "/cfec-001/dcps/film/empty"))
            try Data("t".utf8).write(to: URL(filePath: base + "/cfec-001/dcps/film.torrent"))
            try Data("half".utf8).write(to: URL(filePath: base + "/.swoop/half"))
            try Data("secret".utf8).write(to: URL(filePath: directory + "/secret"))
            try await withServer(content: base) { server in try await body(server, base) }
        }
    }

    private let reel = "/dcp/cfec-001/dcps/film/reel%201.mxf"

    @Test
    func `a file comes whole, with its length, tag and date`() async throws {
        try await withFiles { server, _ async throws in
            let answer = try await server.www("GET", reel)
            #expect(answer.status == 200)
            #expect(answer.body == Array(0..<200))
            #expect(answer.headers["content-length"] == "200")
            #expect(answer.headers["accept-ranges"] == "bytes")
            #expect(answer.headers["etag"]?.hasPrefix("\"") == true)
            #expect(answer.headers["last-modified"]?.hasSuffix(" GMT") == true)
            let torrent = try await server.www("GET", "/dcp/cfec-001/dcps/film.torrent")
            #expect(torrent.headers["cache-control"] == "public, max-age=180")
            #expect(torrent.headers["content-type"] == "application/x-bittorrent")
        }
    }

    @Test
    func `parts, the end, and what lies behind it`() async throws {
        try await withFiles { server, _ async throws in
            let part = try await server.www("GET", reel, headers: ["Range: bytes=10-19"])
            #expect(part.status == 206)
            #expect(part.body == Array(10..<20))
            #expect(part.headers["content-range"] == "bytes 10-19/200")
            let end = try await server.www("GET", reel, headers: ["Range: bytes=-5"])
            #expect(end.body == Array(195..<200))
            let behind = try await server.www("GET", reel, headers: ["Range: bytes=200-"])
            #expect(behind.status == 416)
            #expect(behind.headers["content-range"] == "bytes */200")
            let several = try await server.www("GET", reel, headers: ["Range: bytes=0-1,5-6"])
            #expect(several.status == 200)
            #expect(several.body.count == 200)
        }
    }

    @Test
    func `HEAD tells the same without the bytes`() async throws {
        try await withFiles { server, _ async throws in
            let whole = try await server.www("HEAD", reel)
            #expect(whole.status == 200)
            #expect(whole.headers["content-length"] == "200")
            #expect(whole.body.isEmpty)
            let part = try await server.www("HEAD", reel, headers: ["Range: bytes=0-9"])
            #expect(part.status == 206)
            #expect(part.headers["content-length"] == "10")
            let empty = try await server.www("GET", "/dcp/cfec-001/dcps/film/empty")
            #expect(empty.status == 200)
            #expect(empty.headers["content-length"] == "0")
        }
    }

    @Test
    func `conditions: unchanged is a 304, a range of another version the whole`() async throws {
        try await withFiles { server, base async throws in
            let first = try await server.www("GET", reel)
            let (tag, date) = (first.headers["etag"] ?? "", first.headers["last-modified"] ?? "")
            #expect(try await server.www("GET", reel, headers: ["If-None-Match: \(tag)"]).status == 304)
            #expect(try await server.www("GET", reel, headers: ["If-None-Match: \"x\", \(tag)"]).status == 304)
            #expect(try await server.www("GET", reel, headers: ["If-None-Match: \"x\""]).status == 200)
            #expect(try await server.www("GET", reel, headers: ["If-Modified-Since: \(date)"]).status == 304)
            #expect(try await server.www("GET", reel, headers: ["Range: bytes=0-9", "If-Range: \(tag)"]).status == 206)
            #expect(try await server.www("GET", reel, headers: ["Range: bytes=0-9", "If-Range: \"x\""]).status == 200)
            try Data(repeating: 7, count: 200).write(to: URL(filePath: base + "/cfec-001/dcps/film/reel 1.mxf"))
            let changed = try await server.www("GET", reel, headers: ["Range: bytes=0-9", "If-Range: \(tag)"])
            #expect(changed.status == 200)
            #expect(changed.headers["etag"] != tag)
        }
    }

    @Test
    func `neither links nor hidden names nor anything but files is served`() async throws {
        try await withFiles { server, base async throws in
            symlink("../secret", base + "/link")
            symlink("..", base + "/up")
            symlink(base + "/.swoop", base + "/inside")
            mkfifo(base + "/pipe", 0o644)
            for path in [
                "/dcp/link", "/dcp/up/secret", "/dcp/inside/half", "/dcp/pipe", "/dcp/cfec-001", "/dcp/.swoop/half",
                "/dcp/../secret", "/dcp/%2e%2e/secret", "/dcp/..%2fsecret", "/dcp/nothing", "/dcp/", "/", "/secret",
                "/dcp/cfec-001/dcps/film/reel%201.mxf/x", "/metrics", "/send",
            ] {
                #expect(try await server.www("GET", path).status == 404, "\(path)")
            }
            let post = try await server.www("POST", reel)
            #expect(post.status == 405)
            #expect(post.headers["allow"] == "GET, HEAD")
            #expect(try await server.www("DELETE", reel).status == 405)
        }
    }

    /// A torrent of files of one byte each.
    private func torrent(_ name: String, _ paths: [String]) -> Data {
        func text(_ text: String) -> String { "\(text.utf8.count):\(text)" }
        let files = paths.map { path in
            "d6:lengthi1e4:pathl\(path.split(separator: "/").map { text(String($0)) }.joined())ee"
        }
        let hash = String(repeating: "h", count: 20)
        let info = "5:filesl\(files.joined())e4:name\(text(name))12:piece lengthi16384e6:pieces\(text(hash))"
        return Data("d4:infod\(info)ee".utf8)
    }

    @Test
    func `a name that begins with a dot is served if the torrent of published content has it, and not otherwise`()
        async throws
    {
        try await withFiles { server, base async throws in
            let manager = FileManager.default
            for directory in ["cfec-001/dcps/film/.d", "cfec-001/dcps/other", "plain"] {
                try manager.createDirectory(atPath: "\(base)/\(directory)", withIntermediateDirectories: true)
            }
            let hidden = [
                "cfec-001/dcps/film/.index", "cfec-001/dcps/film/.d/reel", "cfec-001/dcps/film/.reel.part",
                "cfec-001/dcps/other/.index", "cfec-001/dcps/.index", "cfec-001/.index", ".index", "plain/.index",
                // Beside the content's own files.
                "cfec-001/dcps/film/.d/other", "cfec-001/dcps/film/.reel.new",
            ]
            try torrent("film", [".index", ".d/reel", ".reel.part", "reel 1.mxf"]).write(
                to: URL(filePath: base + "/cfec-001/dcps/film.torrent"))
            for path in hidden { try Data("x".utf8).write(to: URL(filePath: "\(base)/\(path)")) }
            for (path, status) in zip(hidden, [200, 200, 200, 404, 404, 404, 404, 404, 404, 404]) {
                #expect(try await server.www("GET", "/dcp/\(path)").status == status, "\(path)")
            }
            // Content at BASE/NAME, as a receiver's.
            try torrent("plain", [".index"]).write(to: URL(filePath: base + "/plain.torrent"))
            #expect(try await server.www("GET", "/dcp/plain/.index").body == Array("x".utf8))
            // Another torrent holds from its first request on; one that cannot be read has no files.
            try torrent("film", [".reel.new"]).write(to: URL(filePath: base + "/cfec-001/dcps/film.torrent"))
            #expect(try await server.www("GET", "/dcp/cfec-001/dcps/film/.index").status == 404)
            #expect(try await server.www("GET", "/dcp/cfec-001/dcps/film/.reel.new").status == 200)
            try Data("t".utf8).write(to: URL(filePath: base + "/plain.torrent"))
            #expect(try await server.www("GET", "/dcp/plain/.index").status == 404)
        }
    }

    @Test
    func `a large file comes right, whole and from its middle`() async throws {
        try await withFiles { server, base async throws in
            let bytes = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
            try Data(bytes).write(to: URL(filePath: base + "/large"))
            let whole = try await server.www("GET", "/dcp/large")
            #expect(whole.body == bytes)
            let middle = try await server.www("GET", "/dcp/large", headers: ["Range: bytes=1000001-2500000"])
            #expect(middle.body == Array(bytes[1_000_001...2_500_000]))
        }
    }

    @Test
    func `a file that becomes shorter while it is sent breaks the answer off`() async throws {
        try await withFiles { server, base async throws in
            let path = try #require(ServedPath(target: reel))
            let file = try #require(ServedFile(root: base, components: path.components))
            truncate(base + "/cfec-001/dcps/film/reel 1.mxf", 50)
            await #expect(throws: (any Error).self) { try await file.read(at: 0, count: 200) }
            // The same file, asked for now, is what it is now.
            #expect(try await server.www("GET", reel).body.count == 50)
        }
    }

    @Test
    func `a client that asks and never reads is let go of`() async throws {
        let admission = Admission(limits: AdmissionLimits(descriptors: 10_000))
        try await withDirectory { base in
            try Data(count: 64 << 20).write(to: URL(filePath: base + "/large"))
            try await withServer(content: base) {
                $0.limits.stall = .seconds(1)
                $0.admission = admission
            } _: { server async throws in
                let port = UInt16(server.wwwAddress?.port ?? 0)
                let socket = try await onThread { try Loopback.connect(to: port, patience: 10) }
                defer { close(socket) }
                Loopback.send(socket, Array("GET /dcp/large HTTP/1.1\r\nHost: localhost\r\n\r\n".utf8))
                try await wait(10, for: "a connection") { admission.figures.connections[.files] == 1 }
                // The client cannot tell: the end of the stream waits behind the bytes that it did not read.
                try await wait(18, for: "its end") { admission.figures.connections[.files] == 0 }
                let received = try await onThread {
                    var total = 0
                    while let part = Loopback.receive(socket), !part.isEmpty { total += part.count }
                    return total
                }
                #expect(received < 64 << 20)
            }
        }
    }
}
