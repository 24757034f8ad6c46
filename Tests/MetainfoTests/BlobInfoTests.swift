import Bencode
import Hashing
import Metainfo
import Testing
import Text

@Suite struct BlobInfoTests {
    @Test(arguments: [1, 63, 1024, 1025, 4096, 10_000]) func `A blob's dictionary reads as it was made`(length: Int)
        throws
    {
        let blob = SampleBlob(length: length, pieceLength: 1024)
        let made = try blob.info()
        #expect(made.digest == blob.digest && made.length == Int64(length))
        #expect(made.info.version == .v1 && made.info.isSingleFile && made.info.name.string == blob.digest.hex)
        #expect(made.chain.states.elementsEqual(blob.states))
        let read = try BlobInfo.parse(made.info.bytes)
        #expect(read.info.bytes == made.info.bytes && read.infoHash == made.infoHash && read.chain == made.chain)
        #expect(made.infoDigest == SHA256.digest(made.info.bytes))
        let dictionary = try #require(try Bencode.decode(made.info.bytes).dictionaryValue)
        #expect(dictionary.keys == ["length", "name", "piece length", "pieces", "sha256 chain"])
    }

    @Test func `Pieces of a blob's torrent are verified by the chain`() throws {
        let blob = SampleBlob(length: 5000, pieceLength: 1024)
        // SHA-1s of other bytes: only other clients look at them.
        let made = try BlobInfo(
            digest: blob.digest, length: 5000, pieceLength: 1024, pieces: [UInt8](repeating: 3, count: 100),
            states: blob.states)
        let hashes = Torrent(info: made.info).pieceHashes
        for (index, bytes) in blob.pieces.enumerated() {
            let piece = PieceIndex(unchecked: index)
            #expect(hashes.canVerify(piece))
            #expect(bytes.withUnsafeBytes { hashes.verify(piece, $0) })
            #expect(!Array(bytes.reversed()).withUnsafeBytes { hashes.verify(piece, $0) })
            #expect(hashes.v1(piece)?.bytes == [UInt8](repeating: 3, count: 20))
        }
        // The right SHA-1s do not save pieces that the chain refuses.
        let forged = try BlobInfo(
            digest: blob.digest, length: 5000, pieceLength: 1024, pieces: blob.sha1,
            states: blob.states.reversed())
        let wrong = Torrent(info: forged.info).pieceHashes
        #expect(blob.pieces[1].withUnsafeBytes { !wrong.verify(PieceIndex(unchecked: 1), $0) })
    }

    @Test func `A torrent file keeps the chain`() throws {
        let blob = try SampleBlob(length: 5000, pieceLength: 1024).info()
        let torrent = try Torrent.parse(
            Torrent(info: blob.info, trackers: [["http://t.example/announce"]], comment: "c").encode())
        #expect(torrent.info.chain == blob.chain)
        #expect(torrent.info.bytes == blob.info.bytes)
        #expect(try BlobInfo(torrent.info).digest == blob.digest)
        #expect(try Sample.single(.v1).info.chain == nil)
    }

    private enum Refusal { case chain, blob, other }

    private func refusal(_ change: (inout BencodeDictionary) -> Void) throws -> Refusal? {
        let made = try SampleBlob(length: 5000, pieceLength: 1024).info()
        guard var dictionary = try Bencode.decode(made.info.bytes).dictionaryValue else { return nil }
        change(&dictionary)
        do throws(MetainfoError) { _ = try BlobInfo.parse(Bencode.encode(.dictionary(dictionary))) } catch {
            #expect(!error.description.isEmpty)
            return switch error {
            case .badChain: .chain
            case .notABlob: .blob
            default: .other
            }
        }
        return nil
    }

    @Test func `A malformed dictionary is refused with a typed error`() throws {
        #expect(try refusal { _ in } == nil)
        #expect(try refusal { $0["sha256 chain"] = nil } == .blob)
        #expect(try refusal { $0["sha256 chain"] = 1 } == .other)
        #expect(try refusal { $0["sha256 chain"] = [] } == .other)
        #expect(try refusal { $0["sha256 chain"] = "" } == .chain)
        #expect(try refusal { $0["sha256 chain"] = .data([UInt8](repeating: 1, count: 127)) } == .chain)
        #expect(try refusal { $0["sha256 chain"] = .data([UInt8](repeating: 1, count: 160)) } == .chain)
        #expect(try refusal { $0["name"] = "blob" } == .chain)
        #expect(try refusal { $0["name"] = .string(String(repeating: "g", count: 64)) } == .chain)
        #expect(try refusal { $0["name"] = .string(String(repeating: "A", count: 64)) } == .chain)
        #expect(try refusal { $0["name"] = .string(String(repeating: "a", count: 63)) } == .chain)
        #expect(try refusal { $0["name"] = nil } == .other)
        #expect(try refusal { $0["piece length"] = 1025 } == .chain)
        #expect(try refusal { $0["piece length"] = 64 } == .other)
        #expect(try refusal { $0["piece length"] = 2048 } == .other)
        #expect(try refusal { $0["length"] = 0 } == .other)
        #expect(try refusal { $0["length"] = -1 } == .other)
        #expect(try refusal { $0["length"] = .integer(.max) } == .other)
        #expect(try refusal { $0["length"] = 4096 } == .other)
        #expect(try refusal { $0["pieces"] = "" } == .other)
        #expect(try refusal { $0["meta version"] = 2 } == .other)
        // Other keys give another info hash: one digest must have one.
        #expect(try refusal { $0["private"] = 1 } == .blob)
        #expect(try refusal { $0["source"] = "me" } == .blob)
        #expect(try refusal { $0["attr"] = "x" } == .blob)
        #expect(try refusal { $0["name.utf-8"] = $0["name"] } == .blob)
    }

    @Test func `A chain in a torrent of several files is refused`() throws {
        for version in Info.Version.allCases {
            let torrent = try Sample.directory(version)
            let info = try Bencode.decode(torrent.info.bytes)
            let bytes = Bencode.encode(info.replacing(["sha256 chain"], with: ""))
            #expect { try Info.parse(bytes) } throws: { error in
                if case MetainfoError.badChain = error { true } else { false }
            }
        }
    }

    @Test func `Another dictionary than the one asked for is refused`() throws {
        let blob = SampleBlob(length: 5000, pieceLength: 1024)
        let made = try blob.info()
        let known = InfoExpectation(infoDigest: made.infoDigest, blob: blob.digest, length: 5000)
        #expect(throws: Never.self) { try BlobInfo.parse(made.info.bytes, expecting: known) }
        var states = blob.states
        states[40] ^= 1
        let forgedChain = try BlobInfo(
            digest: blob.digest, length: 5000, pieceLength: 1024, pieces: blob.sha1, states: states)
        let forgedPieces = try BlobInfo(
            digest: blob.digest, length: 5000, pieceLength: 1024, pieces: blob.sha1.reversed(), states: blob.states)
        let other = try SampleBlob(length: 5000, pieceLength: 1024, seed: 2).info()
        for forged in [forgedChain, forgedPieces, other] {
            #expect { try BlobInfo.parse(forged.info.bytes, expecting: known) } throws: { error in
                if case MetainfoError.unexpected = error { true } else { false }
            }
        }
        for expectation in [InfoExpectation(blob: blob.digest), InfoExpectation(length: 4999)] {
            #expect(throws: MetainfoError.self) { try BlobInfo.parse(other.info.bytes, expecting: expectation) }
        }
    }

    @Test func `An empty blob has no torrent`() {
        #expect(throws: MetainfoError.noContent) {
            try BlobInfo(digest: BlobInfo.emptyDigest, length: 0, pieceLength: 1024, pieces: [], states: [])
        }
        #expect(
            BlobInfo.emptyDigest.hex == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
    }
}

@Suite struct BlobPieceLengthsTests {
    @Test func `Pieces grow above 64 MiB and above 1 GiB`() {
        let lengths = BlobPieceLengths.standard
        for (length, expected) in [
            (0, 256 << 10), (1, 256 << 10), (64 << 20, 256 << 10), (64 << 20 + 1, 1 << 20), (1 << 30, 1 << 20),
            (1 << 30 + 1, 4 << 20), (.max, 4 << 20),
        ] as [(Int64, Int)] {
            #expect(lengths.pieceLength(for: length) == expected)
        }
        #expect(lengths.possible(from: 0) == [256 << 10, 1 << 20, 4 << 20])
        #expect(lengths.possible(from: 64 << 20 + 1) == [1 << 20, 4 << 20])
        #expect(lengths.possible(from: .max) == [4 << 20])
    }

    @Test func `A table of one's own is checked`() throws {
        let table = try BlobPieceLengths([
            .init(from: 2 << 30, pieceLength: 8 << 20), .init(from: 0, pieceLength: 4 << 20),
        ])
        #expect(table.pieceLength(for: 5) == 4 << 20 && table.pieceLength(for: 2 << 30) == 8 << 20)
        #expect(try BlobPieceLengths([.init(from: 9, pieceLength: 1024)]).pieceLength(for: 1) == 1024)
        #expect(throws: MetainfoError.self) { try BlobPieceLengths([]) }
        #expect(throws: MetainfoError.self) { try BlobPieceLengths([.init(from: -1, pieceLength: 1024)]) }
        for length in [0, 63, 1000, 1025, -1024, 1 << 40] {
            #expect(throws: MetainfoError.badPieceLength(Int64(length))) {
                try BlobPieceLengths([.init(from: 0, pieceLength: length)])
            }
        }
        #expect(throws: MetainfoError.self) {
            try BlobPieceLengths([.init(from: 1, pieceLength: 1024), .init(from: 1, pieceLength: 2048)])
        }
    }
}
