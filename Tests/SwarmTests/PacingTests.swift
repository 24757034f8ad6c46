import PeerWire
import Reactor
import Testing

@testable import Swarm
@testable import SwarmCore

@Suite("Bytes that wait unsent")
struct UnsentLimitTests {
    /// Sends at a steady rate and says what the limit is at the end.
    private func limit(rate: Double, seconds: Double, step: Double = 0.005) -> Int {
        var limit = UnsentLimit()
        for index in 0..<Int(seconds / step) { _ = limit.sent(Int(rate * step), now: Double(index) * step) }
        return limit.bytes
    }

    @Test("are some hundredths of a second's worth")
    func followsTheRate() {
        #expect((150_000...300_000).contains(limit(rate: 10e6, seconds: 2)))
        #expect(limit(rate: 100e3, seconds: 2) == UnsentLimit.least)
        #expect(limit(rate: 5e9, seconds: 2) == UnsentLimit.most)
    }

    @Test("are soon many on a line that is fast from the beginning")
    func growsAtOnce() {
        #expect(limit(rate: 1e9, seconds: 0.1, step: 0.0005) > 4 << 20)
    }

    @Test("do not count a pause as slowness")
    func pauses() {
        var limit = UnsentLimit()
        for index in 0..<100 { _ = limit.sent(100_000, now: Double(index) * 0.01) }
        let before = limit.bytes
        _ = limit.sent(100_000, now: 60)
        #expect(limit.bytes == before)
    }
}

@Suite("The first bytes to a peer")
struct OpeningPaceTests {
    /// Bytes that pass within so many seconds of the first.
    private func passed(seconds: Double, isAlone: Bool, from start: Double = 100, in pace: inout OpeningPace) -> Double
    {
        var now = start
        var bytes = 0.0
        while now < start + seconds, bytes < 1e9 {
            let delay = pace.delay(for: 16_384, isAlone: isAlone, now: now)
            guard delay <= 0 else {
                now += delay + 1e-9
                continue
            }
            pace.sent(16_384, now: now)
            bytes += 16_384
        }
        return bytes
    }

    @Test("are few while others may be beginning too")
    func opensSlowly() {
        var pace = OpeningPace()
        #expect(passed(seconds: 0.05, isAlone: false, in: &pace) < 200_000)
    }

    @Test("have no limit after a moment")
    func endsSoon() {
        var pace = OpeningPace()
        #expect(passed(seconds: 0.6, isAlone: false, in: &pace) >= 1e9)
        var alone = OpeningPace()
        #expect(passed(seconds: 0.2, isAlone: true, in: &alone) >= 1e9)
    }

    @Test("begin again after a pause")
    func idles() {
        var pace = OpeningPace()
        _ = passed(seconds: 1, isAlone: true, in: &pace)
        #expect(passed(seconds: 0.05, isAlone: false, from: 200, in: &pace) < 200_000)
    }
}

@Suite("What peer exchange tells")
struct ExchangeStateTests {
    private let key = PeerKey(slot: 1, generation: 0)

    private func addresses(_ count: Int) -> Set<SocketAddress> {
        Set((1...count).compactMap { SocketAddress(host: [10, 0, 0, UInt8($0 % 250)], port: UInt16(6881 + $0)) })
    }

    @Test("comes at once, again when those who begin together are there, then each minute")
    func intervals() {
        var state = ExchangeState()
        var sent: [Double] = []
        for second in 0..<200 {
            let now = Double(second)
            // Somebody new each second.
            guard state.isDue(key, now: now, interval: 60) else { continue }
            let change = state.difference(for: key, known: addresses(second + 1), own: nil, most: 50, now: now)
            if change != nil { sent.append(now) }
        }
        #expect(sent == [0, 3, 63, 123, 183])
    }

    @Test("tells each address once, not a peer's own, and who is gone")
    func differences() throws {
        var state = ExchangeState()
        let all = addresses(5)
        let own = try #require(all.first)
        let first = state.difference(for: key, known: all, own: own, most: 50, now: 0)
        #expect(first.map { Set($0.added) } == all.subtracting([own]))
        let nothing = state.difference(for: key, known: all, own: own, most: 50, now: 10)
        #expect(nothing?.added == nil)
        let second = state.difference(for: key, known: [own], own: own, most: 50, now: 20)
        #expect(second?.added == [])
        #expect(second.map { Set($0.dropped) } == all.subtracting([own]))
    }

    @Test("is taken a few times at the beginning, then once a minute")
    func receiving() {
        var state = ExchangeState()
        let taken = (0..<100).filter { state.mayReceive(from: key, now: Double($0), least: 45) }
        #expect(taken == [0, 1, 2, 47, 92])
    }
}
