import Files
import Foundation
import Hashing
import Metainfo
import Registry
import RegistryClient
import RegistryTransfer
import Storage
import Synchronization
import TestSupport
import Testing

@Suite struct PullTests {
    private let large = Bench.random(5_000_000)
    private var files: [(path: String, bytes: [UInt8])] {
        [
            ("large", large), ("run.sh", Array("#!/bin/sh\n".utf8)), ("sub/deep/small", [1, 2, 3]), ("empty", []),
            ("sub/twin", [1, 2, 3]),
        ]
    }

    private func isExecutable(_ path: String) -> Bool { access(path, X_OK) == 0 }

    @Test func `what was pushed comes back whole, and is not fetched twice`() async throws {
        let bench = try Bench()
        try bench.offer(files)
        let outcome = try await bench.pull()
        #expect(outcome.path == bench.work.path("out/app"))
        #expect(bench.tree("out/app") == Dictionary(uniqueKeysWithValues: files.map { ($0.path, $0.bytes) }))
        #expect(isExecutable(bench.work.path("out/app/run.sh")) == true)
        #expect(bench.work.names("out") == ["app"])
        // One of the twins is a copy.
        #expect(outcome.figures.received == Int64(large.count + 10 + 3))
        let given = bench.registry.given
        let again = try await bench.pull()
        #expect(again.wasThere)
        #expect(again.figures.received == 0)
        #expect(again.figures.reused == again.bytes)
        #expect(bench.registry.given == given)
    }

    @Test func `a file lands under its own name`() async throws {
        let bench = try Bench()
        try bench.offer([("large", large)], isDirectory: false)
        let outcome = try await bench.pull()
        #expect(outcome.path == bench.work.path("out/large"))
        #expect(bench.work.read("out/large") == large)
        #expect(try await bench.pull().wasThere)
    }

    @Test func `a directory with one file is a directory`() async throws {
        let bench = try Bench()
        try bench.offer([("large", large)], isDirectory: true)
        _ = try await bench.pull()
        #expect(bench.work.read("out/app/large") == large)
    }

    @Test func `zeros stay holes`() async throws {
        let bench = try Bench()
        var bytes = [UInt8](repeating: 0, count: 4 << 20)
        bytes[1 << 20] = 1
        try bench.offer([("zeros", bytes)], isDirectory: false)
        _ = try await bench.pull()
        #expect(bench.work.read("out/zeros") == bytes)
        var status = stat()
        #expect(stat(bench.work.path("out/zeros"), &status) == 0)
        #expect(status.st_blocks * 512 < 1 << 20)
    }

    @Test(arguments: ["../out.txt", "/etc/swoop-test", "a/../../b", "a\u{0}b"])
    func `a path that leads out of the destination is refused`(title: String) async throws {
        let bench = try Bench()
        let digest = bench.registry.add([1])
        let layer = Descriptor(
            mediaType: FilesManifest.fileType, digest: digest, size: 1, annotations: [FilesManifest.titleKey: title])
        let other = FilesManifest.make([
            FilesManifest.File(path: try SafePath("x"), digest: digest, size: 1, isExecutable: false)
        ])
        let text = String(decoding: other, as: UTF8.self)
        let start = try #require(text.range(of: "\"layers\":["))
        bench.registry.put(
            Array((text[..<start.upperBound] + "\(String(decoding: layer.json.encode(), as: UTF8.self))]}").utf8), "1")
        await #expect(throws: PullError.self) { try await bench.pull() }
        #expect(bench.work.names("out").isEmpty)
        #expect(!bench.work.exists("out.txt"))
    }

    @Test func `a blob with other bytes is refused, and nothing lands`() async throws {
        var wrong = large
        wrong[4_000_000] ^= 1
        let bench = try Bench { [wrong] request in
            request.method == "GET" && request.path.contains("/blobs/") ? .body(wrong) : nil
        }
        try bench.offer([("large", large)])
        await #expect(throws: PullError.wrongContent(BlobDigest(SHA256.digest(large)))) { try await bench.pull() }
        #expect(!bench.work.exists("out/app"))
    }

    @Test func `a blob of another size, and one without an end, are refused`() async throws {
        let digest = BlobDigest(SHA256.digest(large))
        let longer = try Bench { [large] in $0.path.contains("/blobs/") && $0.method == "GET" ? .body(large + [0]) : nil
        }
        try longer.offer([("large", large)])
        await #expect(
            throws: PullError.wrongSize(digest, expected: Int64(large.count), found: Int64(large.count + 1))
        ) { try await longer.pull() }
        let endless = try Bench { $0.path.contains("/blobs/") && $0.method == "GET" ? .endless : nil }
        try endless.offer([("large", large)])
        await #expect(throws: PullError.wrongSize(digest, expected: Int64(large.count), found: nil)) {
            try await endless.pull()
        }
        #expect(!endless.work.exists("out/app"))
    }

    @Test func `a body that breaks off is gone on with`() async throws {
        let bench = try Bench { request in
            guard request.method == "GET", request.path.contains("/blobs/"), request.number < 3 else { return nil }
            return .breakAnswer(after: 1_000_000)
        }
        try bench.offer([("large", large)])
        let outcome = try await bench.pull()
        #expect(bench.work.read("out/app/large") == large)
        #expect(outcome.figures.received <= Int64(large.count))
        let ranges = bench.registry.log.compactMap { $0.headers["range"] }
        #expect(ranges.count == 3)
    }

    @Test func `a registry without ranges is read from the beginning`() async throws {
        let bench = try Bench { request in
            guard request.method == "GET", request.path.contains("/blobs/") else { return nil }
            return request.number == 0 ? .breakAnswer(after: 2_000_000) : .ignoreRange
        }
        try bench.offer([("large", large)])
        _ = try await bench.pull()
        #expect(bench.work.read("out/app/large") == large)
    }

    @Test func `a registry that falls silent is given up after the time that was given`() async throws {
        let bench = try Bench(readTimeout: 0.1) { request in
            guard request.method == "GET", request.path.contains("/blobs/") else { return nil }
            return .silence(after: request.number == 0 ? 1_000 : 0)
        }
        try bench.offer([("large", large)])
        let error = await #expect(throws: PullError.self) { try await bench.pull(patience: 0.3) }
        guard case .silent(let seconds, _)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(seconds == 0.3)
    }

    @Test func `a pull that was interrupted keeps what it has`() async throws {
        let isBroken = Mutex(true)
        let bench = try Bench { request in
            guard request.method == "GET", request.path.contains("/blobs/"), isBroken.withLock({ $0 }) else {
                return nil
            }
            return request.number == 0 ? .breakAnswer(after: 3_000_000) : .answer(500)
        }
        bench.limits.tries = 2
        try bench.offer([("large", large), ("other", Bench.random(2_000_000, seed: 2))])
        await #expect(throws: PullError.self) { try await bench.pull() }
        #expect(!bench.work.exists("out/app"))
        isBroken.withLock { $0 = false }
        let outcome = try await bench.pull()
        #expect(bench.work.read("out/app/large") == large)
        #expect(outcome.figures.received < Int64(large.count))
        #expect(bench.work.names("out") == ["app"])
    }

    @Test func `parts that were damaged meanwhile are fetched again`() async throws {
        let isBroken = Mutex(true)
        let bench = try Bench { request in
            guard request.method == "GET", request.path.contains("/blobs/"), isBroken.withLock({ $0 }) else {
                return nil
            }
            return request.number == 0 ? .breakAnswer(after: 3_000_000) : .answer(500)
        }
        bench.limits.tries = 2
        try bench.offer([("large", large)])
        await #expect(throws: PullError.self) { try await bench.pull() }
        isBroken.withLock { $0 = false }
        let part = "out/.app.swoop/parts/\(BlobDigest(SHA256.digest(large)).hex)"
        var bytes = try #require(bench.work.read(part))
        #expect(!bytes.isEmpty)
        bytes[0] ^= 1
        try bench.work.write(part, bytes)
        _ = try await bench.pull()
        #expect(bench.work.read("out/app/large") == large)
    }

    // MARK: What is there already

    @Test func `another version is a conflict, and is replaced with leave`() async throws {
        let bench = try Bench()
        try bench.offer(files, "1")
        let changed = Bench.random(5_000_000, seed: 9)
        // One file moved, one changed, one gone.
        try bench.offer(
            [
                ("moved/large", large), ("run.sh", Array("#!/bin/bash\n".utf8)), ("new", changed),
                ("sub/twin", [1, 2, 3]),
            ], "2")
        _ = try await bench.pull()
        try bench.work.write("out/app/sub/mine", "my own")
        await #expect(throws: PullError.self) { try await bench.pull("team/app:2") }
        #expect(bench.work.read("out/app/large") == large)
        let outcome = try await bench.pull("team/app:2", overwrite: true)
        #expect(outcome.figures.received == Int64(changed.count + 12))
        #expect(
            bench.tree("out/app") == [
                "moved/large": large, "run.sh": Array("#!/bin/bash\n".utf8), "new": changed, "sub/twin": [1, 2, 3],
                "sub/mine": Array("my own".utf8),
            ])
        #expect(bench.work.names("out") == ["app"])
    }

    @Test func `a file that the user changed is not replaced without leave`() async throws {
        let bench = try Bench()
        try bench.offer(files)
        _ = try await bench.pull()
        try bench.work.write("out/app/sub/twin", [9, 9, 9])
        let error = await #expect(throws: PullError.self) { try await bench.pull() }
        #expect(error?.description.contains("app/sub/twin") == true)
        _ = try await bench.pull(overwrite: true)
        #expect(bench.work.read("out/app/sub/twin") == [1, 2, 3])
    }

    @Test func `files that are missing are added, and nothing else changes`() async throws {
        let bench = try Bench()
        try bench.offer(files)
        _ = try await bench.pull(selection: { $0.display == "run.sh" })
        #expect(bench.tree("out/app").keys.sorted() == ["run.sh"])
        try bench.work.write("out/app/mine", "my own")
        let outcome = try await bench.pull()
        #expect(bench.tree("out/app").count == files.count + 1)
        #expect(bench.work.read("out/app/mine") == Array("my own".utf8))
        #expect(outcome.figures.received == Int64(large.count + 3))
    }

    @Test func `a selection replaces no file that it does not have`() async throws {
        let bench = try Bench()
        try bench.offer(files)
        _ = try await bench.pull()
        try bench.offer([("run.sh", [5]), ("large", [6])], "2")
        _ = try await bench.pull("team/app:2", overwrite: true, selection: { $0.display == "run.sh" })
        #expect(bench.work.read("out/app/run.sh") == [5])
        #expect(bench.work.read("out/app/large") == large)
    }

    @Test func `a link in the destination is not followed`() async throws {
        let bench = try Bench()
        try bench.offer(files)
        _ = try bench.work.directory("elsewhere")
        _ = try bench.work.directory("out/app")
        try bench.work.makeLink("out/app/sub", to: bench.work.path("elsewhere"))
        await #expect(throws: PullError.inTheWay(path: bench.work.path("out/app/sub"))) { try await bench.pull() }
        _ = try await bench.pull(overwrite: true)
        #expect(bench.work.names("elsewhere").isEmpty)
        #expect(bench.work.read("out/app/sub/deep/small") == [1, 2, 3] && bench.work.names("out/app.kept") == ["sub"])
        let top = try Bench()
        try top.offer(files)
        _ = try top.work.directory("out")
        try top.work.makeLink("out/app", to: top.work.path("nowhere"))
        await #expect(throws: PullError.inTheWay(path: top.work.path("out/app"))) {
            try await top.pull(overwrite: true)
        }
    }

    @Test func `what is where a directory of the new tree is to be is not replaced without leave, and then kept`()
        async throws
    {
        let bench = try Bench()
        try bench.offer([("run.sh", [1]), ("sub/deep/small", [1, 2, 3])])
        try bench.work.write("out/app/sub", "my own")
        let error = await #expect(throws: PullError.self) { try await bench.pull() }
        #expect(error == .conflict(path: bench.work.path("out/app/sub"), detail: "a file is there"))
        #expect(bench.tree("out/app") == ["sub": Array("my own".utf8)])
        _ = try await bench.pull(overwrite: true)
        #expect(bench.tree("out/app") == ["run.sh": [1], "sub/deep/small": [1, 2, 3]])
        #expect(bench.work.read("out/app.kept/sub") == Array("my own".utf8))
        #expect(bench.work.names("out").sorted() == ["app", "app.kept"])
        #expect(try await bench.pull().wasThere)
        // And again.
        try FileManager.default.removeItem(atPath: bench.work.path("out/app"))
        try bench.work.write("out/app/sub", "newer")
        _ = try await bench.pull(overwrite: true)
        #expect(bench.work.read("out/app.kept2/sub") == Array("newer".utf8))
        #expect(bench.work.read("out/app.kept/sub") == Array("my own".utf8))
    }

    @Test func `a directory of the user's that becomes a file leaves its files beside it`() async throws {
        let bench = try Bench()
        try bench.offer([("large", [1, 2])], isDirectory: false)
        try bench.work.write("out/large/sub/mine", "my own")
        await #expect(throws: PullError.self) { try await bench.pull() }
        _ = try await bench.pull(overwrite: true)
        #expect(bench.work.read("out/large") == [1, 2])
        #expect(bench.work.read("out/large.kept/sub/mine") == Array("my own".utf8))
        #expect(bench.work.names("out").sorted() == ["large", "large.kept"])
    }

    @Test func `an exchange that was interrupted is ended`() async throws {
        let bench = try Bench()
        try bench.offer(files)
        _ = try await bench.pull()
        // The new tree has its name; the old one lies where the new one was made, with a file of the user's.
        try bench.work.write("out/.app.swoop/content/app/mine", "my own")
        try bench.work.write("out/.app.swoop/content/app/large", "old")
        var status = stat()
        #expect(stat(bench.work.path("out/app"), &status) == 0)
        try bench.work.write("out/.app.swoop/publishing", "\(status.st_dev) \(status.st_ino)")
        let outcome = try await bench.pull()
        #expect(outcome.wasThere)
        #expect(bench.work.read("out/app/large") == large)
        #expect(bench.work.read("out/app/mine") == Array("my own".utf8))
        #expect(bench.work.names("out") == ["app"])
    }

    @Test func `two pulls to one place do not work at the same time`() async throws {
        // Of the large blob alone: the connection of one that is complete would be used again.
        let digest = BlobDigest(SHA256.digest(large))
        let bench = try Bench { request in
            request.method == "GET" && request.path.hasSuffix(digest.hex) ? .silence(after: 1_000) : nil
        }
        try bench.offer(files)
        let first = Task { try await bench.pull() }
        try await wait(for: "first pull") { bench.work.exists("out/.app.swoop/parts") }
        let error = await #expect(throws: PullError.self) { try await bench.pull() }
        guard case .disk(let storage)? = error, case .locked = storage.kind else {
            Issue.record("\(String(describing: error))")
            return
        }
        first.cancel()
        _ = try? await first.value
    }

    // MARK: Other content

    @Test func `an image becomes an OCI layout`() async throws {
        let bench = try Bench()
        let config = bench.registry.add(Array("{}".utf8))
        let layer = bench.registry.add(large)
        let manifest = #"""
            {"schemaVersion":2,"mediaType":"\#(Manifest.imageType)","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"\#(config)","size":2},"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"\#(layer)","size":\#(large.count)}]}
            """#
        bench.registry.put(Array(manifest.utf8), "1")
        _ = try await bench.pull()
        let tree = bench.tree("out/app")
        let digest = BlobDigest(SHA256.digest(Array(manifest.utf8)))
        #expect(tree["blobs/sha256/\(layer.hex)"] == large)
        #expect(tree["blobs/sha256/\(config.hex)"] == Array("{}".utf8))
        #expect(tree["blobs/sha256/\(digest.hex)"] == Array(manifest.utf8))
        #expect(tree["oci-layout"] == Array(#"{"imageLayoutVersion":"1.0.0"}"#.utf8))
        #expect(String(decoding: tree["index.json"] ?? [], as: UTF8.self).contains(digest.hex))
    }

    @Test func `a single file streams, and its last byte only when all is right`() async throws {
        let bench = try Bench()
        try bench.offer([("large", large)], isDirectory: false)
        let got = try await stream(bench)
        #expect(got.bytes == large && got.error == nil)
        var wrong = large
        wrong[0] ^= 1
        let liar = try Bench { [wrong] in $0.path.contains("/blobs/") && $0.method == "GET" ? .body(wrong) : nil }
        try liar.offer([("large", large)], isDirectory: false)
        let forged = try await stream(liar)
        #expect(forged.bytes.count < large.count)
        #expect(forged.error == .wrongContent(BlobDigest(SHA256.digest(large))))
    }

    private func stream(_ bench: Bench) async throws -> (bytes: [UInt8], error: PullError?) {
        let path = try bench.work.file("stream")
        let descriptor = open(path, O_RDWR | O_CREAT | O_TRUNC, 0o600)
        defer { close(descriptor) }
        var options = Pull.Options()
        options.limits = bench.limits
        let (client, limits) = (bench.client, bench.limits)
        var failure: PullError?
        do throws(PullError) {
            _ = try await Pull(client, Reference("team/app:1")!, options: options).stream(to: descriptor) {
                pool, _ in
                HTTPBlobSource(client, name: Bench.name, limits: limits, pool: pool, patience: nil)
            }
        } catch {
            failure = error
        }
        return (bench.work.read("stream") ?? [], failure)
    }

    @Test func `a tag that is not there is unknown, and so is a blob`() async throws {
        let bench = try Bench()
        await #expect(throws: PullError.registry(.unknown("no manifest team/app:1"))) { try await bench.pull() }
        try bench.offer([("large", large)])
        let digest = BlobDigest(SHA256.digest(large))
        bench.registry.state.withLock { $0.blobs["\(digest)"] = nil }
        await #expect(
            throws: PullError.registry(.unknown("blob \(digest) is at no origin: push it again"))
        ) { try await bench.pull() }
    }
}
