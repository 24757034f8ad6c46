import SwarmCore
import Testing
import Text

@Suite struct OpenPiecesTests {
    private func piece(_ index: Int, blocks: Int) -> OpenPiece {
        OpenPiece(piece: index, length: blocks * 10, blockLength: 10, openedAt: 0) { _ in false }
    }

    /// Against a dictionary, through a random history.
    @Test(arguments: 0..<10) func `it is a dictionary that knows its free blocks`(seed: Int) {
        var random = SeededGenerator(seed: UInt64(seed))
        let count = 20
        var open = OpenPieces(pieceCount: count)
        var model: [Int: OpenPiece] = [:]
        for _ in 0..<500 {
            let index = Int.random(in: 0..<count, using: &random)
            switch Int.random(in: 0..<5, using: &random) {
            case 0:
                let state = piece(index, blocks: Int.random(in: 1...4, using: &random))
                open[index] = state
                model[index] = state
            case 1:
                #expect(open.removeValue(forKey: index)?.length == model.removeValue(forKey: index)?.length)
            case 2:
                let span = open[index]?.takeFree(limit: 2)
                #expect(span == model[index]?.takeFree(limit: 2))
            case 3:
                guard let place = open.place(of: index) else {
                    #expect(model[index] == nil)
                    continue
                }
                #expect(open[place].takeFree(limit: 1) == model[index]?.takeFree(limit: 1))
            default:
                let all = BlockSpan(piece: index, begin: 0, length: model[index]?.length ?? 0)
                open[index]?.release(all)
                model[index]?.release(all)
            }
            #expect(open.count == model.count)
            #expect(open.freeBlocks == model.values.reduce(0) { $0 + $1.freeCount })
            #expect(open[index]?.freeCount == model[index]?.freeCount)
            #expect((open.place(of: index) == nil) == (model[index] == nil))
        }
    }
}
