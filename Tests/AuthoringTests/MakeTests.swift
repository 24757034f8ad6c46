import Authoring
import Glibc
import Hashing
import Metainfo
import Synchronization
import TestSupport
import Testing
import Text

/// What a torrent's hashes are by the letter of the BEPs, computed from the files in memory, one after the other.
struct Reference {
    var files: [String: [UInt8]]

    /// The bytes that the pieces of `layout` are made of, in order; v2's end with their file.
    func pieces(_ layout: ContentLayout) -> [[UInt8]] {
        layout.pieces.map { piece in
            layout.spans(of: piece).flatMap { span -> [UInt8] in
                guard !span.isPadding else { return [UInt8](repeating: 0, count: span.length) }
                let file = files[layout.files[span.file].path.string ?? ""] ?? []
                return Array(file[Int(span.fileOffset)..<Int(span.fileOffset) + span.length])
            }
        }
    }

    /// A file's root over all its leaves at once, without piece layers in between.
    func root(_ name: String) -> SHA256Digest {
        let leaves = (files[name] ?? []).withUnsafeBytes { MerkleTree.blockHashes($0) }
        return MerkleTree.root(ofLeaves: leaves, leafCount: MerkleTree.width(leaves.count))
    }
}

@Suite struct MakeTests {
    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    /// Nested, empty, executable and strangely named files, sizes around the borders of blocks and pieces.
    private func makeTree(_ random: inout SeededGenerator, in folder: String, reversed: Bool = false) throws
        -> Reference
    {
        let piece = 32768
        let sizes = [0, 1, 16383, 16384, 16385, piece - 1, piece, piece + 1, 2 * piece, 5 * piece + 7, 300_001]
        var files: [String: [UInt8]] = [:]
        for (index, size) in sizes.enumerated() {
            files[["", "sub/", "sub/deep/", "日本/"][index % 4] + "file \(index) é"] = random.bytes(size)
        }
        files["zz last and empty"] = []
        let names = reversed ? files.keys.sorted().reversed() : files.keys.sorted()
        for name in names {
            try directory.write(folder + "/" + name, files[name] ?? [], mode: name.hasSuffix("3 é") ? 0o755 : 0o644)
        }
        return Reference(files: files)
    }

    private func make(
        _ path: String, _ version: Info.Version, pieceLength: Int = 32768, threads: Int = 2, block: Int? = nil
    ) async throws -> Torrent {
        var options = TorrentOptions(version: version, pieceLength: pieceLength)
        options.threads = threads
        var limits = AuthoringLimits.standard
        if let block { limits.blockBytes = block }
        return try await TorrentMaker(try ContentScanner.scan(path), options: options, limits: limits).make()
    }

    @Test(arguments: Info.Version.allCases, [1, 3])
    func `every hash is what the formats say`(version: Info.Version, threads: Int) async throws {
        var random = SeededGenerator(seed: 7)
        let reference = try makeTree(&random, in: "tree")
        for block in [16384, 1 << 20] {
            let torrent = try await make(directory.path("tree"), version, threads: threads, block: block)
            let layout = torrent.info.layout
            let hashes = torrent.pieceHashes
            for (piece, bytes) in zip(layout.pieces, reference.pieces(layout)) {
                if version.hasV1 { #expect(hashes.v1(piece) == SHA1.digest(bytes)) }
                #expect(bytes.withUnsafeBytes { hashes.verify(piece, $0) })
            }
            for file in layout.files where !file.isPadding && file.length > 0 && version.hasV2 {
                #expect(file.piecesRoot == reference.root(file.path.string ?? ""))
            }
            #expect(layout.files.filter(\.isExecutable).map(\.path.string) == ["日本/file 3 é"])
            #expect(
                Set(layout.files.filter { !$0.isPadding }.map { $0.path.string ?? "" }) == Set(reference.files.keys))
            #expect(try Torrent.parse(torrent.encode()).info.hashes == torrent.info.hashes)
        }
    }

    @Test(arguments: Info.Version.allCases)
    func `the same tree made in another order has the same info hash`(version: Info.Version) async throws {
        var first = SeededGenerator(seed: 8)
        var second = SeededGenerator(seed: 8)
        _ = try makeTree(&first, in: "one/tree")
        _ = try makeTree(&second, in: "two/tree", reversed: true)
        let one = try await make(directory.path("one/tree"), version, threads: 1)
        let two = try await make(directory.path("two/tree"), version, threads: 4, block: 16384)
        #expect(one.info.hashes == two.info.hashes)
        #expect(one.encode() == two.encode())
    }

    @Test(arguments: Info.Version.allCases, [1, 16384, 100_000])
    func `a single file becomes a single file torrent`(version: Info.Version, size: Int) async throws {
        var random = SeededGenerator(seed: 9)
        let bytes = random.bytes(size)
        try directory.write("one", bytes)
        let torrent = try await make(directory.path("one"), version, pieceLength: 16384)
        #expect(torrent.info.isSingleFile)
        for (piece, content) in zip(
            torrent.info.layout.pieces, Reference(files: ["": bytes]).pieces(torrent.info.layout))
        {
            #expect(content.withUnsafeBytes { torrent.pieceHashes.verify(piece, $0) })
        }
    }

    @Test(arguments: Info.Version.allCases)
    func `holes hash like the zeros they stand for`(version: Info.Version) async throws {
        let size = 40 * 65536 + 5
        var bytes = [UInt8](repeating: 0, count: size)
        try directory.makeSparse("sparse/hole", size: size)
        try directory.write("solid/hole", bytes)
        let sparse = try await make(directory.path("sparse/hole"), version, pieceLength: 65536)
        let solid = try await make(directory.path("solid/hole"), version, pieceLength: 65536)
        #expect(sparse.info.hashes == solid.info.hashes)
        bytes[70000] = 1
        try directory.write("solid/hole", bytes)
        let other = try await make(directory.path("solid/hole"), version, pieceLength: 65536)
        #expect(other.info.hashes != solid.info.hashes)
    }

    @Test func `a file of more than a hundred gigabytes takes no time and no memory if it is sparse`() async throws {
        try directory.makeSparse("huge", size: 120_000_000_000)
        try directory.write("tail", "the end")
        let torrent = try await make(directory.path, .hybrid, pieceLength: 16 << 20)
        #expect(torrent.info.layout.totalLength == 120_000_000_007)
        #expect(torrent.info.layout.pieceCount == 7154)
    }

    @Test(arguments: ["shorter", "longer", "rewritten", "replaced", "gone", "fifo"])
    func `a file that changed since it was found is an error that names it`(how: String) async throws {
        try directory.write("tree/a", [UInt8](repeating: 1, count: 100_000))
        try directory.write("tree/b", "b")
        let content = try ContentScanner.scan(directory.path("tree"))
        let path = directory.path("tree/a")
        switch how {
        case "shorter": truncate(path, 50_000)
        case "longer": truncate(path, 200_000)
        case "rewritten":
            try directory.write("tree/a", [UInt8](repeating: 2, count: 100_000))
            var times = [timespec(tv_sec: 1, tv_nsec: 0), timespec(tv_sec: 1, tv_nsec: 0)]
            utimensat(AT_FDCWD, path, &times, 0)
        case "replaced":
            try directory.write("other", [UInt8](repeating: 1, count: 100_000))
            rename(directory.path("other"), path)
        case "fifo":
            unlink(path)
            mkfifo(path, 0o644)
        default: unlink(path)
        }
        let maker = try TorrentMaker(content, options: TorrentOptions(version: .hybrid, pieceLength: 16384))
        let error = await #expect(throws: AuthoringError.self) { try await maker.make() }
        switch error {
        case .changedWhileRead(path)?: #expect(how != "gone")
        case .system("open", path, _)?: #expect(how == "gone")
        default: Issue.record("not the file's name: \(String(describing: error))")
        }
    }

    @Test func `a file that changes while it is read is noticed`() async throws {
        try directory.write("a", [UInt8](repeating: 1, count: 4 << 20))
        let path = directory.path("a")
        let maker = try {
            var options = TorrentOptions(version: .v1, pieceLength: 16384)
            options.threads = 1
            var limits = AuthoringLimits.standard
            limits.progressInterval = 0
            return try TorrentMaker(try ContentScanner.scan(path), options: options, limits: limits)
        }()
        let isDone = Mutex(false)
        await #expect(throws: AuthoringError.changedWhileRead(path: path)) {
            _ = try await maker.make { progress in
                guard progress.done > 1 << 20 else { return }
                isDone.withLock { done in
                    guard !done else { return }
                    done = true
                    // Its size stays, and so does every byte that was read before.
                    let descriptor = open(path, O_WRONLY)
                    pwrite(descriptor, "x", 1, 3 << 20)
                    var times = [timespec(tv_sec: 1, tv_nsec: 0), timespec(tv_sec: 1, tv_nsec: 0)]
                    futimens(descriptor, &times)
                    close(descriptor)
                }
            }
        }
    }

    @Test func `progress rises to the total`() async throws {
        try directory.write("a", [UInt8](repeating: 1, count: 1_000_000))
        var limits = AuthoringLimits.standard
        limits.progressInterval = 0
        let seen = Mutex<[HashProgress]>([])
        let maker = try TorrentMaker(
            try ContentScanner.scan(directory.path), options: TorrentOptions(version: .v1, pieceLength: 65536),
            limits: limits)
        _ = try await maker.make { progress in seen.withLock { $0.append(progress) } }
        let done = seen.withLock { $0.map(\.done) }
        #expect(done == done.sorted())
        #expect(done.last == 1_000_000)
        #expect(seen.withLock { $0.allSatisfy { $0.total == 1_000_000 } })
    }

    @Test func `cancelling the task ends the work`() async throws {
        try directory.write("a", [UInt8](repeating: 1, count: 1 << 20))
        let maker = try TorrentMaker(try ContentScanner.scan(directory.path))
        let task = Task { () async -> AuthoringError? in
            // Cancelled before it starts: the work must end by itself without having been done.
            withUnsafeCurrentTask { $0?.cancel() }
            do throws(AuthoringError) {
                _ = try await maker.make()
                return nil
            } catch {
                return error
            }
        }
        #expect(await task.value == .cancelled)
    }

    @Test func `options arrive in the torrent`() async throws {
        try directory.write("a", "content")
        var options = TorrentOptions()
        options.name = try PathComponent("renamed")
        options.isPrivate = true
        options.trackers = [["http://one/announce"], ["udp://two:1"]]
        options.webSeeds = ["http://seed/"]
        options.comment = "a comment"
        let torrent = try await TorrentMaker(try ContentScanner.scan(directory.path), options: options).make()
        #expect(torrent.info.version == .hybrid)
        #expect(torrent.info.name.string == "renamed")
        #expect(torrent.info.isPrivate)
        #expect(torrent.trackers == options.trackers)
        #expect(torrent.webSeeds == options.webSeeds)
        #expect(torrent.comment == "a comment")
        #expect(torrent.creationDate == nil)
    }

    @Test func `a bad piece length is refused`() throws {
        try directory.write("a", "content")
        let content = try ContentScanner.scan(directory.path)
        #expect(throws: AuthoringError.badPieceLength(1000)) {
            try TorrentMaker(content, options: TorrentOptions(version: .v1, pieceLength: 1000))
        }
    }
}
