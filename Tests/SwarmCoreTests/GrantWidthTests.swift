import SwarmCore
import Testing

@Suite struct GrantWidthTests {
    private static let piece = 1 << 20

    private func run(
        _ width: inout GrantWidth, from: Double = 0, seconds: Int, hasWaiting: Bool = true, rate: (GrantWidth) -> Double
    ) {
        for step in 1...(seconds * 4) {
            width.sent(Int(rate(width) / 4))
            width.look(hasWaiting: hasWaiting, now: from + Double(step) / 4)
        }
    }

    @Test func `it is four pieces at first`() {
        let width = GrantWidth(pieceLength: Self.piece, now: 0)
        #expect(width.target == 4 * Self.piece)
        #expect(width.patience == 3)
    }

    @Test func `a fast line has a tenth of a second on its way`() {
        var width = GrantWidth(pieceLength: Self.piece, now: 0)
        run(&width, seconds: 1) { _ in 100e6 }
        #expect(width.best == 100e6)
        #expect(width.target == 10_000_000)
        var huge = GrantWidth(pieceLength: Self.piece, now: 0)
        run(&huge, seconds: 1) { _ in 10e9 }
        #expect(huge.target == 16 << 20)
    }

    @Test func `it stays where more brings nothing`() {
        var width = GrantWidth(pieceLength: Self.piece, now: 0)
        var wide = 0
        for second in 0..<600 {
            run(&width, from: Double(second), seconds: 1) { _ in 10e6 }
            #expect(width.target >= 4 * Self.piece)
            #expect(width.target <= 6 * Self.piece)
            if width.target > 4 * Self.piece { wide += 1 }
        }
        #expect(wide > 0, "more was tried")
        #expect(wide < 60, "seldom")
    }

    @Test func `it grows while more goes out`() {
        var width = GrantWidth(pieceLength: Self.piece, now: 0)
        // Receivers so far away that each piece takes a second however many there are.
        run(&width, seconds: 60) { Double($0.target) }
        #expect(width.target > 40 * Self.piece)
        #expect(width.target <= 32 * (16 << 20))
    }

    @Test func `a trial that nobody was there for is not kept`() {
        var width = GrantWidth(pieceLength: Self.piece, now: 0)
        for second in 0..<600 {
            run(&width, from: Double(second), seconds: 1, hasWaiting: second % 4 != 3) { _ in 10e6 }
        }
        #expect(width.target <= 6 * Self.piece)
    }

    @Test func `without anybody waiting nothing is tried`() {
        var width = GrantWidth(pieceLength: Self.piece, now: 0)
        run(&width, seconds: 120, hasWaiting: false) { Double($0.target) * 4 }
        let most = max(4 * Double(Self.piece), min(Double(16 << 20), width.best * 0.1))
        #expect(width.target == Int(most))
    }

    @Test func `patience is a little more than a turn takes`() {
        var width = GrantWidth(pieceLength: Self.piece, now: 0)
        run(&width, seconds: 1) { _ in 10e6 }
        #expect(abs(width.patience - 2.5 * 4 * Double(Self.piece) / 10e6) < 0.01)
        var fast = GrantWidth(pieceLength: 16384, now: 0)
        run(&fast, seconds: 1) { _ in 10e6 }
        #expect(fast.patience >= 0.1)
    }

    @Test func `nothing sent is no measure for long`() {
        var width = GrantWidth(pieceLength: Self.piece, now: 0)
        run(&width, seconds: 300) { _ in 0 }
        #expect(width.patience == 3)
        #expect(width.target >= 4 * Self.piece)
    }
}
