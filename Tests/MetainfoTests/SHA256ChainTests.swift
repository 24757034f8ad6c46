import Hashing
import Metainfo
import Testing
import Text

/// A blob of random bytes and its chain, made the plain way.
struct SampleBlob {
    let bytes: [UInt8]
    let pieceLength: Int

    init(bytes: [UInt8], pieceLength: Int) {
        self.bytes = bytes
        self.pieceLength = pieceLength
    }

    init(length: Int, pieceLength: Int, seed: UInt64 = 1) {
        var random = SeededGenerator(seed: seed)
        self.init(bytes: (0..<length).map { _ in UInt8(truncatingIfNeeded: random.next()) }, pieceLength: pieceLength)
    }

    var digest: SHA256Digest { SHA256.digest(bytes) }
    var pieces: [[UInt8]] {
        stride(from: 0, to: bytes.count, by: pieceLength).map { Array(bytes[$0..<min($0 + pieceLength, bytes.count)]) }
    }
    var sha1: [UInt8] { pieces.flatMap { SHA1.digest($0).bytes } }

    var states: [UInt8] {
        var stream = SHA256Stream()
        return pieces.dropLast().flatMap { piece in
            stream.update(piece)
            return stream.state?.bytes ?? []
        }
    }

    func chain() throws -> SHA256Chain {
        try SHA256Chain(digest: digest, length: Int64(bytes.count), pieceLength: pieceLength, states: states[...])
    }

    func info() throws -> BlobInfo {
        try BlobInfo(
            digest: digest, length: Int64(bytes.count), pieceLength: pieceLength, pieces: sha1, states: states)
    }
}

private func verify(_ chain: SHA256Chain, _ pieces: [(Int, [UInt8])]) -> [Bool] {
    let copies = pieces.map { piece in
        let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: piece.1.count, alignment: 1)
        copy.copyBytes(from: piece.1)
        return copy
    }
    defer { for copy in copies { copy.deallocate() } }
    return chain.verify(
        zip(pieces, copies).map { (PieceIndex(unchecked: $0.0), UnsafeRawBufferPointer($1)) })
}

private func sample(_ random: inout SeededGenerator) -> SampleBlob {
    let pieceLength = 64 * Int.random(in: 1...12, using: &random)
    let whole = pieceLength * Int.random(in: 0...9, using: &random)
    let rest = [0, 1, 55, 56, 63, 64, pieceLength - 1].randomElement(using: &random) ?? 0
    return SampleBlob(length: max(1, whole + min(rest, pieceLength - 1)), pieceLength: pieceLength, seed: random.next())
}

@Suite struct SHA256ChainTests {
    @Test(arguments: 0..<60) func `Right pieces pass in any order and any grouping`(seed: Int) throws {
        var random = SeededGenerator(seed: UInt64(seed))
        let blob = sample(&random)
        let chain = try blob.chain()
        #expect(chain.pieceCount == blob.pieces.count)
        var order = Array(blob.pieces.enumerated()).map { ($0.offset, $0.element) }.shuffled(using: &random)
        while !order.isEmpty {
            let group = Array(order.prefix(Int.random(in: 1...5, using: &random)))
            order.removeFirst(group.count)
            #expect(verify(chain, group) == [Bool](repeating: true, count: group.count))
        }
    }

    @Test(arguments: 0..<60) func `A changed, moved, cut or lengthened piece fails, and no other with it`(seed: Int)
        throws
    {
        var random = SeededGenerator(seed: UInt64(seed) + 1000)
        let blob = sample(&random)
        let chain = try blob.chain()
        var pieces = Array(blob.pieces.enumerated()).map { ($0.offset, $0.element) }
        let bad = Int.random(in: 0..<pieces.count, using: &random)
        var expected = [Bool](repeating: true, count: pieces.count)
        expected[bad] = false
        let right = pieces[bad].1
        pieces[bad].1[Int.random(in: 0..<right.count, using: &random)] ^= 1 << UInt8.random(in: 0..<8, using: &random)
        #expect(verify(chain, pieces) == expected)
        pieces[bad].1 = Array(right.dropLast())
        #expect(verify(chain, pieces) == expected)
        pieces[bad].1 = right + [0]
        #expect(verify(chain, pieces) == expected)
        pieces[bad].1 = []
        #expect(verify(chain, pieces) == expected)
        pieces[bad].1 = blob.pieces[(bad + 1) % pieces.count]
        #expect(verify(chain, pieces) == (pieces.count == 1 ? [true] : expected))
        #expect(verify(chain, [(-1, right), (pieces.count, right), (Int.max / 8192, right)]) == [false, false, false])
    }

    @Test(arguments: 0..<60) func `A wrong state refuses the right piece before it`(seed: Int) throws {
        var random = SeededGenerator(seed: UInt64(seed) + 2000)
        let blob = SampleBlob(length: 64 * 21 + 5, pieceLength: 64 * Int.random(in: 1...4, using: &random))
        var states = blob.states
        let forged = Int.random(in: 0..<states.count, using: &random)
        states[forged] ^= 0x40
        let chain = try SHA256Chain(
            digest: blob.digest, length: Int64(blob.bytes.count), pieceLength: blob.pieceLength, states: states[...])
        let verdicts = verify(chain, Array(blob.pieces.enumerated()).map { ($0.offset, $0.element) })
        let piece = forged / 32
        #expect(verdicts.indices.filter { !verdicts[$0] } == [piece, piece + 1])
    }

    @Test func `A forged tail with a chain of its own is found out at the last piece`() throws {
        // The forger gives other bytes from piece 2 on, with the states that they lead to: all pass but the last.
        let blob = SampleBlob(length: 64 * 40 + 9, pieceLength: 640)
        var forged = blob.bytes
        for index in 1280..<forged.count { forged[index] ^= 0xff }
        var stream = SHA256Stream()
        let pieces = stride(from: 0, to: forged.count, by: 640).map { Array(forged[$0..<min($0 + 640, forged.count)]) }
        let states = pieces.dropLast().flatMap { piece in
            stream.update(piece)
            return stream.state?.bytes ?? []
        }
        let chain = try SHA256Chain(
            digest: blob.digest, length: Int64(forged.count), pieceLength: 640, states: states[...])
        let verdicts = verify(chain, Array(pieces.enumerated()).map { ($0.offset, $0.element) })
        #expect(verdicts == [Bool](repeating: true, count: pieces.count - 1) + [false])
        // Nor do the right bytes pass in its place.
        #expect(verify(chain, [(pieces.count - 1, blob.pieces[pieces.count - 1])]) == [false])
    }

    @Test func `Another length than the blob's refuses the last piece`() throws {
        let blob = SampleBlob(length: 640, pieceLength: 64)
        for length in [577, 639, 641, 704] {
            let pieces = (length - 1) / 64 + 1
            let states = pieces <= 10 ? Array(blob.states) : blob.states + SHA256State(endingIn: blob.digest).bytes
            let chain = try SHA256Chain(
                digest: blob.digest, length: Int64(length), pieceLength: 64, states: states[...])
            let last = [UInt8](blob.bytes + [UInt8](repeating: 0, count: 64))[(64 * (pieces - 1))..<length]
            #expect(verify(chain, [(pieces - 1, Array(last))]) == [false])
        }
    }

    @Test func `Streams of pieces agree with pieces at once`() throws {
        let blob = SampleBlob(length: 64 * 33 + 20, pieceLength: 320)
        let chain = try blob.chain()
        for (index, bytes) in blob.pieces.enumerated() {
            let piece = PieceIndex(unchecked: index)
            var stream = try #require(chain.stream(for: piece))
            stream.update(Array(bytes.dropLast(100)))
            #expect(!chain.isRight(piece, stream))
            stream.update(Array(bytes.suffix(min(100, bytes.count))))
            #expect(chain.isRight(piece, stream))
            #expect(!chain.isRight(PieceIndex(unchecked: index + 1), stream))
            var wrong = try #require(chain.stream(for: piece))
            wrong.update(bytes.reversed())
            #expect(!chain.isRight(piece, wrong))
        }
        #expect(chain.stream(for: PieceIndex(unchecked: chain.pieceCount)) == nil)
        #expect(chain.stream(for: PieceIndex(unchecked: -1)) == nil)
    }

    @Test func `Parts that cannot belong together are refused`() {
        let states = [UInt8](repeating: 1, count: 32)
        func make(_ length: Int64, _ pieceLength: Int, _ states: [UInt8]) throws {
            _ = try SHA256Chain(digest: .zero, length: length, pieceLength: pieceLength, states: states[...])
        }
        #expect(throws: Never.self) { try make(128, 64, states) }
        for (length, pieceLength, states) in [
            (128, 65, states), (128, 0, states), (128, -64, states), (128, 64, []), (129, 64, states),
            (64, 64, states), (128, 64, states + [0]), (128, 64, Array(states.dropLast())), (.max, 64, states),
        ] as [(Int64, Int, [UInt8])] {
            #expect { try make(length, pieceLength, states) } throws: { error in
                if case MetainfoError.badChain = error { true } else { false }
            }
        }
        #expect(throws: MetainfoError.noContent) { try make(0, 64, []) }
        #expect(throws: MetainfoError.noContent) { try make(-1, 64, []) }
    }
}
