import Bencode
import Hashing
import Metainfo
import Testing

/// What is accepted although it is odd.
@Suite struct LenienceTests {
    private func changed(_ version: Info.Version, _ path: String, _ value: BencodeValue?) throws -> Torrent {
        let decoded = try Bencode.decode(try Sample.directory(version).encode())
        let components = path.split(separator: "|", omittingEmptySubsequences: false).map(String.init)
        return try Torrent.parse(Bencode.encode(decoded.replacing(components, with: value)))
    }

    @Test func `the info hash is of the bytes as received`() throws {
        let info = "d12:piece lengthi16384e4:name1:a6:lengthi1e6:pieces20:aaaaaaaaaaaaaaaaaaaae"
        let text = "d4:info\(info)8:announce9:udp://a:1e"
        let torrent = try Torrent.parse(Array(text.utf8))
        #expect(torrent.info.hashes.v1 == SHA1.digest(Array(info.utf8)))
        #expect(torrent.info.bytes == Array(info.utf8))
        #expect(String(decoding: torrent.encode(), as: UTF8.self) == text)
        #expect(torrent.pieceHashes.v1(PieceIndex(unchecked: 0))?.bytes == Array("aaaaaaaaaaaaaaaaaaaa".utf8))
    }

    @Test(arguments: [BencodeValue?.none, "x", [:]], [Info.Version.v2, .hybrid])
    func `piece layers that are missing come from peers`(value: BencodeValue?, version: Info.Version) throws {
        let whole = try Sample.directory(version)
        let torrent = try changed(version, "piece layers", value)
        #expect(torrent.pieceLayers.count == 0)
        #expect(torrent.pieceHashes.filesMissingLayers.count == whole.pieceLayers.count)
        #expect(torrent.info.hashes == whole.info.hashes)
        #expect(torrent.problems().contains { $0.kind == .missingPieceLayers })
        var given = torrent.pieceHashes
        for file in given.filesMissingLayers {
            let root = try #require(torrent.info.layout.files[file].piecesRoot)
            try given.add(layer: Array(try #require(whole.pieceLayers[root])), ofFile: file)
        }
        #expect(given.filesMissingLayers.isEmpty && given.knownLayers == whole.pieceLayers)
    }

    @Test func `names that are not UTF-8 are kept as bytes`() throws {
        let name: [UInt8] = [0x66, 0xe9, 0xff]
        let torrent = try changed(.v1, "info|files|0|path", [.data(name)])
        #expect(torrent.info.layout.files[0].path.bytes == name)
        #expect(torrent.info.layout.files[0].path.display == "f\\xe9\\xff")
        #expect(torrent.problems().contains { $0.kind == .notUTF8 })
    }

    @Test(arguments: Info.Version.allCases)
    func `where only the UTF-8 name is there it is the name`(_ version: Info.Version) throws {
        let bare = try Bencode.decode(try Sample.directory(version).encode())
        let named = bare.replacing(["info", "name"], with: nil).replacing(["info", "name.utf-8"], with: "d")
        #expect(try Torrent.parse(Bencode.encode(named)).info.name.display == "d")
        guard version.hasV1 else { return }
        let path = ["info", "files", "0"]
        let moved = bare.replacing(path + ["path"], with: nil).replacing(path + ["path.utf-8"], with: ["a.bin"])
        #expect(try Torrent.parse(Bencode.encode(moved)).info.layout.files[0].path.display == "a.bin")
    }

    @Test(arguments: [Info.Version.v2, .hybrid])
    func `a pieces root of an empty file says nothing`(_ version: Info.Version) throws {
        for root: BencodeValue in ["", 0, .data([UInt8](repeating: 0, count: 32)), .data([1, 2])] {
            let torrent = try changed(version, "info|file tree|empty||pieces root", root)
            let file = try #require(torrent.info.layout.files.first { $0.path.display == "empty" })
            #expect(file.length == 0 && file.piecesRoot == nil)
        }
    }

    @Test func `UTF-8 keys win in v1 and count for nothing in hybrids`() throws {
        #expect(try changed(.v1, "info|name.utf-8", "ü").info.name.display == "ü")
        #expect(try changed(.v1, "info|files|0|path.utf-8", ["x", "ü"]).info.layout.files[0].path.display == "x/ü")
        #expect(try changed(.hybrid, "info|name.utf-8", "ü").info.name.display == "d")
        #expect(try changed(.hybrid, "info|files|0|path.utf-8", ["ü"]).info.layout.files[0].path.display == "a.bin")
    }

    @Test(arguments: [
        "a\\b", "aux.c", "con", "dots...", "trailing ", "CaSe", "\u{202e}gpj.exe", "tab\t", "-rf", "~", "...",
    ])
    func `names that Linux holds are accepted`(_ name: String) throws {
        #expect(try changed(.v1, "info|name", .string(name)).info.name.string == name)
        #expect(try changed(.v1, "info|files|0|path", [.string(name)]).info.layout.files[0].path.string == name)
    }

    @Test func `names that differ only in case or normalisation are two files`() throws {
        let files = ["xt_MARK.h", "xt_mark.h", "\u{e9}", "e\u{301}"].map { Sample.File(path: $0, length: 5) }
        for version in Info.Version.allCases {
            let torrent = try Sample.directory(version, files: files)
            #expect(torrent.info.layout.files.filter { !$0.isPadding }.count == 4)
            #expect(torrent.problems().filter { $0.kind == .nameCollision }.count == 2)
        }
    }

    @Test(arguments: [["_____padding_file_0_if you see this file"], [".pad", "31072"]])
    func `old padding conventions are padding`(_ path: [String]) throws {
        let decoded = try Bencode.decode(try Sample.directory(.hybrid).encode())
        let bytes = Bencode.encode(
            decoded.replacing(
                ["info", "files", "1"], with: ["length": 31072, "path": .list(path.map(BencodeValue.string))]))
        #expect(try Torrent.parse(bytes).info.layout.files[1].isPadding)
    }

    @Test func `padding names may repeat`() throws {
        #expect(try changed(.hybrid, "info|files|4|path", [".pad", "31072"]).info.layout.files[4].isPadding)
    }

    @Test func `padding after the last file is accepted if it makes no piece`() throws {
        // Some libtorrent versions write it.
        let files = [Sample.File(path: "a", length: 32768), Sample.File(path: "b", length: 100)]
        let decoded = try Bencode.decode(try Sample.directory(.hybrid, files: files).encode())
        let list = try #require(decoded.dictionaryValue?["info"]?.dictionaryValue?["files"]?.listValue)
        let pad: BencodeValue = ["attr": "p", "length": 32668, "path": [".pad", "32668"]]
        let torrent = try Torrent.parse(
            Bencode.encode(decoded.replacing(["info", "files"], with: .list(list + [pad]))))
        #expect(torrent.info.layout.pieceCount == 2)
        #expect(torrent.info.layout.length(of: PieceIndex(unchecked: 1)) == 32768)
        #expect(torrent.info.layout.totalLength == 32868)
    }

    @Test func `unknown keys are kept outside the info dictionary`() throws {
        let torrent = try changed(.v1, "x-extra", ["deep": 1])
        #expect(try Bencode.decode(torrent.encode()).dictionaryValue?["x-extra"] == ["deep": 1])
    }

    @Test func `trackers come as tiers or flat or single`() throws {
        func trackers(_ announce: BencodeValue?, _ list: BencodeValue?) throws -> [[String]] {
            let decoded = try Bencode.decode(try Sample.single(.v1).encode())
            return try Torrent.parse(
                Bencode.encode(decoded.replacing(["announce"], with: announce).replacing(["announce-list"], with: list))
            ).trackers
        }
        #expect(try trackers("http://a/", nil) == [["http://a/"]])
        #expect(
            try trackers("http://a/", [["http://b/", "http://c/"], ["udp://d:1"]]) == [
                ["http://b/", "http://c/"], ["udp://d:1"],
            ])
        #expect(try trackers("http://a/", ["http://b/", "http://c/"]) == [["http://b/"], ["http://c/"]])
        #expect(try trackers(" http://a/\n", [[], [""], [1]]) == [["http://a/"]])
        #expect(try trackers(nil, [["http://b/", "http://b/"], ["http://b/"]]) == [["http://b/"]])
    }

    @Test func `web seeds come as list or string`() throws {
        let decoded = try Bencode.decode(try Sample.single(.v1).encode())
        let one = try Torrent.parse(Bencode.encode(decoded.replacing(["url-list"], with: "http://w/x y")))
        #expect(one.webSeeds == ["http://w/x%20y"])
        let two = try Torrent.parse(Bencode.encode(decoded.replacing(["url-list"], with: "http://w/")))
        #expect(two.webSeeds == ["http://w/"])
        let list = try Torrent.parse(
            Bencode.encode(decoded.replacing(["url-list"], with: ["http://w/", "http://v/", 3])))
        #expect(list.webSeeds == ["http://w/", "http://v/"])
    }
}
