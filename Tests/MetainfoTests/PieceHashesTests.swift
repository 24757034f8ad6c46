import Hashing
import Metainfo
import Testing

@Suite struct PieceHashesTests {
    private func verify(_ hashes: PieceHashes, _ pieces: [(PieceIndex, [UInt8])]) -> [Bool] {
        var batch: [(PieceIndex, UnsafeRawBufferPointer)] = []
        // Copies that live until the end of the call; freed below.
        for (piece, bytes) in pieces {
            let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 16)
            copy.copyBytes(from: bytes)
            batch.append((piece, UnsafeRawBufferPointer(copy)))
        }
        defer { for (_, copy) in batch { copy.deallocate() } }
        return hashes.verify(batch)
    }

    @Test(arguments: Info.Version.allCases)
    func `right pieces pass and wrong ones do not`(_ version: Info.Version) throws {
        for torrent in [
            try Sample.directory(version), try Sample.single(version), try Sample.single(version, length: 5),
        ] {
            let layout = torrent.info.layout
            var pieces = layout.pieces.map { ($0, Sample.content(of: $0, in: layout)) }
            #expect(verify(torrent.pieceHashes, pieces) == [Bool](repeating: true, count: pieces.count))
            #expect(pieces.allSatisfy { verify(torrent.pieceHashes, [$0]) == [true] })
            for index in pieces.indices {
                pieces[index].1[pieces[index].1.count / 2] ^= 0x10
                var expected = [Bool](repeating: true, count: pieces.count)
                expected[index] = false
                #expect(verify(torrent.pieceHashes, pieces) == expected)
                pieces[index].1[pieces[index].1.count / 2] ^= 0x10
            }
            #expect(verify(torrent.pieceHashes, [(pieces[0].0, Array(pieces[0].1.dropLast()))]) == [false])
            #expect(verify(torrent.pieceHashes, [(pieces[0].0, pieces[0].1 + [0])]) == [false])
            #expect(verify(torrent.pieceHashes, [(pieces[0].0, [])]) == [false])
            #expect(verify(torrent.pieceHashes, [(PieceIndex(unchecked: layout.pieceCount), pieces[0].1)]) == [false])
            #expect(verify(torrent.pieceHashes, [(PieceIndex(unchecked: -1), pieces[0].1)]) == [false])
        }
    }

    @Test func `non-zero padding fails in a hybrid`() throws {
        let torrent = try Sample.directory(.hybrid)
        let piece = torrent.info.layout.pieces[3]
        var bytes = Sample.content(of: piece, in: torrent.info.layout)
        bytes[bytes.count - 1] = 1
        #expect(verify(torrent.pieceHashes, [(piece, bytes)]) == [false])
    }

    @Test func `both halves of a hybrid must agree`() throws {
        // v1 hashes of other content than the v2 half: no content satisfies both.
        let good = try Sample.single(.hybrid, length: 20_000)
        var builder = try TorrentBuilder(
            name: good.info.name, length: 20_000, pieceLength: Sample.pieceLength, version: .hybrid)
        builder.comment = "v1 half wrong"
        let root = try #require(good.info.layout.files[0].piecesRoot)
        let torrent = try builder.build(v1: [UInt8](repeating: 9, count: 20), v2: [0: .init(root: root)])
        let piece = torrent.info.layout.pieces[0]
        let content = Sample.content(of: piece, in: torrent.info.layout)
        #expect(verify(good.pieceHashes, [(piece, content)]) == [true])
        #expect(verify(torrent.pieceHashes, [(piece, content)]) == [false])
        let otherRoot = try builder.build(
            v1: SHA1.digest(content).bytes, v2: [0: .init(root: SHA256.digest(content))])
        #expect(verify(otherRoot.pieceHashes, [(piece, content)]) == [false])
    }

    @Test func `layers of a magnet come later`() throws {
        let torrent = try Sample.directory(.v2)
        let layout = torrent.info.layout
        var hashes = PieceHashes(info: torrent.info)
        // a.bin, b.bin, sub/c.bin are longer than a piece.
        #expect(hashes.filesMissingLayers.map { layout.files[$0].path.display } == ["a.bin", "b.bin", "sub/c.bin"])
        #expect(!hashes.canVerify(layout.pieces[0]))
        #expect(hashes.v2(layout.pieces[0]) == nil)
        let last = layout.pieces[layout.pieceCount - 1]
        #expect(hashes.canVerify(last))

        let file = hashes.filesMissingLayers[0]
        let root = try #require(layout.files[file].piecesRoot)
        let layer = Array(try #require(torrent.pieceLayers[root]))
        #expect(throws: MetainfoError.self) { try hashes.add(layer: Array(layer.reversed()), ofFile: file) }
        #expect(throws: MetainfoError.self) { try hashes.add(layer: Array(layer.dropLast(32)), ofFile: file) }
        #expect(!hashes.canVerify(layout.pieces[0]))
        try hashes.add(layer: layer, ofFile: file)
        #expect(hashes.filesMissingLayers.count == 2)
        #expect(verify(hashes, [(layout.pieces[0], Sample.content(of: layout.pieces[0], in: layout))]) == [true])
        #expect(hashes.knownLayers.count == 1)
    }

    @Test func `a hybrid from a magnet verifies by its v1 half`() throws {
        let torrent = try Sample.directory(.hybrid)
        let hashes = PieceHashes(info: torrent.info)
        #expect(hashes.filesMissingLayers.count == 3)
        let piece = torrent.info.layout.pieces[0]
        var bytes = Sample.content(of: piece, in: torrent.info.layout)
        #expect(verify(hashes, [(piece, bytes)]) == [true])
        bytes[0] ^= 1
        #expect(verify(hashes, [(piece, bytes)]) == [false])
    }

    @Test func `files of equal content share a layer`() throws {
        let root = try #require(try Sample.single(.v2).info.layout.files[0].piecesRoot)
        let layer = Array(try #require(try Sample.single(.v2).pieceLayers[root]))
        let files = ["x", "y"].compactMap { try? SafePath($0) }.map { TorrentBuilder.File(path: $0, length: 300_000) }
        let builder = try TorrentBuilder(
            name: try PathComponent("d"), files: files, pieceLength: Sample.pieceLength, version: .v2)
        let same = TorrentBuilder.V2Hashes(root: root, pieceLayer: layer)
        let torrent = try builder.build(v2: [0: same, 1: same])
        #expect(torrent.pieceLayers.count == 1)
        #expect(try Torrent.parse(torrent.encode()).pieceLayers == torrent.pieceLayers)
        #expect(PieceHashes(info: torrent.info).filesMissingLayers == [0])
        #expect(
            torrent.pieceHashes.v2(torrent.info.layout.pieces[10])
                == torrent.pieceHashes.v2(torrent.info.layout.pieces[0]))
    }
}
