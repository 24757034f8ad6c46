import SwarmCore
import SwarmSimulator
import Testing
import Text

@Suite struct UplinkTests {
    private let span = BlockSpan(piece: 0, begin: 0, length: 100)

    @Test func `streams share an uplink equally`() {
        var uplink = Uplink(rate: 100)
        uplink.start(span, length: 100, slot: 0, now: 0)
        #expect(uplink.nextEnd == 1)
        uplink.start(span, length: 100, slot: 1, now: 0.5)
        // Half of the first is through; what is left goes at half the rate.
        #expect(uplink.nextEnd == 1.5)
        #expect(uplink.finished(1.4).isEmpty)
        #expect(uplink.finished(1.5).map(\.slot) == [0])
        #expect(uplink.nextEnd == 2)
        #expect(uplink.finished(2).map(\.slot) == [1])
        #expect(!uplink.isBusy)
    }

    @Test func `messages and closed connections take and give back time`() {
        var uplink = Uplink(rate: 100)
        uplink.start(span, length: 100, slot: 0, now: 0)
        uplink.spend(10, now: 0)
        #expect(uplink.nextEnd == 1.1)
        uplink.start(span, length: 100, slot: 1, now: 0.1)
        uplink.abandon(1, now: 0.3)
        // 0.2 seconds at half the rate.
        #expect(abs(uplink.nextEnd - 1.2) < 1e-9)
    }

    @Test func `a pipe neither holds up what comes slowly nor carries more than its rate`() {
        var pipe = Pipe(rate: 100)
        #expect(pipe.carry(100, from: 0, to: 5) == 5)
        #expect(pipe.carry(100, from: 5, to: 5) == 6)
        #expect(pipe.carry(100, from: 5, to: 5.5) == 7)
        #expect(pipe.bytes == 300)
        var open = Pipe(rate: .infinity)
        #expect(open.carry(100, from: 0, to: 1) == 1)
    }

    @Test func `events come by time and then in their order`() {
        var random = SeededGenerator(seed: 7)
        var queue = EventQueue()
        for index in 0..<2000 {
            queue.schedule(Event(time: Double(Int.random(in: 0..<50, using: &random)), kind: .tick, host: Int32(index)))
        }
        var before = Event(time: -1, kind: .tick, host: 0)
        while let event = queue.next() {
            #expect(Event.isBefore(before, event))
            before = event
        }
        #expect(before.time == 49)
    }
}
