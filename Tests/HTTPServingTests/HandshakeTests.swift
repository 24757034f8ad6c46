import Admission
import HTTPServing
import NIOCore
import NIOEmbedded
import Synchronization
import Testing

@Suite struct `Turns of handshakes` {
    /// Which connections were told that their turn has come.
    private final class Begun: Sendable {
        private let numbers = Mutex<[Int]>([])
        func add(_ number: Int) { numbers.withLock { $0.append(number) } }
        var all: [Int] { numbers.withLock { $0 } }
    }

    private let home = Source(ipv4: 1)

    @Test func `so many are under way, and whoever came last is next`() {
        var turns = HandshakeTurns(most: 2)
        let begun = Begun()
        let names = (0..<5).map { number in turns.come(from: home) { begun.add(number) } }
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
        let next = (0..<3).map { _ in turns.come(from: home) {}.isTurn }
        #expect(next == [true, true, false])
    }

    @Test func `whoever came last is next among many sources too`() {
        var turns = HandshakeTurns(most: 1)
        let begun = Begun()
        var name = turns.come(from: home) {}.name
        let names = (1...5).map { number in turns.come(from: Source(ipv4: UInt32(number))) { begun.add(number) }.name }
        for next in names.reversed() {
            turns.leave(name)?()
            name = next
        }
        #expect(begun.all == [5, 4, 3, 2, 1])
    }

    /// One source has all turns and comes all the time, and each of its connections keeps its turn until its patience ends.
    @Test func `a source that comes all the time keeps no more than its share while others wait`() {
        var turns = HandshakeTurns(most: 32)
        let begun = Begun()
        var held = (0..<32).map { _ in turns.come(from: home) {}.name }
        let others = (1...100).map { number in
            turns.come(from: Source(ipv4: UInt32(100 + number))) { begun.add(number) }.name
        }
        for _ in 0..<1000 { _ = turns.come(from: home) { begun.add(0) } }
        for _ in 0..<28 {
            turns.leave(held.removeFirst())?()
            _ = turns.come(from: home) { begun.add(0) }
        }
        #expect(begun.all == Array((73...100).reversed()))
        // Its share is four: one of them goes on to its last connection, which came after all that wait.
        turns.leave(held.removeFirst())?()
        #expect(begun.all.last == 0)
        turns.leave(others[99])?()
        #expect(begun.all.last == 72)
    }

    @Test func `a source alone has all turns`() {
        var turns = HandshakeTurns(most: 32)
        let begun = Begun()
        let names = (0..<100).map { number in turns.come(from: home) { begun.add(number) }.name }
        for number in 0..<32 { turns.leave(names[number])?() }
        #expect(begun.all == Array((68..<100).reversed()))
    }

    @Test func `what leaves in any order leaves nothing behind, and each turn is given once`() {
        var turns = HandshakeTurns(most: 8)
        let begun = Begun()
        var names: [(name: HandshakeTurns.Name, isTurn: Bool)] = []
        for number in 0..<2000 {
            names.append(turns.come(from: Source(ipv4: UInt32(number % 7))) { begun.add(number) })
            // Some of those before leave, whether they wait or not.
            if number % 3 == 0 { turns.leave(names[number * 31 % names.count].name)?() }
        }
        for name in names { turns.leave(name.name)?() }
        #expect(Set(begun.all).count == begun.all.count)
        #expect(turns.sourceCount == 0)
        let next = (0..<9).map { _ in turns.come(from: home) {}.isTurn }
        #expect(next == Array(repeating: true, count: 8) + [false])
    }

    @Test func `a flood that comes and goes leaves nothing behind`() {
        var turns = HandshakeTurns(most: 1)
        let begun = Begun()
        let first = turns.come(from: home) {}
        for number in 0..<100_000 {
            let name = turns.come(from: Source(ipv4: UInt32(number))) { begun.add(0) }.name
            #expect(turns.leave(name) == nil)
        }
        #expect(turns.sourceCount == 1)
        let last = turns.come(from: home) { begun.add(1) }
        #expect(!last.isTurn)
        turns.leave(first.name)?()
        #expect(begun.all == [1])
    }

    /// How many turns have come, and how many began one inside the other.
    private final class Depth {
        var now = 0
        var most = 0
        var all = 0
    }

    /// Leaves within its turn, as a connection does whose first bytes are no ClientHello.
    private final class Failing: ChannelInboundHandler {
        typealias InboundIn = NIOAny

        let handshakes: Handshakes
        let depth: Depth
        var name: HandshakeTurns.Name?

        init(_ handshakes: Handshakes, _ depth: Depth) { (self.handshakes, self.depth) = (handshakes, depth) }

        func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
            guard event is Handshakes.Turn, let name else { return }
            depth.all += 1
            depth.now += 1
            depth.most = max(depth.most, depth.now)
            handshakes.leave(name)
            depth.now -= 1
        }
    }

    @Test func `handshakes that fail at once give their turns on one after the other, not one inside the other`() throws
    {
        let loop = EmbeddedEventLoop()
        let (handshakes, depth) = (Handshakes(most: 1), Depth())
        let first = EmbeddedChannel(loop: loop)
        let (name, isTurn) = handshakes.come(first)
        #expect(isTurn)
        var channels: [EmbeddedChannel] = []
        for _ in 0..<100 {
            let handler = Failing(handshakes, depth)
            let channel = EmbeddedChannel(handler: handler, loop: loop)
            handler.name = handshakes.come(channel).name
            channels.append(channel)
        }
        handshakes.leave(name)
        loop.run()
        #expect(depth.all == 100 && depth.most == 1)
        for channel in channels + [first] { _ = try channel.finish(acceptAlreadyClosed: true) }
    }
}
