import PeerWire
import Reactor
import SwarmCore
import Testing

@testable import Swarm

@Suite("Bytes that wait unsent")
struct UnsentLimitTests {
    /// Sends at a steady rate and says what the limit is at the end.
    private func limit(rate: Double, seconds: Double, step: Double = 0.005) -> Int {
        var limit = UnsentLimit()
        for index in 0..<Int(seconds / step) { _ = limit.sent(Int(rate * step), now: Double(index) * step) }
        return limit.bytes
    }

    @Test
    func `are some hundredths of a second's worth`() {
        #expect((150_000...300_000).contains(limit(rate: 10e6, seconds: 2)))
        #expect(limit(rate: 100e3, seconds: 2) == UnsentLimit.least)
        #expect(limit(rate: 5e9, seconds: 2) == UnsentLimit.most)
    }

    @Test
    func `are soon many on a line that is fast from the beginning`() {
        #expect(limit(rate: 1e9, seconds: 0.1, step: 0.0005) > 4 << 20)
    }

    @Test
    func `do not count a pause as slowness`() {
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

    @Test
    func `are few while others may be beginning too`() {
        var pace = OpeningPace()
        #expect(passed(seconds: 0.05, isAlone: false, in: &pace) < 200_000)
    }

    @Test
    func `have no limit after a moment`() {
        var pace = OpeningPace()
        #expect(passed(seconds: 0.6, isAlone: false, in: &pace) >= 1e9)
        var alone = OpeningPace()
        #expect(passed(seconds: 0.2, isAlone: true, in: &alone) >= 1e9)
    }

    @Test
    func `begin again after a pause`() {
        var pace = OpeningPace()
        _ = passed(seconds: 1, isAlone: true, in: &pace)
        #expect(passed(seconds: 0.05, isAlone: false, from: 200, in: &pace) < 200_000)
    }
}
