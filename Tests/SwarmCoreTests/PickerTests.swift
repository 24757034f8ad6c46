import Metainfo
import SwarmCore
import Testing
import Text

/// What the picker should do, said simply: every pickable piece with its availability, looked through each time.
private struct NaivePicker {
    var availability: [Int]
    var pickable: Set<Int> = []

    func isRarest(_ piece: Int, of holdings: PieceSet) -> Bool {
        let candidates = pickable.filter { holdings.contains($0) }
        return candidates.contains(piece) && candidates.allSatisfy { availability[$0] >= availability[piece] }
    }

    func hasCandidate(_ holdings: PieceSet) -> Bool {
        pickable.contains { holdings.contains($0) }
    }
}

@Suite struct PickerTests {
    @Test(arguments: 0..<20) func `a random history picks the rarest as a naive model does`(seed: Int) {
        var random = SeededGenerator(seed: UInt64(seed))
        let count = Int.random(in: 1...120, using: &random)
        var picker = PiecePicker(pieceCount: count)
        var model = NaivePicker(availability: Array(repeating: 0, count: count))
        for step in 0..<2000 {
            let piece = Int.random(in: 0..<count, using: &random)
            switch Int.random(in: 0..<8, using: &random) {
            case 0...2:
                picker.increase(piece)
                model.availability[piece] += 1
            case 3...4 where model.availability[piece] > 0:
                picker.decrease(piece)
                model.availability[piece] -= 1
            case 5:
                picker.insert(piece)
                model.pickable.insert(piece)
            case 6:
                picker.remove(piece)
                model.pickable.remove(piece)
            default:
                var holdings = PieceSet(size: count)
                for candidate in 0..<count where Int.random(in: 0..<3, using: &random) == 0 {
                    holdings.insert(candidate)
                }
                let neighbour = Bool.random(using: &random) ? Int.random(in: 0...count, using: &random) : nil
                let picked = picker.pick(from: holdings, neighbour: neighbour)
                if let picked {
                    #expect(model.isRarest(picked, of: holdings), "step \(step)")
                } else {
                    #expect(!model.hasCandidate(holdings), "step \(step)")
                }
            }
            #expect(picker.count == model.pickable.count)
            #expect(Int(picker.availability[piece]) == model.availability[piece])
        }
    }

    /// However little or much of what is wanted the peer has, and wherever that stands among the rare ones.
    @Test(arguments: [1, 7, 200, 1_500]) func `of many pieces the rarest that is held is found`(heldCount: Int) {
        var random = SeededGenerator(seed: UInt64(heldCount))
        let count = 2_000
        var picker = PiecePicker(pieceCount: count)
        picker.insert(Array(0..<count), using: &random)
        for piece in 0..<count { for _ in 0..<Int.random(in: 0..<20, using: &random) { picker.increase(piece) } }
        // None of those that nobody has: they all stand before what this one holds.
        let some = (0..<count).filter { picker.availability[$0] > 0 }.shuffled(using: &random).prefix(heldCount)
        var holdings = PieceSet(size: count)
        for piece in some { holdings.insert(piece) }
        for _ in 0..<some.count {
            guard let picked = picker.pick(from: holdings, neighbour: nil) else {
                Issue.record("nothing was found")
                return
            }
            let rarest = some.filter { picker.pickable.contains($0) }.map { picker.availability[$0] }.min()
            #expect(holdings.contains(picked) && picker.availability[picked] == rarest)
            picker.remove(picked)
        }
        #expect(picker.pick(from: holdings, neighbour: nil) == nil)
    }

    @Test func `the next piece is preferred among equals`() {
        var picker = PiecePicker(pieceCount: 10)
        for piece in [7, 2, 4, 9] { picker.insert(piece) }
        let all = PieceSet(full: 10)
        #expect(picker.pick(from: all, neighbour: 9) == 9)
        picker.increase(9)
        #expect(picker.pick(from: all, neighbour: 9) != 9, "a neighbour that is less rare is not worth it")
        #expect(picker.pick(from: all, neighbour: 10) != nil, "there is none after the last")
    }

    @Test func `many common pieces do not hide a rare one far behind`() {
        var picker = PiecePicker(pieceCount: 10_000)
        for piece in 0..<10_000 { picker.insert(piece) }
        var holdings = PieceSet(size: 10_000)
        holdings.insert(9_999)
        picker.increase(9_999)
        #expect(picker.pick(from: holdings, neighbour: nil) == 9_999)
        #expect(picker.pick(from: PieceSet(size: 10_000), neighbour: nil) == nil)
    }

    @Test func `an availability cannot overflow`() {
        var picker = PiecePicker(pieceCount: 1)
        picker.insert(0)
        for _ in 0..<70_000 { picker.increase(0) }
        #expect(picker.availability[0] == .max)
        picker.decrease(0)
        picker.remove(0)
        picker.decrease(0)
        #expect(picker.isEmpty)
    }
}

@Suite struct OpenPieceTests {
    private let alice = PeerKey(slot: 0, generation: 0)
    private let bob = PeerKey(slot: 1, generation: 0)

    private func piece(_ length: Int = 5 * blockLength + 100, padding: Range<Int> = 0..<0) -> OpenPiece {
        OpenPiece(piece: 3, length: length, openedAt: 0) {
            !padding.isEmpty && padding.contains($0.lowerBound) && $0.upperBound <= padding.upperBound
        }
    }

    @Test func `blocks are given out once in runs`() {
        var piece = piece()
        #expect(piece.takeFree(limit: 4) == BlockSpan(piece: 3, begin: 0, length: 4 * blockLength))
        #expect(piece.takeFree(limit: 4) == BlockSpan(piece: 3, begin: 4 * blockLength, length: blockLength + 100))
        #expect(piece.takeFree(limit: 4) == nil)
        #expect(piece.freeCount == 0)
        #expect(!piece.isComplete)
    }

    @Test func `padding is there from the beginning`() {
        var piece = piece(4 * blockLength, padding: 2 * blockLength..<4 * blockLength)
        let span = piece.takeFree(limit: 9)
        #expect(span == BlockSpan(piece: 3, begin: 0, length: 2 * blockLength))
        if let span { #expect(piece.markReceived(span, from: alice) == true) }
        #expect(piece.isComplete)
        #expect(piece.senders == [alice, alice, nil, nil])
        #expect(piece.receivedBytes == 2 * blockLength)
    }

    @Test func `a released block is free only when nobody is asked for it`() throws {
        var piece = piece(blockLength)
        let taken = piece.takeFree(limit: 1)
        let span = try #require(taken)
        #expect(piece.takeDuplicate(limit: 3) { _ in false } == span)
        piece.release(span)
        #expect(piece.freeCount == 0)
        piece.release(span)
        #expect(piece.freeCount == 1)
        piece.release(span)
        #expect(piece.freeCount == 1, "once more changes nothing")
    }

    @Test func `duplicates are counted and shun mine`() throws {
        var piece = piece(2 * blockLength)
        _ = piece.takeFree(limit: 2)
        #expect(piece.takeDuplicate(limit: 2) { $0 == 0 }?.begin == blockLength)
        #expect(piece.takeDuplicate(limit: 2) { _ in false }?.begin == 0, "the one with fewer requests first")
        #expect(piece.takeDuplicate(limit: 2) { _ in false } == nil)
        #expect(piece.takeDuplicate(limit: 3) { _ in true } == nil)
    }

    @Test func `two senders of one block do not write into the same place`() throws {
        var piece = piece(blockLength)
        let taken = piece.takeFree(limit: 1)
        let span = try #require(taken)
        #expect(piece.beginReceiving(span, from: alice) == true)
        #expect(piece.beginReceiving(span, from: bob) == false)
        #expect(piece.receivers(of: span, otherThan: bob) == [alice])
        piece.stopReceiving(span, from: bob)
        #expect(piece.receivers(of: span, otherThan: bob) == [alice], "only its own")
        piece.stopReceiving(span, from: alice)
        #expect(piece.freeCount == 1)
        #expect(piece.markReceived(span, from: bob) == true)
        #expect(piece.markReceived(span, from: alice) == false)
        #expect(piece.senders == [bob])
    }

    @Test(arguments: 0..<20) func `counts are right after a random history`(seed: Int) {
        var random = SeededGenerator(seed: UInt64(seed))
        var piece = piece(40 * blockLength + 7, padding: 3 * blockLength..<5 * blockLength)
        var spans: [BlockSpan] = []
        for _ in 0..<400 {
            let span = spans.randomElement(using: &random)
            switch Int.random(in: 0..<6, using: &random) {
            case 0, 1:
                if let new = piece.takeFree(limit: Int.random(in: 1...5, using: &random)) { spans.append(new) }
            case 2: if let span { piece.release(span) }
            case 3: if let span { _ = piece.beginReceiving(span, from: Bool.random(using: &random) ? alice : bob) }
            case 4: if let span { piece.stopReceiving(span, from: alice) }
            default:
                if let span { _ = piece.markReceived(span, from: Bool.random(using: &random) ? alice : bob) }
            }
            #expect(piece.freeCount == piece.blocks.count { $0 == .free })
            #expect(piece.missingCount == piece.blocks.count { $0 != .received })
        }
    }
}

@Suite struct DispatcherTests {
    private let peers = (0..<3).map { PeerKey(slot: Int32($0), generation: 0) }

    @Test func `every piece is given once and to somebody`() {
        var random = SeededGenerator(seed: 1)
        var dispatcher = PieceDispatcher(pieces: Array(0..<100), pieceCount: 100, using: &random)
        var given: [Int] = []
        var turn = 0
        while let piece = dispatcher.assign(to: peers[turn % 3], now: 0, isWanted: { _ in true }) {
            given.append(piece)
            turn += 1
        }
        #expect(given.sorted() == Array(0..<100))
        #expect(dispatcher.hasGivenAll)
        #expect(!dispatcher.hasSpread)
        for (index, piece) in given.enumerated() { #expect(dispatcher.announced(piece, by: peers[index % 3]) == true) }
        #expect(dispatcher.hasSpread)
    }

    @Test func `what a lost peer had in hand is given again`() {
        var random = SeededGenerator(seed: 2)
        var dispatcher = PieceDispatcher(pieces: [0, 1], pieceCount: 2, using: &random)
        let first = dispatcher.assign(to: peers[0], now: 0) { _ in true }
        _ = dispatcher.assign(to: peers[1], now: 0) { _ in true }
        dispatcher.removePeer(peers[0])
        #expect(dispatcher.assign(to: peers[2], now: 0) { _ in true } == first)
    }

    @Test func `what is not fetched in time is given to another`() {
        var random = SeededGenerator(seed: 3)
        var dispatcher = PieceDispatcher(pieces: [0], pieceCount: 1, using: &random)
        #expect(dispatcher.assign(to: peers[0], now: 10) { _ in true } == 0)
        dispatcher.reclaim(givenBefore: 10)
        #expect(dispatcher.assign(to: peers[1], now: 20) { _ in true } == nil)
        dispatcher.reclaim(givenBefore: 11)
        #expect(dispatcher.assign(to: peers[1], now: 20) { _ in true } == 0)
        #expect(!dispatcher.isAssigned(0, to: peers[0]))
    }

    @Test func `unwanted and taken pieces are not given`() {
        var random = SeededGenerator(seed: 4)
        var dispatcher = PieceDispatcher(pieces: [0, 1, 2], pieceCount: 3, using: &random)
        dispatcher.isTaken(1)
        #expect(dispatcher.assign(to: peers[0], now: 0) { $0 != 0 } == 2)
        #expect(dispatcher.assign(to: peers[0], now: 0) { $0 != 0 } == nil)
        #expect(dispatcher.assign(to: peers[1], now: 0) { _ in true } == 0)
    }

    @Test func `who hands on more slowly than others is told from them`() {
        var random = SeededGenerator(seed: 5)
        var dispatcher = PieceDispatcher(pieces: Array(0..<100), pieceCount: 100, using: &random)
        func give(_ count: Int, to peer: Int) -> [Int] {
            (0..<count).compactMap { _ in
                let piece = dispatcher.assign(to: peers[peer], now: 0) { _ in true }
                if let piece { dispatcher.announced(piece, by: peers[peer]) }
                return piece
            }
        }
        let alone = give(9, to: 0)
        #expect(!dispatcher.isSlowToSpread(peers[0]), "nobody to compare with")
        let others = give(1, to: 1) + give(1, to: 2)
        #expect(dispatcher.isSlowToSpread(peers[0]))
        #expect(!dispatcher.isSlowToSpread(peers[1]))
        // Twice the mean of the others is not much more, nor is what everybody has.
        #expect(give(3, to: 1).count + give(3, to: 2).count == 6)
        #expect(dispatcher.isSlowToSpread(peers[0]))
        for piece in alone.prefix(1) { dispatcher.announced(piece, by: peers[2]) }
        #expect(!dispatcher.isSlowToSpread(peers[0]))
        // Said twice, it counts once; who leaves counts no more.
        for _ in 0..<5 { dispatcher.announced(alone[0], by: peers[1]) }
        for piece in others { dispatcher.announced(piece, by: peers[0]) }
        #expect(dispatcher.isSlowToSpread(peers[0]), "eight beside three each")
        dispatcher.removePeer(peers[0])
        #expect(!dispatcher.isSlowToSpread(peers[0]))
        #expect(!dispatcher.isSlowToSpread(peers[1]))
    }
}
