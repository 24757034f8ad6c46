import Metainfo
import PeerWire
import SwarmCore
import Testing
import Text

@Suite struct `Pieces that somebody reads` {
    @Test func `are what each reader needs next, in turn, and eight beyond`() {
        var ahead = ReadAhead()
        ahead.set(1, 10..<40)
        ahead.set(2, 100..<102)
        #expect(ahead.urgent { $0 != 11 } == [10, 100, 12, 101, 13, 14, 15, 16, 17, 18, 19])
        ahead.set(1, 20..<22)
        ahead.remove(2)
        #expect(ahead.urgent { _ in true } == [20, 21])
        ahead.remove(1)
        #expect(ahead.isEmpty && ahead.urgent { _ in true }.isEmpty)
    }

    @Test func `of several readers are named once, and never more than a bounded number`() {
        var random = SeededGenerator(seed: 7)
        for _ in 0..<200 {
            var ahead = ReadAhead()
            for id in 0..<UInt64.random(in: 1...40, using: &random) {
                let first = Int.random(in: 0..<500, using: &random)
                ahead.set(id, first..<(first + Int.random(in: 1...100, using: &random)))
            }
            let urgent = ahead.urgent { !$0.isMultiple(of: 3) }
            #expect(Set(urgent).count == urgent.count && urgent.count <= ReadAhead.most)
            #expect(urgent.allSatisfy { !$0.isMultiple(of: 3) })
        }
    }

    @Test func `are asked for before all others, and only as long as they are missing`() throws {
        let layout = try testLayout(length: 64 * 32_768, pieceLength: 32_768)
        var machine = SwarmMachine(
            layout: layout, wanted: PieceSet(full: 64), have: PieceSet(size: 64), seed: 1, now: 0)
        machine.setUrgent([40, 7, 64, -1], now: 0)
        let key = machine.join(PeerTraits(supportsFast: true), now: 0)
        machine.received(.haveAll, from: key, now: 0)
        machine.received(.unchoke, from: key, now: 0)
        machine.tick(now: 0)
        var asked: [Int] = []
        for action in machine.takeActions() {
            if case .send(_, .request(let block)) = action { asked.append(Int(block.index)) }
        }
        #expect(asked.prefix(4) == [40, 40, 7, 7])
    }
}
