import Authoring
import Glibc
import Hashing
import Metainfo
import TestSupport
import Testing
import Text

@Suite struct VerifyTests {
    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    private static let piece = 16384

    /// Four files, of which b, c and (v1) a share pieces with their neighbours.
    private func make(_ version: Info.Version) async throws -> Torrent {
        var random = SeededGenerator(seed: 11)
        try directory.write("tree/a", random.bytes(3 * Self.piece))
        try directory.write("tree/b", random.bytes(Self.piece / 2))
        try directory.write("tree/c", random.bytes(4 * Self.piece))
        try directory.write("tree/d/empty", [])
        let content = try ContentScanner.scan(directory.path("tree"))
        return try await TorrentMaker(
            content, options: TorrentOptions(version: version, pieceLength: Self.piece)
        ).make()
    }

    private func verify(_ torrent: Torrent, at path: String? = nil) async throws -> VerifyReport {
        try await ContentVerifier(
            info: torrent.info, hashes: torrent.pieceHashes, path: path ?? directory.path("tree")
        ).verify()
    }

    /// The verdicts of the files that are no padding, by name.
    private func verdicts(_ torrent: Torrent, _ report: VerifyReport) -> [String: FileVerdict] {
        var verdicts: [String: FileVerdict] = [:]
        for (file, verdict) in zip(torrent.info.layout.files, report.files) where !file.isPadding {
            verdicts[file.path.string ?? "?"] = verdict
        }
        return verdicts
    }

    @Test(arguments: Info.Version.allCases)
    func `untouched content is complete`(version: Info.Version) async throws {
        let torrent = try await make(version)
        let report = try await verify(torrent)
        #expect(report.isComplete)
        #expect(report.right.isFull)
    }

    @Test(arguments: [1, 5 * piece, 9 * piece + 77, 3 << 20]) func `a blob is held against its chain`(
        length: Int
    ) async throws {
        var random = SeededGenerator(seed: 3)
        var bytes = random.bytes(length)
        // A hole, where the file system makes one.
        if length > 6 * Self.piece {
            bytes.replaceSubrange(Self.piece..<3 * Self.piece, with: repeatElement(0, count: 2 * Self.piece))
        }
        let pieces = stride(from: 0, to: length, by: Self.piece).map { Array(bytes[$0..<min($0 + Self.piece, length)]) }
        var stream = SHA256Stream()
        let states = pieces.dropLast().flatMap { piece in
            stream.update(piece)
            return stream.state?.bytes ?? []
        }
        let blob = try BlobInfo(
            digest: SHA256.digest(bytes), length: Int64(length), pieceLength: Self.piece,
            pieces: [UInt8](repeating: 9, count: 20 * pieces.count), states: states)
        let torrent = Torrent(info: blob.info)
        try directory.write("blob", bytes)
        let right = try await verify(torrent, at: directory.path("blob"))
        #expect(right.isComplete && right.right.isFull)
        bytes[length / 2] ^= 1
        try directory.write("blob", bytes)
        let wrong = try await verify(torrent, at: directory.path("blob"))
        #expect(wrong.files == [.corrupt(pieces: [PieceIndex(unchecked: length / 2 / Self.piece)])])
        #expect(wrong.right.count == pieces.count - 1)
        try directory.write("blob", Array(bytes.dropLast()))
        let short = try await verify(torrent, at: directory.path("blob"))
        #expect(short.files == [.wrongSize(expected: Int64(length), found: Int64(length - 1))])
    }

    @Test func `where piece layers are missing the files' roots tell right from wrong`() async throws {
        var torrent = try await make(.v2)
        torrent.pieceLayers = PieceLayers()
        let report = try await verify(torrent)
        #expect(report.isComplete && report.right.isFull)
        let descriptor = open(directory.path("tree/c"), O_RDWR)
        var byte: UInt8 = 0
        pread(descriptor, &byte, 1, 100)
        byte ^= 1
        pwrite(descriptor, &byte, 1, 100)
        close(descriptor)
        let found = verdicts(torrent, try await verify(torrent))
        #expect(found["a"] == .ok && found["b"] == .ok)
        guard case .corrupt(let pieces) = found["c"] else { throw Unexpected() }
        #expect(pieces.count == 4)
    }

    private struct Unexpected: Error {}

    @Test(arguments: Info.Version.allCases)
    func `a flipped bit is found in its piece alone`(version: Info.Version) async throws {
        let torrent = try await make(version)
        let index = try #require(torrent.info.layout.files.firstIndex { $0.path.string == "c" })
        let offset = 2 * Self.piece + 100
        let wrong = Int((torrent.info.layout.files[index].offset + Int64(offset)) / Int64(Self.piece))
        let descriptor = open(directory.path("tree/c"), O_RDWR)
        var byte: UInt8 = 0
        pread(descriptor, &byte, 1, offset)
        byte ^= 1
        pwrite(descriptor, &byte, 1, offset)
        close(descriptor)
        let report = try await verify(torrent)
        let found = verdicts(torrent, report)
        #expect(found["c"] == .corrupt(pieces: [PieceIndex(unchecked: wrong)]))
        #expect(found["a"] == .ok)
        #expect(found["b"] == .ok)
        #expect(report.right.count == torrent.info.layout.pieceCount - 1)
        #expect(!report.right.contains(wrong))
        #expect(!report.isComplete)
    }

    @Test(arguments: Info.Version.allCases)
    func `a missing file costs its pieces only`(version: Info.Version) async throws {
        let torrent = try await make(version)
        unlink(directory.path("tree/b"))
        let report = try await verify(torrent)
        let found = verdicts(torrent, report)
        #expect(found["b"] == .missing)
        #expect(found["a"] == .ok)
        // In v1 the first piece of c begins in b.
        #expect(found["c"] == (version == .v1 ? .unverifiable(pieces: [PieceIndex(unchecked: 3)]) : .ok))
        #expect(found["d/empty"] == .ok)
        #expect(report.right.count == torrent.info.layout.pieceCount - 1)
    }

    @Test func `what is there of a short file is still used`() async throws {
        let torrent = try await make(.hybrid)
        truncate(directory.path("tree/c"), 2 * Self.piece + 5)
        let report = try await verify(torrent)
        let expected = FileVerdict.wrongSize(expected: Int64(4 * Self.piece), found: Int64(2 * Self.piece + 5))
        #expect(verdicts(torrent, report)["c"] == expected)
        #expect(report.right.count == torrent.info.layout.pieceCount - 2)
    }

    @Test func `a file that is too long is wrong and its pieces are right`() async throws {
        let torrent = try await make(.v1)
        truncate(directory.path("tree/d/empty"), 3)
        let report = try await verify(torrent)
        #expect(verdicts(torrent, report)["d/empty"] == .wrongSize(expected: 0, found: 3))
        #expect(report.right.isFull)
        #expect(!report.isComplete)
    }

    @Test func `directories and pipes in a file's place are no files`() async throws {
        let torrent = try await make(.v2)
        unlink(directory.path("tree/a"))
        unlink(directory.path("tree/b"))
        mkdir(directory.path("tree/a"), 0o755)
        mkfifo(directory.path("tree/b"), 0o644)
        let found = verdicts(torrent, try await verify(torrent))
        #expect(found["a"] == .notAFile)
        #expect(found["b"] == .notAFile)
        #expect(found["c"] == .ok)
    }

    @Test func `nothing at all is all missing`() async throws {
        let torrent = try await make(.hybrid)
        let report = try await verify(torrent, at: directory.path("nowhere"))
        #expect(report.right.isEmpty)
        #expect(verdicts(torrent, report).values.allSatisfy { $0 == .missing })
    }

    @Test func `a hole where content should be is corrupt`() async throws {
        let torrent = try await make(.v2)
        unlink(directory.path("tree/a"))
        try directory.makeSparse("tree/a", size: 3 * Self.piece)
        let found = verdicts(torrent, try await verify(torrent))
        #expect(found["a"] == .corrupt(pieces: (0..<3).map { PieceIndex(unchecked: $0) }))
    }

    @Test func `the content is found in the directory around it`() async throws {
        let torrent = try await make(.v1)
        let tree = directory.path("tree")
        #expect(ContentVerifier.contentPath(for: torrent.info, at: tree) == tree)
        #expect(ContentVerifier.contentPath(for: torrent.info, at: directory.path) == tree)
        #expect(ContentVerifier.contentPath(for: torrent.info, at: directory.path("no")) == directory.path("no"))
        // A directory of the same name inside is part of the content, not the content.
        try directory.makeDirectory("tree/tree")
        #expect(ContentVerifier.contentPath(for: torrent.info, at: tree) == tree)
    }

    @Test func `cancelling the task ends the check`() async throws {
        let torrent = try await make(.v1)
        let verifier = ContentVerifier(
            info: torrent.info, hashes: torrent.pieceHashes, path: directory.path("tree"))
        let task = Task { () async -> AuthoringError? in
            withUnsafeCurrentTask { $0?.cancel() }
            do throws(AuthoringError) {
                _ = try await verifier.verify()
                return nil
            } catch {
                return error
            }
        }
        #expect(await task.value == .cancelled)
    }
}
