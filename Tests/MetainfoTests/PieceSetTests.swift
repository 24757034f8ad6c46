import Metainfo
import Testing
import Text

@Suite struct PieceSetTests {
    @Test(arguments: [1, 7, 8, 9, 63, 64, 65, 1000]) func `wire bytes come back as the same set`(size: Int) {
        var random = SeededGenerator(seed: UInt64(size))
        var set = PieceSet(size: size)
        for piece in 0..<size where Bool.random(using: &random) { set.insert(piece) }
        #expect(PieceSet(wire: set.wireBytes, size: size) == set)
        #expect(PieceSet(full: size).count == size)
        #expect(PieceSet(wire: PieceSet(full: size).wireBytes, size: size)?.isFull == true)
    }

    @Test func `the first piece is the highest bit`() {
        var set = PieceSet(size: 10)
        set.insert(0)
        set.insert(9)
        #expect(set.wireBytes == [0x80, 0x40])
    }

    @Test func `spare bits and wrong lengths are refused`() {
        #expect(PieceSet(wire: [0xff, 0xff], size: 10) == nil)
        #expect(PieceSet(wire: [0xff], size: 10) == nil)
        #expect(PieceSet(wire: [0xff, 0xc0, 0], size: 10) == nil)
        #expect(PieceSet(wire: [0xff, 0xc0], size: 10)?.isFull == true)
    }

    @Test func `the first common member is found from any start`() {
        var first = PieceSet(size: 300)
        var second = PieceSet(size: 300)
        for piece in [3, 70, 200] { first.insert(piece) }
        for piece in [4, 70, 200, 299] { second.insert(piece) }
        #expect(first.firstCommon(with: second) == 70)
        #expect(first.firstCommon(with: second, from: 71) == 200)
        #expect(first.firstCommon(with: second, from: 201) == nil)
        var common: [Int] = []
        first.forEachCommon(with: second) { common.append($0) }
        #expect(common == [70, 200])
        #expect(first.countCommon(with: second) == 2)
    }

    @Test func `A size below zero is that of no torrent`() {
        #expect(PieceSet(size: -5).wireBytes.isEmpty)
        #expect(PieceSet(full: -5).isFull)
        #expect(PieceSet(wire: [], size: -1) == nil)
    }

    @Test(arguments: [0, 1, 7, 8, 9, 64, 1000])
    func `Piece indices are put in and taken out, and those of another torrent change nothing`(size: Int) {
        var random = SeededGenerator(seed: UInt64(size))
        var pieces = PieceSet(size: size)
        var reference: Set<Int> = []
        for _ in 0..<size * 2 {
            let index = Int.random(in: -2..<size + 2, using: &random)
            let piece = PieceIndex(unchecked: index)
            if Bool.random(using: &random) {
                pieces.insert(piece)
                if (0..<size).contains(index) { reference.insert(index) }
            } else {
                pieces.remove(piece)
                reference.remove(index)
            }
            #expect(pieces.count == reference.count)
            #expect(pieces.contains(piece) == reference.contains(index))
        }
        #expect(Array(pieces.indices) == reference.sorted())
        #expect(PieceSet(wire: pieces.wireBytes, size: size) == pieces)
    }

    @Test(arguments: [1, 63, 64, 65, 300])
    func `Unions and differences are those of ordinary sets`(size: Int) {
        var random = SeededGenerator(seed: UInt64(size))
        func drawn() -> (PieceSet, Set<Int>) {
            var pieces = PieceSet(size: size)
            for piece in 0..<size where Bool.random(using: &random) { pieces.insert(piece) }
            return (pieces, Set(pieces.indices))
        }
        for _ in 0..<20 {
            let (first, one) = drawn()
            let (second, other) = drawn()
            let (union, rest) = (first.union(second), first.subtracting(second))
            #expect(Set(union.indices) == one.union(other))
            #expect(union.count == one.union(other).count)
            #expect(Set(rest.indices) == one.subtracting(other))
            #expect(rest.count == one.subtracting(other).count)
            #expect(first.countMissing(in: second) == rest.count)
            #expect(first.isSuperset(of: second) == one.isSuperset(of: other))
            #expect(union.isSuperset(of: first))
        }
        var pieces = PieceSet(size: size)
        pieces.insert(-3..<size + 3)
        #expect(pieces.isFull)
    }
}
