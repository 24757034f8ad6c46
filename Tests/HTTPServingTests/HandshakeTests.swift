import HTTPServing
import Synchronization
import Testing

@Suite struct `Turns of handshakes` {
    /// Which connections were told that their turn has come.
    private final class Begun: Sendable {
        private let numbers = Mutex<[Int]>([])
        func add(_ number: Int) { numbers.withLock { $0.append(number) } }
        var all: [Int] { numbers.withLock { $0 } }
    }

    @Test func `so many are under way, and whoever came last is next`() {
        var turns = HandshakeTurns(most: 2)
        let begun = Begun()
        let names = (0..<5).map { number in turns.come { begun.add(number) } }
        #expect(names.map(\.isTurn) == [true, true, false, false, false])
        turns.leave(names[1].name)?()
        #expect(begun.all == [4])
        // A connection that gives up while it waits takes nobody's turn.
        #expect(turns.leave(names[3].name) == nil)
        turns.leave(names[0].name)?()
        #expect(begun.all == [4, 2])
        // Whoever has left once leaves nothing more.
        #expect(turns.leave(names[0].name) == nil)
        turns.leave(names[2].name)?()
        turns.leave(names[4].name)?()
        #expect(turns.come {}.isTurn && turns.come {}.isTurn && !turns.come {}.isTurn)
    }

    @Test func `a flood that comes and goes leaves nothing behind`() {
        var turns = HandshakeTurns(most: 1)
        let begun = Begun()
        let first = turns.come {}
        for _ in 0..<100_000 {
            let name = turns.come { begun.add(0) }.name
            #expect(turns.leave(name) == nil)
        }
        let last = turns.come { begun.add(1) }
        #expect(!last.isTurn)
        turns.leave(first.name)?()
        #expect(begun.all == [1])
    }
}
