import Authoring
import Glibc
import Metainfo
import Testing

@testable import swoop

@Suite("A directory of torrents to serve", .timeLimit(.minutes(1)))
struct TorrentDirectoryTests {
    private struct Bench {
        let place: DemoPlace
        let directory: TorrentDirectory

        init() throws {
            place = try DemoPlace()
            _ = try place.directory("torrents")
            directory = TorrentDirectory(place.path + "/torrents", content: place.path + "/content")
            _ = try place.directory("content")
        }

        /// Makes a torrent of a file, which is not in the directory of the content yet.
        func make(_ name: String, _ bytes: [UInt8]) async throws -> [UInt8] {
            let source = try place.directory("source-\(bytes.count)")
            try TorrentFile.write(bytes, to: source + "/" + name)
            let torrent = source + "/torrent"
            #expect(await Main.run(["create", source + "/" + name, "-o", torrent, "--quiet"]) == .done)
            return try TorrentFile.bytes(of: torrent)
        }

        func write(_ bytes: [UInt8], _ name: String) throws {
            try TorrentFile.write(bytes, to: place.path + "/torrents/" + name)
        }

        func bringContent(_ name: String) throws {
            try TorrentFile.write([0], to: place.path + "/content/" + name)
        }
    }

    @Test func `serves a torrent as soon as its content has come, and says once that it is missing`() async throws {
        let bench = try Bench()
        defer { bench.place.remove() }
        try bench.write(try await bench.make("film", [1, 2, 3]), "a.torrent")
        #expect(try bench.directory.refresh().refused.count == 1)
        let again = try bench.directory.refresh()
        #expect(again.refused.isEmpty && again.added == 0)
        try bench.bringContent("film")
        #expect(try bench.directory.refresh().added == 1)
        #expect(bench.directory.count == 1)
        #expect(try bench.directory.refresh().added == 0)
    }

    @Test func `serves a torrent that was half copied when it was first seen`() async throws {
        let bench = try Bench()
        defer { bench.place.remove() }
        try bench.bringContent("film")
        let torrent = try await bench.make("film", [1, 2, 3])
        let path = bench.place.path + "/torrents/a.torrent"
        // In place, as copies are written: the directory does not change with the rest.
        let file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
        defer { close(file) }
        #expect(pwrite(file, torrent, torrent.count / 2, 0) == torrent.count / 2)
        #expect(try bench.directory.refresh().refused.count == 1)
        #expect(pwrite(file, torrent, torrent.count, 0) == torrent.count)
        #expect(try bench.directory.refresh().added == 1)
    }

    @Test func `serves what replaces a torrent under its name, and no longer what it replaced`() async throws {
        let bench = try Bench()
        defer { bench.place.remove() }
        let (old, new) = (try await bench.make("film", [1, 2, 3]), try await bench.make("film", [4, 5, 6, 7]))
        try bench.bringContent("film")
        try bench.write(old, "a.torrent")
        #expect(try bench.directory.refresh().added == 1)
        let hashes = try [old, new].map { try #require(try Torrent.parse($0).info.hashes.wire.first) }
        #expect(bench.directory.mayHave(hashes[0]))
        try bench.write(new, "a.torrent")
        // Even before it is seen.
        #expect(try bench.directory.open(hashes[0]) == nil)
        let changes = try bench.directory.refresh()
        #expect(changes.added == 1 && changes.removed == 1)
        #expect(!bench.directory.mayHave(hashes[0]) && bench.directory.mayHave(hashes[1]))
        #expect(try bench.directory.open(hashes[1]) != nil)
    }
}
