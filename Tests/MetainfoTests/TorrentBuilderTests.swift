import Bencode
import Metainfo
import Testing

@Suite struct TorrentBuilderTests {
    @Test func `the same input gives the same bytes whatever its order`() throws {
        for version in Info.Version.allCases {
            let torrent = try Sample.directory(version)
            let shuffled = try Sample.directory(version, files: Sample.files.reversed())
            #expect(torrent.encode() == shuffled.encode())
        }
    }

    /// Computed by libtorrent 2.0.8 (`create_torrent` with v1_only, v2_only, canonical_files_no_tail_padding).
    @Test(arguments: LibtorrentHashes.all)
    func `info hashes are those that libtorrent gives the same content`(_ known: LibtorrentHashes) throws {
        let torrent = try known.isSingle ? Sample.single(known.version) : Sample.directory(known.version)
        #expect(torrent.info.hashes.v1?.hex == known.v1)
        #expect(torrent.info.hashes.v2?.hex == known.v2)
    }

    @Test(arguments: Info.Version.allCases)
    func `what is built reads back`(_ version: Info.Version) throws {
        let torrent = try Sample.directory(version) {
            $0.isPrivate = true
            $0.trackers = [["http://a/", "http://b/"], ["udp://c:1"]]
            $0.webSeeds = ["http://w/"]
            $0.comment = "ü"
            $0.createdBy = "us"
            $0.creationDate = 1_700_000_000
            $0.source = "S"
        }
        let bytes = torrent.encode()
        let back = try Torrent.parse(bytes)
        #expect(back.encode() == bytes)
        #expect(back.info.layout == torrent.info.layout)
        #expect(back.info.hashes == torrent.info.hashes)
        #expect(back.info.isPrivate && back.info.source == "S" && !back.info.isSingleFile)
        #expect(back.trackers == [["http://a/", "http://b/"], ["udp://c:1"]] && back.webSeeds == ["http://w/"])
        #expect(back.comment == "ü" && back.createdBy == "us" && back.creationDate == 1_700_000_000)
        #expect(back.pieceLayers == torrent.pieceLayers)
        #expect(back.info.layout.files.filter(\.isExecutable).map(\.path.display) == ["b.bin"])
        let strict = BencodeLimits(maxBytes: 1 << 20, maxTokens: 10_000, maxDepth: 20, requiresSortedKeys: true)
        #expect(throws: Never.self) { try Bencode.decode(bytes, limits: strict) }
    }

    @Test func `the layout of the builder is that of the torrent`() throws {
        for version in Info.Version.allCases {
            let files = Sample.files.compactMap { file in
                (try? SafePath(file.path)).map {
                    TorrentBuilder.File(path: $0, length: Int64(file.length), isExecutable: file.isExecutable)
                }
            }
            let builder = try TorrentBuilder(
                name: try PathComponent("d"), files: files, pieceLength: Sample.pieceLength, version: version)
            let layout = try Sample.directory(version).info.layout
            #expect(builder.layout.files.map(\.path) == layout.files.map(\.path))
            #expect(builder.layout.files.map(\.offset) == layout.files.map(\.offset))
            #expect(builder.layout.pieceCount == layout.pieceCount)
        }
    }

    @Test func `hybrids pad before each file that would not start a piece`() throws {
        let layout = try Sample.directory(.hybrid).info.layout
        #expect(
            layout.files.map(\.path.display) == [
                "a.bin", ".pad/31072", "b.bin", "empty", ".pad/25536", "sub/c.bin", ".pad/28304", "sub/d.txt",
                ".pad/32758", "sub.bin",
            ])
        #expect(layout.files.filter(\.isPadding).map(\.path.display).allSatisfy { $0.hasPrefix(".pad/") })
        #expect(try Sample.directory(.v1).info.layout.files.allSatisfy { !$0.isPadding })
    }

    @Test func `editing leaves the info dictionary alone`() throws {
        let info = "d12:piece lengthi16384e4:name1:a6:lengthi1e6:pieces20:aaaaaaaaaaaaaaaaaaaae"
        var torrent = try Torrent.parse(Array("d4:info\(info)e".utf8))
        torrent.trackers = [["http://a/"], ["http://b/"]]
        torrent.webSeeds = ["http://w/"]
        let back = try Torrent.parse(torrent.encode())
        #expect(back.info.bytes == Array(info.utf8))
        #expect(back.trackers == torrent.trackers)
        #expect(back.webSeeds == torrent.webSeeds)
    }

    @Test func `what a torrent cannot hold is an error`() throws {
        let name = try PathComponent("d")
        func build(_ paths: [String], _ version: Info.Version, length: Int64 = 1, pieceLength: Int = 16384) throws {
            let files = try paths.map { TorrentBuilder.File(path: try SafePath($0), length: length) }
            _ = try TorrentBuilder(name: name, files: files, pieceLength: pieceLength, version: version)
        }
        #expect(throws: MetainfoError.duplicatePath("a")) { try build(["a", "b", "a"], .hybrid) }
        #expect(throws: MetainfoError.fileIsDirectory("a")) { try build(["a/b", "a"], .v1) }
        #expect(throws: MetainfoError.self) { try build([".pad/12"], .hybrid) }
        #expect(throws: Never.self) { try build([".pad/12"], .v2) }
        #expect(throws: MetainfoError.self) { try build(["d"], .v2) }
        #expect(throws: Never.self) { try build(["d"], .hybrid) }
        #expect(throws: MetainfoError.noContent) { try build(["a"], .v1, length: 0) }
        #expect(throws: MetainfoError.noContent) { try build([], .v1) }
        #expect(throws: MetainfoError.self) { try build(["a"], .v1, length: -1) }
        #expect(throws: MetainfoError.contentTooLarge) { try build(["a", "b"], .hybrid, length: .max) }
        #expect(throws: MetainfoError.badPieceLength(20_000)) { try build(["a"], .v2, pieceLength: 20_000) }
        #expect(throws: MetainfoError.badPieceLength(0)) { try build(["a"], .v1, pieceLength: 0) }
    }

    @Test func `hashes that are missing or wrong are an error`() throws {
        let builder = try TorrentBuilder(
            name: try PathComponent("x"), length: 40_000, pieceLength: 16384, version: .hybrid)
        #expect(throws: MetainfoError.self) { try builder.build() }
        #expect(throws: MetainfoError.self) { try builder.build(v1: [UInt8](repeating: 0, count: 60)) }
        #expect(throws: MetainfoError.wrongPieceLayer("the file")) {
            try builder.build(v1: [UInt8](repeating: 0, count: 60), v2: [0: .init(root: .zero, pieceLayer: [])])
        }
    }
}

extension TorrentBuilderTests {
    @Test(arguments: Info.Version.allCases)
    func `the info of a built torrent is what reading it gives`(_ version: Info.Version) throws {
        for torrent in [try Sample.directory(version), try Sample.single(version) { $0.isPrivate = true }] {
            let read = try Info.parse(torrent.info.bytes)
            #expect(read.layout == torrent.info.layout)
            #expect(read.hashes == torrent.info.hashes)
            #expect(read.v1PieceHashes == torrent.info.v1PieceHashes)
            #expect(read.name == torrent.info.name && read.version == torrent.info.version)
            #expect(read.isSingleFile == torrent.info.isSingleFile && read.isPrivate == torrent.info.isPrivate)
        }
    }
}
