import Bencode
import Hashing
import Metainfo
import Testing
import Text

@Suite struct BlobHasherTests {
    /// 1 KiB; above 20,000 bytes 4 KiB, above 70,000 bytes 8 KiB.
    private let lengths: BlobPieceLengths

    init() throws {
        lengths = try BlobPieceLengths([
            .init(from: 0, pieceLength: 1024), .init(from: 20_001, pieceLength: 4096),
            .init(from: 70_001, pieceLength: 8192),
        ])
    }

    private func expected(_ bytes: [UInt8]) -> SampleBlob {
        SampleBlob(bytes: bytes, pieceLength: lengths.pieceLength(for: Int64(bytes.count)))
    }

    private func isRight(_ result: BlobHasher.Result, _ bytes: [UInt8]) -> Bool {
        let blob = expected(bytes)
        return result.digest == blob.digest && result.length == Int64(bytes.count)
            && result.pieceLength == blob.pieceLength && result.pieces == blob.sha1 && result.states == blob.states
    }

    private static let sizes = [
        0, 1, 63, 64, 1023, 1024, 1025, 4096, 8192, 19_999, 20_000, 20_001, 20_480, 24_576, 69_999, 70_000, 70_001,
        73_728, 81_920, 100_000,
    ]

    @Test(arguments: sizes) func `One reading gives digest, chain and pieces, whether the length is known or not`(
        size: Int
    ) throws {
        var random = SeededGenerator(seed: UInt64(size))
        let bytes = SampleBlob(length: size, pieceLength: 1024, seed: 9).bytes
        for length in [nil, Int64(size)] {
            var hasher = BlobHasher(lengths: lengths, length: length)
            var position = 0
            while position < size {
                let most = [1, 64, 1000, 1024, 5000, 50_000].randomElement(using: &random) ?? 1
                let count = min(size - position, Int.random(in: 1...most, using: &random))
                hasher.update(Array(bytes[position..<position + count]))
                position += count
                #expect(hasher.byteCount == Int64(position))
            }
            #expect(isRight(hasher.finish(), bytes))
        }
    }

    @Test(arguments: sizes) func `A reading goes on from a snapshot of any moment`(size: Int) throws {
        var random = SeededGenerator(seed: UInt64(size) + 1)
        let bytes = SampleBlob(length: size, pieceLength: 1024, seed: 8).bytes
        for length in [nil, Int64(size)] {
            for end in [0, size, size / 2, Int.random(in: 0...size, using: &random), min(size, 8192), min(size, 8193)] {
                var first = BlobHasher(lengths: lengths, length: length)
                first.update(Array(bytes[..<(end / 2)]))
                first.update(Array(bytes[(end / 2)..<end]))
                let snapshot = try BlobSnapshot(bytes: first.snapshot.bytes)
                #expect(snapshot == first.snapshot)
                #expect(snapshot.position <= end && snapshot.position > end - 8192 - 1)
                // Who did not know the length may know it by now.
                for known in [length, Int64(size)] {
                    var second = try BlobHasher(from: snapshot, lengths: lengths, length: known)
                    second.update(Array(bytes[Int(snapshot.position)...]))
                    #expect(isRight(second.finish(), bytes))
                    #expect(isRight(first.finish(), Array(bytes[..<end])) || length != nil)
                }
            }
        }
    }

    @Test func `A snapshot with nothing after it is the whole`() throws {
        let bytes = SampleBlob(length: 8193, pieceLength: 1024).bytes
        var hasher = BlobHasher(lengths: lengths)
        hasher.update(bytes)
        let snapshot = hasher.snapshot
        #expect(snapshot.position == 8192 && snapshot.leastLength == 8193)
        let again = try BlobHasher(from: snapshot, lengths: lengths)
        #expect(isRight(again.finish(), Array(bytes.dropLast())))
        #expect(throws: MetainfoError.self) { try BlobHasher(from: snapshot, lengths: lengths, length: 8192) }
        #expect(throws: MetainfoError.self) { try BlobHasher(from: snapshot) }
    }

    @Test func `The result makes the blob's torrent`() throws {
        let bytes = SampleBlob(length: 30_000, pieceLength: 1024).bytes
        var hasher = BlobHasher(lengths: lengths)
        hasher.update(bytes)
        let info = try hasher.finish().info()
        #expect(info.digest == SHA256.digest(bytes) && info.chain.pieceLength == 4096)
        #expect(try info.info.bytes == expected(bytes).info().info.bytes)
        #expect(throws: MetainfoError.noContent) { try BlobHasher(lengths: lengths).finish().info() }
        #expect(BlobHasher().finish().digest == BlobInfo.emptyDigest)
    }

    @Test func `The usual table needs three lanes at first`() {
        var hasher = BlobHasher()
        hasher.update([UInt8](repeating: 5, count: 600_000))
        let result = hasher.finish()
        #expect(result.pieceLength == 256 << 10 && result.pieces.count == 60 && result.states.count == 64)
    }

    @Test(arguments: sizes) func `What the sender says of the length spares lanes, and is not believed`(size: Int)
        throws
    {
        let bytes = SampleBlob(length: size, pieceLength: 1024, seed: 7).bytes
        for (begin, said) in [(0, size), (0, 25_000), (size / 2, 80_000), (size, size)] {
            var hasher = BlobHasher(lengths: lengths)
            hasher.update(Array(bytes[..<begin]))
            hasher.expect(atLeast: Int64(said))
            hasher.update(Array(bytes[begin...]))
            let isEnough = lengths.pieceLength(for: Int64(max(said, size))) == lengths.pieceLength(for: Int64(size))
            #expect(hasher.hasRightPieces == isEnough)
            #expect(isRight(hasher.finish(), bytes) == isEnough)
            #expect(hasher.finish().digest == expected(bytes).digest)
            let snapshot = try BlobSnapshot(bytes: hasher.snapshot.bytes)
            var again = try BlobHasher(from: snapshot, lengths: lengths)
            again.update(Array(bytes[Int(snapshot.position)...]))
            #expect(again.hasRightPieces == isEnough)
            #expect(isRight(again.finish(), bytes) == isEnough)
        }
    }

    @Test func `A damaged snapshot is refused`() throws {
        var hasher = BlobHasher(lengths: lengths)
        hasher.update([UInt8](repeating: 5, count: 18_000))
        let good = try Bencode.decode(hasher.snapshot.bytes)
        #expect(throws: Never.self) { try BlobSnapshot(bytes: Bencode.encode(good)) }
        let changes: [(String, BencodeValue?)] = [
            ("position", nil), ("position", -1), ("position", 16_385), ("position", 8192), ("position", "x"),
            ("position", .integer(.max)), ("least length", nil), ("least length", 16_383), ("states", nil),
            ("states", ""), ("states", 1), ("piece lengths", nil), ("piece lengths", []), ("piece lengths", [1, 2, 3]),
            ("piece lengths", [1024, 4096]), ("piece lengths", [1024, 1024, 8192]), ("piece lengths", [1024, 0, 8192]),
            ("piece lengths", [1024, -4096, 8192]), ("pieces", nil), ("pieces", []), ("pieces", ["", "", ""]),
            ("pieces", [1, 2, 3]),
        ]
        for (key, value) in changes {
            let bytes = Bencode.encode(good.replacing([key], with: value))
            #expect(throws: MetainfoError.self, "\(key)") { try BlobSnapshot(bytes: bytes) }
        }
        for bytes in [[], Array("i1e".utf8), Array("de".utf8), Array(hasher.snapshot.bytes.dropLast())] {
            #expect(throws: MetainfoError.self) { try BlobSnapshot(bytes: bytes) }
        }
    }
}
