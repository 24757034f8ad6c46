import Files
import Foundation
import Glibc
import HashLibrary
import Hashing
import TestFileLayers
import TestSupport
import Testing

struct CopyTests {
    private func copy(
        _ from: AbsolutePath, _ to: AbsolutePath, _ sha1: SHA1Digest,
        methods: [LocalCopy.Method] = LocalCopy.Method.allCases,
        layer: any FileLayer = SystemFileLayer(), stop: StopFlag = StopFlag()
    ) throws(LocalCopyError) -> LocalCopy.Method {
        try CopyJob(from: from, to: to, layer: layer, stop: stop, methods: methods, progress: { _ in })
            .run(expecting: sha1)
    }

    private func names(_ path: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: path).sorted()
    }

    @Test(arguments: [[LocalCopy.Method.kernel, .readWrite], [.readWrite]])
    func `copies have the content, under its name alone`(methods: [LocalCopy.Method]) async throws {
        let place = try Place()
        for size in [0, 1, 4096, 3_000_001] {
            let key = try place.put("a", randomBytes(size))
            _ = try copy(try place.at("a"), try place.at("new/dir/b"), key.sha1, methods: methods)
            #expect(FileManager.default.contents(atPath: "\(place.root)/new/dir/b") == Data(randomBytes(size)))
            #expect(try names("\(place.root)/new/dir") == ["b"])
        }
    }

    @Test func `the asynchronous call does the same`() async throws {
        let place = try Place()
        let key = try place.put("a", randomBytes(100_000))
        try await LocalCopy.copy(from: try place.at("a"), to: try place.at("b"), expecting: key.sha1)
        #expect(FileManager.default.contents(atPath: "\(place.root)/b") == Data(randomBytes(100_000)))
    }

    @Test func `other content than expected is not copied, and what was there stays`() throws {
        let place = try Place()
        let key = try place.put("a", "aaaa")
        try place.put("to/b", "before")
        let wrong = SHA1.digest(Array("x".utf8))
        #expect(throws: LocalCopyError.wrongContent(found: key.sha1)) {
            try copy(try place.at("a"), try place.at("to/b"), wrong)
        }
        #expect(FileManager.default.contents(atPath: "\(place.root)/to/b") == Data("before".utf8))
        #expect(try names("\(place.root)/to") == ["b"])
    }

    @Test func `holes stay holes`() throws {
        let place = try Place()
        for methods in [[LocalCopy.Method.kernel], [.readWrite]] {
            try place.put("sparse", randomBytes(10_000))
            #expect(truncate("\(place.root)/sparse", 64 << 20) == 0)
            let key = SHA1.digest(randomBytes(10_000) + [UInt8](repeating: 0, count: 64 << 20 - 10_000))
            _ = try copy(try place.at("sparse"), try place.at("copy"), key, methods: methods)
            var status = stat()
            #expect(stat("\(place.root)/copy", &status) == 0)
            #expect(status.st_size == 64 << 20 && status.st_blocks * 512 < 1 << 20)
        }
    }

    @Test func `links, directories and nothing are no source`() throws {
        let place = try Place()
        let key = try place.put("a", "aaaa")
        symlink("a", "\(place.root)/link")
        try place.makeDirectory("directory")
        for name in ["link", "directory", "nothing"] {
            #expect(throws: LocalCopyError.noSource) { try copy(try place.at(name), try place.at("to/b"), key.sha1) }
        }
    }

    @Test func `whatever fails, nothing is left behind and nothing half is named`() throws {
        let faults: [FaultyFileLayer.Operation] = [.create, .write, .synchronize, .rename, .truncate, .read]
        for fault in faults {
            let place = try Place()
            let key = try place.put("a", randomBytes(3_000_000))
            try place.put("to/b", "before")
            let faulty = FaultyFileLayer()
            faulty.fail([fault], with: ENOSPC)
            #expect(throws: LocalCopyError.self) {
                try copy(try place.at("a"), try place.at("to/b"), key.sha1, methods: [.readWrite], layer: faulty)
            }
            #expect(try names("\(place.root)/to") == ["b"])
            #expect(FileManager.default.contents(atPath: "\(place.root)/to/b") == Data("before".utf8))
        }
    }

    @Test func `where the kernel refuses, bytes are read and written`() throws {
        let place = try Place()
        let key = try place.put("a", randomBytes(3_000_000))
        let faulty = FaultyFileLayer()
        faulty.fail([.clone, .copy], with: EXDEV)
        #expect(try copy(try place.at("a"), try place.at("b"), key.sha1, layer: faulty) == .readWrite)
        #expect(FileManager.default.contents(atPath: "\(place.root)/b") == Data(randomBytes(3_000_000)))
    }

    @Test func `stopping leaves nothing`() throws {
        let place = try Place()
        let key = try place.put("a", randomBytes(3_000_000))
        let stop = StopFlag()
        stop.set()
        #expect(throws: LocalCopyError.cancelled) {
            try copy(try place.at("a"), try place.at("to/b"), key.sha1, stop: stop)
        }
        #expect(try names("\(place.root)/to").isEmpty)
    }

    @Test func `after power loss a named copy is whole`() throws {
        let memory = MemoryFileLayer()
        try memory.makeDirectories(path: "/d")
        try memory.put(randomBytes(50_000), at: "/d/a")
        let directory = try memory.openDirectory(path: "/d")
        try memory.synchronizeFileSystem(directory)
        let (a, b) = (try #require(AbsolutePath("/d/a")), try #require(AbsolutePath("/d/b")))
        _ = try copy(a, b, SHA1.digest(randomBytes(50_000)), layer: memory)
        memory.crash(.everything)
        #expect(memory.contents(of: "/d/b") == randomBytes(50_000))
    }

    /// Mounts a file system that shares blocks; needs root, loop devices and the tools that make it.
    @Test(arguments: ["btrfs", "xfs"])
    func `blocks are shared where the file system can`(kind: String) async throws {
        guard let mount = try Mount(kind) else { return }
        let place = try Place(mount.path)
        let key = try place.put("a", randomBytes(4_000_000))
        #expect(try copy(try place.at("a"), try place.at("b"), key.sha1) == .reflink)
        #expect(FileManager.default.contents(atPath: "\(place.root)/b") == Data(randomBytes(4_000_000)))
        #expect(throws: LocalCopyError.self) { try copy(try place.at("a"), try place.at("c"), .zero) }
        #expect(try names(place.root) == ["a", "b"])
        // To another file system: not shared, but copied.
        let elsewhere = try Place()
        #expect(try copy(try place.at("a"), try elsewhere.at("b"), key.sha1) != .reflink)
    }
}

/// A file system in a file, mounted while this object lives.
final class Mount {
    let path: String
    private let image: String

    /// Nil where that cannot be done.
    init?(_ kind: String) throws {
        guard geteuid() == 0 else { return nil }
        path = "/tmp/library-mount-\(kind)-\(UInt32.random(in: 0 ... .max))"
        image = path + ".image"
        let size = kind == "xfs" ? 320 : 128
        let steps = [
            ["truncate", "-s", "\(size)M", image], ["mkfs.\(kind)", "-q", image], ["mkdir", path],
            ["mount", "-o", "loop", image, path],
        ]
        for step in steps where !Self.run(step) {
            rmdir(path)
            unlink(image)
            return nil
        }
    }

    deinit {
        _ = Self.run(["umount", "-l", path])
        rmdir(path)
        unlink(image)
    }

    private static func run(_ command: [String]) -> Bool { (try? Command.run(command))?.status == 0 }
}
