import Glibc
import HTTPOrigin
import ObjectStore
import S3
import TestSupport
import Testing

/// Each way of naming a bucket and signing a request.
struct Manner: Sendable, CustomTestStringConvertible {
    let style: S3Style
    let signature: S3SignatureVersion
    var testDescription: String { "\(style.rawValue) \(signature.rawValue)" }

    /// Not version 2 with the bucket in the host: this store leaves the bucket out of what is signed then, where
    /// Amazon's examples (in S3Tests) have it.
    static let all = [
        Manner(style: .path, signature: .v4), Manner(style: .virtualHost, signature: .v4),
        Manner(style: .path, signature: .v2),
    ]

    func address(_ port: UInt16) throws -> ObjectStoreAddress {
        try testAddress(
            port, host: style == .path ? "127.0.0.1" : "localhost", style: style, signature: signature)
    }
}

@Suite struct `A real object store` {
    @Test(arguments: Manner.all)
    func `gives an object to whoever has its signed URL, and to nobody without one`(manner: Manner) async throws {
        let key = "signed-\(manner.style.rawValue)-\(manner.signature.rawValue)/a b.txt"
        try await SeaweedServer.with { port in
            let address = try manner.address(port)
            try await withStore(address) { store in
                try await withDirectory { directory in
                    try write(randomBytes(1000), to: directory + "/file")
                    _ = try await store.upload(file: directory + "/file", key: key)
                }
                let now = S3Timestamp(unixTime: Int64(time(nil)))
                let credentials = try #require(address.credentials)
                let signed = try address.place.presigned(key: key, for: 60, with: credentials, at: now)
                let plain = try address.place.sign(.get(key: key), with: nil, at: now).url
                let gone = try address.place.presigned(
                    key: key, for: 60, with: credentials, at: S3Timestamp(unixTime: now.unixTime - 3600))
                #expect(try await status(signed, "--range", "100-199") == "206 100")
                #expect(try await status(plain).hasPrefix("403"))
                #expect(try await status(gone).hasPrefix("403"))
                try await store.delete(key: key)
            }
        }
    }

    /// Status and bytes that curl got.
    private func status(_ url: String, _ words: String...) async throws -> String {
        try await Command.ending(
            ["/usr/bin/curl", "-s", "-o", "/dev/null", "-w", "%{http_code} %{size_download}"] + words + [url]
        ).output
    }

    @Test(arguments: Manner.all)
    func `takes, tells of, lists, gives and drops objects, however it is addressed and signed`(manner: Manner)
        async throws
    {
        let root = "manner-\(manner.style.rawValue)-\(manner.signature.rawValue)"
        try await SeaweedServer.with { port in
            try await withStore(manner.address(port)) { store in
                try await withDirectory { directory in
                    try await store.check()
                    let bytes = randomBytes(100_000)
                    try write(bytes, to: directory + "/file")
                    for name in ["plain.txt", "Ä b+c%20d(1)~é&=?#*'!$@:;,.xml", "deep/er/x"] {
                        let key = "\(root)/\(name)"
                        let result = try await store.upload(file: directory + "/file", key: key)
                        #expect(result.size == 100_000 && result.reused == 0)
                        let info = try await store.head(key: key)
                        #expect(info.size == 100_000 && info.entityTag == result.entityTag)
                        #expect(try await getAll(store, key) == bytes)
                        #expect(try await getAll(store, key, 5_000..<70_001) == Array(bytes[5_000..<70_001]))
                    }
                    let listed = try await store.list(prefix: root + "/")
                    #expect(Set(listed.map(\.key)).count == 3 && listed.allSatisfy { $0.size == 100_000 })
                    #expect(listed.contains { $0.key == "\(root)/Ä b+c%20d(1)~é&=?#*'!$@:;,.xml" })
                    for object in listed { try await store.delete(key: object.key) }
                    #expect(try await store.list(prefix: root + "/").isEmpty)
                    try await store.delete(key: root + "/plain.txt")
                    #expect(await kind { _ = try await store.head(key: root + "/plain.txt") } == .noSuchKey)
                }
            }
        }
    }

    @Test(arguments: Manner.all)
    func `takes large files in parts`(manner: Manner) async throws {
        try await SeaweedServer.with { port in
            try await withStore(manner.address(port)) { store in
                try await withDirectory { directory in
                    let bytes = randomBytes((11 << 20) + 12_345)
                    try write(bytes, to: directory + "/file")
                    let key = "large-\(manner.style.rawValue)-\(manner.signature.rawValue)"
                    let steps = Latest<UploadProgress>()
                    let result = try await store.upload(file: directory + "/file", key: key) { steps.set($0) }
                    #expect(result.entityTag.hasSuffix("-3") && result.reused == 0)
                    #expect(steps.all.last == UploadProgress(stored: Int64(bytes.count), size: Int64(bytes.count)))
                    #expect(steps.all.map(\.stored) == steps.all.map(\.stored).sorted())
                    #expect(try await getAll(store, key) == bytes)
                    #expect(try await store.unfinishedUploads(prefix: key).isEmpty)
                }
            }
        }
    }

    @Test func `is not sent again what it has`() async throws {
        try await SeaweedServer.with { port in
            try await withStore(testAddress(port)) { store in
                try await withDirectory { directory in
                    try write(randomBytes(6 << 20), to: directory + "/large")
                    try write(randomBytes(1_000), to: directory + "/small")
                    for (name, hash) in [("large", nil), ("small", nil), ("large", "sha1:ab"), ("small", "sha1:cd")]
                        as [(String, String?)]
                    {
                        let (file, key) = ("\(directory)/\(name)", "again/\(name)-\(hash ?? "none")")
                        #expect(try await store.upload(file: file, key: key, contentHash: hash).reused == 0)
                        #expect(try await store.head(key: key).contentHash == hash)
                        let again = try await store.upload(file: file, key: key, contentHash: hash)
                        #expect(again.reused == again.size)
                        // Without the hash, or with one and an object that has none, the bytes are compared.
                        #expect(try await store.upload(file: file, key: key).reused == again.size)
                    }
                    try write(randomBytes(6 << 20, seed: 2), to: directory + "/large")
                    #expect(try await store.upload(file: directory + "/large", key: "again/large-none").reused == 0)
                    #expect(try await getAll(store, "again/large-none", 0..<100) == randomBytes(100, seed: 2))
                    let other = try await store.upload(
                        file: directory + "/large", key: "again/large-sha1:ab", contentHash: "sha1:ef")
                    #expect(other.reused == 0)
                }
            }
        }
    }

    @Test func `lists many objects in pages`() async throws {
        try await SeaweedServer.with { port in
            try await withStore(testAddress(port)) { store in
                try await withDirectory { directory in
                    try write([1], to: directory + "/file")
                    for number in 0..<25 {
                        _ = try await store.upload(file: directory + "/file", key: "pages/\(number % 5)/k\(number)")
                    }
                    var pages: [Int] = []
                    var keys: Set<String> = []
                    try await store.list(prefix: "pages/", pageSize: 7) { page in
                        pages.append(page.count)
                        keys.formUnion(page.map(\.key))
                    }
                    #expect(
                        keys.count == 25 && pages.reduce(0, +) == 25 && pages.count >= 4 && pages.allSatisfy { $0 <= 7 }
                    )
                    #expect(try await store.list(prefix: "pages/3/").count == 5)
                    #expect(try await store.list(prefix: "nothing/").isEmpty)
                }
            }
        }
    }

    @Test func `takes one object from two nodes at once, and neither hinders the other`() async throws {
        try await SeaweedServer.with { port in
            try await withDirectory { directory in
                let bytes = randomBytes(26 << 20)
                try write(bytes, to: directory + "/file")
                let (file, address) = (directory + "/file", try testAddress(port))
                try await withStore(address) { first in
                    try await withStore(address) { second in
                        async let one = first.upload(file: file, key: "both")
                        async let two = second.upload(file: file, key: "both")
                        let sizes = try await [one.size, two.size]
                        let stored = try await getAll(first, "both")
                        #expect(sizes.allSatisfy { $0 == Int64(bytes.count) } && stored == bytes)
                    }
                }
            }
        }
    }

    @Test func `goes on with an upload that was interrupted, and drops the others when they are old`() async throws {
        try await SeaweedServer.with { port in
            try await withStore(testAddress(port)) { store in
                try await withDirectory { directory in
                    let bytes = randomBytes((15 << 20) + 99)
                    try write(bytes, to: directory + "/file")
                    let plan = UploadPlan(size: Int64(bytes.count), wanted: 5 << 20)
                    let file = try LocalFile.reading(directory + "/file")
                    // What a process that was killed leaves: parts 1 and 3, part 2 of another content; and an older
                    // upload.
                    func begin() async throws -> String {
                        try S3UploadStart(try await store.document(of: .createUpload(key: "resumed"))).upload
                    }
                    func send(_ part: Int, _ upload: String, _ file: LocalFile) async throws {
                        let range = plan.range(ofPart: part)
                        let digests = try await store.digests(of: range, in: file)
                        _ = try await store.send(
                            .uploadPart(
                                key: "resumed", upload: upload, number: part, length: Int64(range.count),
                                sha256: digests.sha256, contentMD5: digests.contentMD5), file, range)
                    }
                    let old = try await begin()
                    try await send(1, old, file)
                    let interrupted = try await begin()
                    try await send(1, interrupted, file)
                    try await send(3, interrupted, file)
                    try write(randomBytes(bytes.count, seed: 9), to: directory + "/other")
                    try await send(2, interrupted, LocalFile.reading(directory + "/other"))
                    #expect(try await store.unfinishedUploads(prefix: "resumed").count == 2)

                    let steps = Latest<UploadProgress>()
                    let result = try await store.upload(file: directory + "/file", key: "resumed") { steps.set($0) }
                    #expect(result.reused == 10 << 20)
                    #expect(try await getAll(store, "resumed") == bytes)
                    // The other one may be another node's, at work right now.
                    #expect(try await store.unfinishedUploads(prefix: "resumed").map(\.id) == [old])
                    #expect(steps.all.last?.stored == Int64(bytes.count))
                    try await store.delete(key: "resumed")
                    var settings = quickSettings
                    settings.abandonedUploadAge = -1
                    let (path, leftOver) = (directory + "/file", old)
                    try await withStore(testAddress(port), settings: settings) { store in
                        let again = try await begin()
                        _ = try await store.upload(file: path, key: "resumed")
                        let left = try await store.unfinishedUploads(prefix: "resumed").map(\.id)
                        #expect(!left.contains(leftOver) && !left.contains(again))
                    }
                }
            }
        }
    }

    @Test func `keeps the parts of a cancelled upload until they are thrown away`() async throws {
        try await SeaweedServer.with { port in
            try await withStore(testAddress(port)) { store in
                try await withDirectory { directory in
                    try write(randomBytes(26 << 20), to: directory + "/file")
                    let file = directory + "/file"
                    let (stream, signal) = AsyncStream<Void>.makeStream()
                    let task = Task {
                        try await store.upload(file: file, key: "cancelled/file") { _ in signal.yield() }
                    }
                    for await _ in stream { break }
                    task.cancel()
                    #expect(await kind { _ = try await task.value } == .cancelled)
                    let left = try await store.unfinishedUploads(prefix: "cancelled/")
                    #expect(left.map(\.key) == ["cancelled/file"])
                    #expect(try await store.parts(of: left[0].id, key: "cancelled/file").count >= 1)
                    #expect(await kind { _ = try await store.head(key: "cancelled/file") } == .noSuchKey)
                    #expect(try await store.abortUploads(prefix: "cancelled/", begunBefore: 1) == 0)
                    #expect(try await store.abortUploads(prefix: "cancelled/") == 1)
                    #expect(try await store.unfinishedUploads(prefix: "cancelled/").isEmpty)
                }
            }
        }
    }

    @Test func `refuses wrong keys, and nothing shows them`() async throws {
        try await SeaweedServer.with { port in
            try await withDirectory { directory in
                try write([1, 2, 3], to: directory + "/file")
                let file = directory + "/file"
                for signature in S3SignatureVersion.allCases {
                    for (accessKey, secretKey) in [
                        ("testaccess", "WRONGSECRET"), ("NOBODYHERE", "testsecret0123456789"),
                    ] {
                        let address = try testAddress(
                            port, signature: signature, accessKey: accessKey, secretKey: secretKey)
                        try await withStore(address) { store in
                            for work in [
                                { _ = try await store.list(prefix: "") }, { _ = try await store.head(key: "k") },
                                { _ = try await store.upload(file: file, key: "k") }, { try await store.check() },
                            ] as [() async throws -> Void] {
                                let error = try #require(await failure(work))
                                #expect(error.kind == .denied)
                                for key in [accessKey, secretKey] { #expect(!error.description.contains(key)) }
                            }
                        }
                    }
                }
                // Keys that may read and not write.
                let reader = try testAddress(port, accessKey: "readeraccess", secretKey: "readersecret0123456789")
                try await withStore(reader) { store in
                    try await store.check()
                    #expect(await kind { _ = try await store.upload(file: file, key: "k") } == .denied)
                    #expect(await kind { try await store.delete(key: "k") } == .denied)
                }
                try await withStore(testAddress(port, bucket: "nobucket-x")) { store in
                    #expect(await kind { _ = try await store.list(prefix: "") } == .noSuchBucket)
                }
            }
        }
    }

    @Test func `that refuses our clock is understood`() async throws {
        try await SeaweedServer.with { port in
            let now = Int64(time(nil))
            try await withStore(testAddress(port), clock: { now - 3_600 }) { store in
                let error = try #require(await failure { _ = try await store.list(prefix: "") })
                #expect(error.kind == .clockSkew && error.reason.contains("behind"))
                // An answer without a body says it too.
                #expect(await kind { _ = try await store.head(key: "k") } == .clockSkew)
            }
        }
    }

    @Test func `takes and gives empty files`() async throws {
        try await SeaweedServer.with { port in
            try await withStore(testAddress(port)) { store in
                try await withDirectory { directory in
                    try write([], to: directory + "/empty")
                    #expect(try await store.upload(file: directory + "/empty", key: "empty/file").size == 0)
                    #expect(try await store.head(key: "empty/file").size == 0)
                    #expect(try await getAll(store, "empty/file") == [])
                    #expect(try await store.download(key: "empty/file", size: 0, to: directory + "/back").size == 0)
                    #expect(try contents(directory + "/back") == [])
                }
            }
        }
    }

    @Test func `is downloaded in ranges, and gone on with where that stopped`() async throws {
        try await SeaweedServer.with { port in
            try await withStore(testAddress(port)) { store in
                try await withDirectory { directory in
                    let bytes = randomBytes((6 << 20) + 17)
                    try write(bytes, to: directory + "/file")
                    _ = try await store.upload(file: directory + "/file", key: "down/file")
                    let target = directory + "/back"
                    #expect(
                        try await store.download(key: "down/file", size: Int64(bytes.count), to: target).reused == 0)
                    #expect(try contents(target) == bytes)
                    #expect((try? contents(target + ".ranges")) == nil)

                    // As after a kill: some ranges are there and recorded, the others are holes.
                    let info = try await store.head(key: "down/file")
                    let plan = DownloadPlan(size: info.size, entityTag: info.entityTag, rangeSize: 1 << 20)
                    var record = RangeRecord(plan: plan)
                    for index in [0, 6] { record.add(index) }
                    try RecordPlace(beside: target).write(record)
                    var holed = bytes
                    for index in (1 << 20)..<(6 << 20) { holed[index] = 0 }
                    try write(holed, to: target)
                    let resumed = try await store.download(key: "down/file", size: Int64(bytes.count), to: target)
                    #expect(resumed.reused == (1 << 20) + 17)
                    #expect(try contents(target) == bytes)

                    // Another object under the same key: nothing of the old one is kept.
                    try RecordPlace(beside: target).write(record)
                    try write(randomBytes(bytes.count, seed: 5), to: directory + "/file")
                    _ = try await store.upload(file: directory + "/file", key: "down/file")
                    #expect(
                        try await store.download(key: "down/file", size: Int64(bytes.count), to: target).reused == 0)
                    #expect(try contents(target) == randomBytes(bytes.count, seed: 5))
                }
            }
        }
    }

    @Test func `is no place for files that are none`() async throws {
        try await withStore(testAddress(1)) { store in
            #expect(await kind { _ = try await store.upload(file: "/dev/null", key: "k") } == .file)
            #expect(await kind { _ = try await store.upload(file: "/", key: "k") } == .file)
            #expect(await kind { _ = try await store.upload(file: "/nowhere/to/be/found", key: "k") } == .file)
            #expect(await kind { _ = try await store.upload(file: "/etc/hostname", key: "a/../b") } == .address)
        }
    }
}
