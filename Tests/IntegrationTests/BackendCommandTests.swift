import Foundation
import TestSupport
import Testing

/// `swoop up` with a back end, as programs.
@Suite struct `A registry with a back end` {
    /// Without the small parent: a kill is a kill.
    private static let alone = ["INVOCATION_ID": "test"]

    private func up(_ data: String, _ backend: String) async throws -> (program: Program, url: String) {
        let program = try Swoop.start(
            "up", "--json", "--any-port", "--data", data, "--backend", backend, environment: Self.alone)
        let event = try await program.waitForEvent("listening")
        return (program, try #require(event["registry"] as? String))
    }

    @Test func `loses nothing when it is killed while the back end is down, and reads back what it no longer has`()
        async throws
    {
        let directory = try TemporaryDirectory()
        let (data, port) = (directory.path("data"), try FreePort.find())
        let backend = "http://127.0.0.1:\(port)"
        let contents = (0..<5).map { randomBytes(300_000, seed: UInt64($0 + 1)) }
        var (registry, url) = try await up(data, backend)
        for (number, bytes) in contents.enumerated() {
            try directory.write("file\(number)", bytes)
            let ending = try await Swoop.run(
                "push", directory.path("file\(number)"), "team/app:\(number)", "--registry", url)
            try #require(ending.status == 0, "\(ending)")
        }
        registry.send(SIGKILL)
        _ = try await registry.ending()

        let files = try Swoop.start("testfs", "--json", "--port", "\(port)", "--data", directory.path("store"))
        _ = try await files.waitForEvent("listening")
        (registry, url) = try await up(data, backend)
        func isStored(_ bytes: [UInt8]) -> Bool {
            directory.names("store/blobs").contains {
                $0.utf8.count == 64 && directory.read("store/blobs/\($0)") == bytes
            }
        }
        try await wait(for: "all blobs in the back end") { contents.allSatisfy(isStored) }
        // The empty configuration of the manifests goes too.
        try await wait(for: "all of the queue") {
            directory.names("store/blobs").filter { $0.utf8.count == 64 }.count == contents.count + 1
        }
        try await registry.stop()

        // The disk is lost, the index and the back end are not.
        for name in ["blobs", "info"] { TemporaryDirectory.remove(directory.path("data/" + name)) }
        (registry, url) = try await up(data, backend)
        for (number, bytes) in contents.enumerated() {
            let ending = try await Swoop.run(
                "pull", "team/app:\(number)", "-o", directory.path("out\(number)"), "--direct", "--registry", url)
            try #require(ending.status == 0, "\(ending)")
            let isRight = directory.read("out\(number)/file\(number)") == bytes
            #expect(isRight)
        }
        try await registry.stop()
        try await files.stop()
    }

    @Test func `answers 202 on Kraken's path while a blob without a torrent is read, and then the blob`() async throws {
        let directory = try TemporaryDirectory()
        let (data, backend, bytes, digest) = try await stored(in: directory)
        TemporaryDirectory.remove(directory.path("store/\(digest).info"))
        for name in ["blobs", "info"] { TemporaryDirectory.remove(directory.path("data/" + name)) }
        let (registry, url) = try await up(data, backend)
        let path = "\(url)/namespace/app/blobs/\(digest)"
        let first = try await Command.ending(["curl", "-s", "-w", "%{http_code}", path, "-o", directory.path("body")])
        #expect(first.output == "202")
        let text = String(decoding: directory.read("body") ?? [], as: UTF8.self)
        #expect(text.contains(#""state":"fetching""#) && text.contains(#""total":20000000"#))
        try await wait(for: "the blob") {
            try await Command.ending(["curl", "-s", "-w", "%{http_code}", path, "-o", directory.path("body")]).output
                == "200"
        }
        let isRight = directory.read("body") == bytes
        #expect(isRight)
        try await registry.stop()
    }

    @Test func `gives a blob with a torrent while it is read, to readers and to a pull`() async throws {
        let directory = try TemporaryDirectory()
        let (data, backend, bytes, digest) = try await stored(in: directory)
        // By Kraken's path, by OCI's, a range, and by the swarm, each from the back end.
        let whole = ["/namespace/app/blobs/\(digest)", "/v2/app/blobs/sha256:\(digest)"]
        for (number, path) in (whole + whole).enumerated() {
            for name in ["blobs", "info"] { TemporaryDirectory.remove(directory.path("data/" + name)) }
            let (registry, url) = try await up(data, backend)
            let body = directory.path("body\(number)")
            let range = number < 2 ? 0..<20_000_000 : 7_000_000..<7_400_000
            let words = number < 2 ? [] : ["-r", "\(range.lowerBound)-\(range.upperBound - 1)"]
            let ended = try await Command.ending(
                ["curl", "-sS", "-m", "90", "-w", "%{http_code}", "-o", body] + words + [url + path])
            #expect(ended.output == (number < 2 ? "200" : "206"), "\(path): \(ended)")
            let isRight = directory.read("body\(number)") == Array(bytes[range])
            #expect(isRight, "\(path) \(range)")
            try await registry.stop()
        }
        for name in ["blobs", "info"] { TemporaryDirectory.remove(directory.path("data/" + name)) }
        let (registry, url) = try await up(data, backend)
        let pulled = try await Swoop.run("pull", "app:1", "-o", directory.path("out"), "--direct", "--registry", url)
        #expect(pulled.status == 0, "\(pulled)")
        let isRight = directory.read("out/file") == bytes
        #expect(isRight)
        try await registry.stop()
    }

    @Test(arguments: ["hdfs://host/dir", "gs://bucket", "sql://host"])
    func `does not start with a back end that is not offered`(backend: String) async throws {
        let directory = try TemporaryDirectory()
        let ending = try await Swoop.run(
            "up", "--any-port", "--data", directory.path("data"), "--backend", backend, environment: Self.alone)
        #expect(ending.status == 2 && ending.errors.contains("not offered"))
    }

    /// A registry was pushed 20 MB as `app:1`, has them in its back end, and has ended.
    private func stored(
        in directory: TemporaryDirectory
    ) async throws -> (data: String, backend: String, bytes: [UInt8], digest: String) {
        let data = directory.path("data")
        let backend = "file://\(directory.path("store"))?name_path=identity"
        let (registry, url) = try await up(data, backend)
        let bytes = randomBytes(20_000_000)
        try directory.write("file", bytes)
        let pushed = try await Swoop.run("push", directory.path("file"), "app:1", "--registry", url)
        try #require(pushed.status == 0, "\(pushed)")
        let digest = try await sha256(directory.path("file"))
        try await wait(for: "the blob in the back end") { directory.exists("store/\(digest)") }
        try await registry.stop()
        return (data, backend, bytes, digest)
    }

    private func sha256(_ path: String) async throws -> String {
        String(try await Command.ending(["sha256sum", path]).output.prefix(64))
    }
}
