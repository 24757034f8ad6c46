import Authoring
import BFT
import Foundation
import Glibc
import Hashing
import Jobs
import Metainfo
import Node
import Policy
import Synchronization
import TestFileLayers
import TestSupport
import Testing

@Suite("Torrents of a content")
struct ContentTorrentsTests {
    private func make(_ place: TemporaryDirectory, _ version: Info.Version, share: [Int]?) throws -> ContentTorrents {
        ContentTorrents(
            content: try ContentScanner.scan(place.path + "/film"), version: version, tracker: "http://t/announce",
            shareFiles: share, known: [:])
    }

    private func place() throws -> TemporaryDirectory {
        let place = try TemporaryDirectory()
        // Sizes around the piece length, 256 KiB: files that share pieces, that end with one, that are empty.
        for (index, size) in [100, 262_144, 700_001, 0, 262_143, 1, 524_288, 999_999].enumerated() {
            try place.write("film/\(index)/f\(index)", randomBytes(size, seed: UInt64(index)))
        }
        return place
    }

    @Test(arguments: [Info.Version.v1, .hybrid, .v2], [nil, [0, 1, 2], [2, 5, 7], Array(0..<8)] as [[Int]?])
    func `One reading gives the same torrents as swoop create, and every file's digest`(
        version: Info.Version, share: [Int]?
    ) async throws {
        let place = try place()
        let result = try await make(place, version, share: share).make()
        var options = TorrentOptions(version: version)
        options.trackers = [["http://t/announce"]]
        let content = try ContentScanner.scan(place.path + "/film")
        let expected = try await TorrentMaker(content, options: options).make()
        #expect(result.full.encode() == expected.encode())
        for (index, digest) in result.digests.enumerated() {
            let path = "film/" + String(decoding: content.files[index].path.bytes, as: UTF8.self)
            #expect(digest == SHA1.digest(place.read(path) ?? []))
        }
        guard let share, let torrent = result.share else {
            #expect(result.share == nil)
            return
        }
        let copy = try TemporaryDirectory()
        for index in share {
            let path = String(decoding: content.files[index].path.bytes, as: UTF8.self)
            try copy.write("film-tmp/" + path, place.read("film/" + path) ?? [])
        }
        options.pieceLength = result.full.info.layout.pieceLength
        let scanned = try ContentScanner.scan(copy.path + "/film-tmp")
        #expect(torrent.encode() == (try await TorrentMaker(scanned, options: options).make()).encode())
    }

    @Test
    func `Torrents that are there and digests that are known are not made again`() async throws {
        let place = try place()
        let first = try await make(place, .v1, share: [0, 1, 2]).make()
        var again = try make(place, .v1, share: [0, 1, 2])
        again.oldFull = first.full
        again.oldShare = first.share
        again.known = Dictionary(uniqueKeysWithValues: first.digests.enumerated().map { ($0, $1) })
        #expect(again.needsNoReading)
        let second = try await again.make()
        #expect(second.filesRead == 0)
        #expect(second.full.encode() == first.full.encode())
        // The share is cut from the torrent that is there; only what is new of it is read.
        again.oldShare = nil
        #expect(!again.needsNoReading)
        #expect(try await again.make().share?.encode() == first.share?.encode())
        // A torrent of other files does not fit.
        again.oldFull = first.share
        #expect(try await again.make().full.encode() == first.full.encode())
    }
}

@Suite("Busy names")
struct BusyNamesTests {
    @Test
    func `A name is busy until everything about it has ended`() {
        var names = BusyNames()
        names.insert("a")
        names.insert("a")
        names.remove("a")
        #expect(names.contains("a"))
        names.remove("a")
        #expect(!names.contains("a"))
        names.remove("a")
        names.insert("a")
        #expect(names.contains("a"))
    }
}

@Suite("Task directories")
struct TaskDirectoriesTests {
    @Test
    func `Tasks are listed in the order of their arrival, and only files that can be tasks`() async throws {
        let place = try TemporaryDirectory()
        let directories = TaskDirectories(root: place.path)
        try directories.make()
        for name in ["b", "a", "c"] {
            try directories.write([1], .receiver, .tmp, "\(name).task.json")
            try directories.move("\(name).task.json", .receiver, from: .tmp, to: .queues)
            // Until the clock of the file system, which may be a coarse one, has moved on.
            let now = try place.changeTime("receiver/queues/\(name).task.json")
            try await wait(for: "the next tick") {
                try place.write("tick", [1])
                return try place.changeTime("tick") > now
            }
        }
        try place.write("receiver/queues/notes.txt", [1])
        try place.write("receiver/queues/.hidden.task.json", [1])
        try place.write("receiver/queues/dir.task.json/x", [1])
        #expect(directories.list(.receiver, .queues) == ["b.task.json", "a.task.json", "c.task.json"])
        #expect(directories.locate(.receiver, "a.task.json", in: [.downloading, .queues]) == .queues)
        #expect(directories.locate(.receiver, "../queues/a.task.json", in: [.queues]) == nil)
    }

    @Test
    func `A task whose move cannot be synced is in its new state, and the store hears of it`() throws {
        let place = try TemporaryDirectory()
        let layer = FaultyFileLayer()
        let heard = Mutex<[FileFailure]>([])
        let directories = TaskDirectories(root: place.path, layer: layer) { failure in
            heard.withLock { $0.append(failure) }
        }
        try directories.make()
        try directories.write([1], .receiver, .tmp, "x.task.json")
        layer.fail([.synchronize], with: EIO, times: 1)
        try directories.move("x.task.json", .receiver, from: .tmp, to: .queues)
        #expect(directories.locate(.receiver, "x.task.json", in: [.tmp, .queues]) == .queues)
        #expect(heard.withLock { $0.map(\.number) } == [EIO])
        layer.fail([.rename], with: EROFS)
        #expect(throws: FileFailure.self) {
            try directories.move("x.task.json", .receiver, from: .queues, to: .downloading)
        }
        #expect(directories.locate(.receiver, "x.task.json", in: [.queues, .downloading]) == .queues)
        #expect(heard.withLock { $0.count } == 1)
    }

    @Test
    func `What failed has its details beside it`() throws {
        let place = try TemporaryDirectory()
        let directories = TaskDirectories(root: place.path)
        try directories.make()
        try directories.write([1], .sender, .uploading, "x.task.json")
        try directories.fail("x.task.json", .sender, from: .uploading, details: "no keys", suffix: ".obserr")
        #expect(place.names("sender/failed") == ["x.task.json", "x.task.json.obserr"])
        #expect(directories.failure("x.task.json", .sender) == "no keys")
        directories.remove("x.task.json", .sender, from: .failed)
        #expect(place.names("sender/failed").isEmpty)
    }
}
