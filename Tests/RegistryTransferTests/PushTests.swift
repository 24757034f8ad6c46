import Files
import Foundation
import Registry
import RegistryClient
import RegistryTransfer
import Synchronization
import TestSupport
import Testing

@Suite struct PushTests {
    private let large = Bench.random(5_000_000)

    private func bench(
        token: String? = nil,
        _ fault: @escaping @Sendable (FakeRegistry.Request) -> FakeRegistry.Fault? = { _ in nil }
    ) throws -> Bench {
        try Bench.withTree(large, token: token, fault)
    }

    @Test func `a tree is pushed, and pushed again without reading or sending anything`() async throws {
        let bench = try bench()
        let outcome = try await bench.push("app")
        let manifest = try #require(try bench.registry.manifest("1"))
        #expect(manifest.digest == outcome.digest)
        let files = try FilesManifest.files(of: manifest)
        #expect(
            files.map { String(decoding: $0.path.bytes, as: UTF8.self) } == ["empty", "large", "run.sh", "sub/small"])
        #expect(files.map(\.isExecutable) == [false, false, true, false])
        let blobs = bench.registry.state.withLock { $0.blobs }
        #expect(blobs["\(files[1].digest)"] == large)
        #expect(outcome.figures.sent == outcome.bytes)

        // The times of files that were written just now may not tell a later write.
        try await wait(for: "times that tell") {
            Int64(Date.now.timeIntervalSince1970 * 1e9) - (try bench.work.changeTime("app/large")) > 100_000_000
        }
        _ = try await bench.push("app")
        let before = bench.registry.log.count
        let again = try await bench.push("app", "2")
        #expect(again.digest == outcome.digest)
        #expect(again.figures.sent == 0)
        #expect(again.figures.cached == again.bytes)
        #expect(!bench.registry.log[before...].contains { ["POST", "PATCH"].contains($0.method) })
    }

    @Test func `a file alone is a manifest of its name`() async throws {
        let bench = try bench()
        _ = try await bench.push("app/large")
        let manifest = try #require(try bench.registry.manifest("1"))
        let files = try FilesManifest.files(of: manifest)
        #expect(files.first?.path.display == "large")
        #expect(FilesManifest.isSingleFile(manifest, files))
    }

    @Test func `a directory of one file is told from that file`() async throws {
        let bench = try bench()
        _ = try await bench.push("app/sub")
        let manifest = try #require(try bench.registry.manifest("1"))
        #expect(!FilesManifest.isSingleFile(manifest, try FilesManifest.files(of: manifest)))
    }

    @Test func `a file that changes while it is sent ends the push, and nothing is tagged`() async throws {
        let path = Mutex("")
        let bench = try bench { request in
            if request.method == "PATCH", request.number == 3 {
                let handle = FileHandle(forWritingAtPath: path.withLock { $0 })
                try? handle?.write(contentsOf: Data("changed".utf8))
                try? handle?.close()
            }
            return nil
        }
        path.withLock { $0 = bench.work.path("app/large") }
        let error = await #expect(throws: PushError.self) { try await bench.push("app") }
        #expect(error == .changed(path: bench.work.path("app/large")))
        #expect(bench.registry.state.withLock { $0.manifests.isEmpty })
        #expect(bench.registry.state.withLock { $0.uploads.isEmpty })
    }

    @Test func `a file that is gone when its turn comes has changed`() async throws {
        let path = Mutex("")
        let bench = try bench { request in
            if request.number == 1 { try? FileManager.default.removeItem(atPath: path.withLock { $0 }) }
            return nil
        }
        for number in 0..<100 { try bench.work.write("app/z\(number + 100)", "number \(number)") }
        path.withLock { $0 = bench.work.path("app/z199") }
        await #expect(throws: PushError.changed(path: bench.work.path("app/z199"))) { try await bench.push("app") }
        #expect(bench.registry.state.withLock { $0.manifests.isEmpty })
    }

    @Test func `a file that changes after it was sent ends the push too`() async throws {
        let path = Mutex("")
        let bench = try bench { request in
            // The configuration is the last blob.
            if request.method == "HEAD", request.path.contains("44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e83") {
                try? "other".write(toFile: path.withLock { $0 }, atomically: false, encoding: .utf8)
            }
            return nil
        }
        path.withLock { $0 = bench.work.path("app/sub/small") }
        await #expect(throws: PushError.changed(path: bench.work.path("app/sub/small"))) {
            try await bench.push("app")
        }
        #expect(bench.registry.state.withLock { $0.manifests.isEmpty })
    }

    @Test func `a file of a size that the last version had is hashed before it is sent`() async throws {
        let bench = try bench()
        _ = try await bench.push("app")
        let taken = bench.registry.taken
        // The same bytes in another file, on a host that remembers nothing.
        TemporaryDirectory.remove(bench.work.path("cache"))
        try bench.work.write("other/large", large)
        let outcome = try await bench.push("other", "2")
        #expect(bench.registry.taken == taken)
        #expect(outcome.figures.sent == 0)
    }

    @Test func `a blob of another name is taken over, not sent`() async throws {
        let bench = try bench()
        try await wait(for: "times that tell") {
            Int64(Date.now.timeIntervalSince1970 * 1e9) - (try bench.work.changeTime("app/large")) > 100_000_000
        }
        _ = try await bench.push("app/large")
        let taken = bench.registry.taken
        _ = try await bench.push("app/large", name: ContentName("team/other")!)
        #expect(bench.registry.taken == taken)
    }

    @Test func `a registry that is busy is asked again`() async throws {
        let bench = try bench { request in
            request.method == "POST" && request.number == 0 ? .answer(503, headers: ["Retry-After": "0"]) : nil
        }
        _ = try await bench.push("app")
        #expect(try bench.registry.manifest("1") != nil)
    }

    @Test func `a registry that does not answer is named`() async throws {
        let bench = try bench()
        bench.registry.stop()
        let error = await #expect(throws: PushError.self) { try await bench.push("app") }
        #expect(
            error?.description == "index http://127.0.0.1:\(bench.registry.url.port) does not answer (tried 3)")
    }

    @Test func `an immutable tag is refused in the words of the registry`() async throws {
        let words = "team/app:1 is sha256:… already, and tags are immutable here"
        let bench = try bench { request in
            request.method == "PUT" && request.path.contains("/manifests/")
                ? .answer(409, body: #"{"errors":[{"code":"DENIED","message":"\#(words)"}]}"#) : nil
        }
        await #expect(throws: PushError.registry(.denied(words))) { try await bench.push("app") }
    }

    @Test func `more files than a manifest may have are refused before anything is read`() async throws {
        let bench = try Bench()
        for index in 0...10_000 { try bench.work.write("many/\(index)", []) }
        await #expect(throws: PushError.tooManyFiles(10_001, most: 10_000)) { try await bench.push("many") }
        #expect(bench.registry.log.isEmpty)
    }

    @Test func `a token goes as Bearer, and as a password where Basic is wanted`() async throws {
        let bench = try bench(token: "secret") { request in
            request.headers["authorization"] == "Basic c3dvb3A6c2VjcmV0"
                ? nil : .answer(401, headers: ["WWW-Authenticate": "Basic realm=\"swoop\""])
        }
        _ = try await bench.push("app/large")
        #expect(bench.registry.log.first?.headers["authorization"] == "Bearer secret")
        #expect(try bench.registry.manifest("1") != nil)
    }
}
