import Authoring
import Testing
import Text

@Suite struct PieceLengthTests {
    @Test func `piece length follows the size`() {
        #expect(PieceLength.automatic(totalLength: 1) == 256 << 10)
        #expect(PieceLength.automatic(totalLength: 2 << 30) == 2 << 20)
        #expect(PieceLength.automatic(totalLength: 200_000_000_000) == 16 << 20)
        #expect(PieceLength.automatic(totalLength: .max) == 16 << 20)
    }

    @Test func `there are between a thousand and four thousand pieces`() {
        var random = SeededGenerator(seed: 1)
        for _ in 0..<1000 {
            let total = Int64.random(in: (256_000 << 10)...(1000 * (32 << 20)), using: &random)
            let pieces = total / Int64(PieceLength.automatic(totalLength: total))
            #expect((1000...4000).contains(pieces))
        }
    }

    @Test(arguments: [0, -1, 1000, 8192, 16385, 3 << 20, 512 << 20, .max, .min])
    func `lengths that are no power of two in range are refused`(length: Int) {
        #expect(!PieceLength.isAllowed(length))
    }
}
