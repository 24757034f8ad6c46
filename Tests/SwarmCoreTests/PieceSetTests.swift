import Testing
import Text

@testable import SwarmCore

@Suite struct PieceSetTests {
    @Test(arguments: [1, 7, 8, 9, 63, 64, 65, 1000]) func wireBytesComeBackAsTheSameSet(size: Int) {
        var random = SeededGenerator(seed: UInt64(size))
        var set = PieceSet(size: size)
        for piece in 0..<size where Bool.random(using: &random) { set.insert(piece) }
        #expect(PieceSet(wire: set.wireBytes, size: size) == set)
        #expect(PieceSet(full: size).count == size)
        #expect(PieceSet(wire: PieceSet(full: size).wireBytes, size: size)?.isFull == true)
    }

    @Test func theFirstPieceIsTheHighestBit() {
        var set = PieceSet(size: 10)
        set.insert(0)
        set.insert(9)
        #expect(set.wireBytes == [0x80, 0x40])
    }

    @Test func spareBitsAndWrongLengthsAreRefused() {
        #expect(PieceSet(wire: [0xff, 0xff], size: 10) == nil)
        #expect(PieceSet(wire: [0xff], size: 10) == nil)
        #expect(PieceSet(wire: [0xff, 0xc0, 0], size: 10) == nil)
        #expect(PieceSet(wire: [0xff, 0xc0], size: 10)?.isFull == true)
    }

    @Test func theFirstCommonMemberIsFoundFromAnyStart() {
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
}
