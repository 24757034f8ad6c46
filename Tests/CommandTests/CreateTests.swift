import Authoring
import Glibc
import Metainfo
import Testing

@testable import swoop

@Suite("What create and edit write")
struct CreateTests {
    @Test
    func `a torrent inside its own content is the same however often it is made`() async throws {
        let place = try DemoPlace()
        defer { place.remove() }
        let tree = try place.directory("film")
        try TorrentFile.write([UInt8](repeating: 7, count: 100_000), to: tree + "/reel.mxf")
        let torrent = tree + "/film.torrent"
        var hashes: Set<String> = []
        for _ in 0..<3 {
            #expect(await Main.run(["create", tree, "-o", torrent, "--quiet"]) == .done)
            let made = try TorrentFile.read(torrent)
            #expect(made.info.layout.files.map(\.path.display) == ["reel.mxf"])
            hashes.insert(made.info.hashes.identity)
            try TorrentFile.write([1], to: torrent + ".99999.part")
        }
        #expect(hashes.count == 1)
        #expect(await Main.run(["create", torrent, "-o", torrent, "--quiet"]) == .usage)
        #expect(try TorrentFile.read(torrent).info.isSingleFile == false)
    }

    @Test
    func `many small files become v1 unless somebody insists`() async throws {
        let place = try DemoPlace()
        defer { place.remove() }
        let tree = try place.directory("tree")
        for index in 0..<300 { try TorrentFile.write([UInt8](repeating: 1, count: 700), to: "\(tree)/\(index)") }
        let torrent = place.path + "/t.torrent"
        #expect(await Main.run(["create", tree, "-o", torrent, "--quiet"]) == .done)
        #expect(try TorrentFile.read(torrent).info.version == .v1)
        #expect(await Main.run(["create", tree, "-o", torrent, "--quiet", "--format", "hybrid"]) == .done)
        let hybrid = try TorrentFile.read(torrent).info
        #expect(hybrid.version == .hybrid && hybrid.layout.pieceLength == 16 << 10)
        let both = ["--format", "hybrid", "--piece-length", "64KiB"]
        #expect(await Main.run(["create", tree, "-o", torrent, "--quiet"] + both) == .done)
        #expect(try TorrentFile.read(torrent).info.layout.pieceLength == 64 << 10)
    }

    @Test
    func `what create says of its choice is in its JSON too`() throws {
        let choice = FormatChoice(lengths: [Int64](repeating: 700, count: 90_000))
        let text = try #require(choice.reason).text(choice, content: 63_000_000)
        #expect(text.contains("the format is v1") && text.contains("--format hybrid"))
        let smaller = FormatChoice(lengths: [Int64](repeating: 200_000, count: 1000))
        #expect(
            try #require(smaller.reason).text(smaller, content: 200_000_000).contains("pieces of 16.0 KiB are used"))
        let torrent = try Torrent.parse(
            Array("d4:infod6:lengthi1e4:name1:a12:piece lengthi16384e6:pieces20:aaaaaaaaaaaaaaaaaaaaee".utf8))
        #expect(TorrentDescription(torrent, warnings: [text]).json.text.contains("\"warnings\":[\"many small files"))
        #expect(!TorrentDescription(torrent).json.text.contains("\"warnings\""))
    }

    @Test
    func `the help of create says whom the formats shut out and what is chosen`() {
        let help = Swoop.helpMessage(for: CreateCommand.self, columns: 400)
        for words in [
            "aria2 before 1.37 and Transmission before 4.0", "empty dictionary keys", "--format v1",
            "a tenth of the content",
            "down to 16KiB", "--format hybrid insists", "left out when it is written inside PATH",
        ] { #expect(help.contains(words), "\(words)") }
    }

    @Test
    func `edit changes what it was told and no other byte`() async throws {
        let place = try DemoPlace()
        defer { place.remove() }
        let info = "d6:lengthi1e4:name1:a12:piece lengthi16384e6:pieces20:aaaaaaaaaaaaaaaaaaaae"
        let tail = "4:info\(info)5:nodesll1:hi01eee9:httpseedsl8:http://he7:comment3:a\u{7}b1:x3:one1:x3:two"
        try TorrentFile.write(Array("d8:announce9:http://a/\(tail)e\n".utf8), to: place.path + "/old")
        let new = place.path + "/new"
        #expect(
            await Main.run(["edit", place.path + "/old", "-o", new, "--tracker", "http://b/", "--quiet"]) == .done)
        #expect(try TorrentFile.bytes(of: new) == Array("d8:announce9:http://b/\(tail)e".utf8))
        let shown = TorrentDescription(try TorrentFile.read(new)).text
        for word in ["httpseeds", "nodes", "'x'"] { #expect(shown.contains(word), "\(word)") }
    }
}
