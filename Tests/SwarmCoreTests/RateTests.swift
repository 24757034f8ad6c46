import SwarmCore
import Testing
import Text

@Suite struct RateTests {
    @Test func `the meter follows the rate and forgets`() {
        var meter = RateMeter(now: 0)
        for step in 1...200 { meter.add(10_000, now: Double(step) * 0.1) }
        #expect(abs(meter.rate(20) - 100_000) < 2_000)
        #expect(meter.rate(40) < 1000)
        #expect(meter.total == 2_000_000)
    }

    @Test func `a clock that stands or goes back does no harm`() {
        var meter = RateMeter(now: 5)
        meter.add(100, now: 5)
        meter.add(100, now: 4)
        #expect(meter.rate(5).isFinite)
        var bucket = TokenBucket(rate: 1000, now: 5)
        bucket.spend(50_000)
        #expect(bucket.available(4) == 0)
        #expect(bucket.delay(for: 100, now: 4) > 0)
    }

    @Test(arguments: [1_000, 50_000, 1_000_000, 100_000_000]) func `the bucket passes its rate in the long run`(
        rate: Int
    ) {
        var random = SeededGenerator(seed: UInt64(rate))
        var bucket = TokenBucket(rate: rate, now: 0)
        bucket.spend(bucket.available(0))
        var now = 0.0
        var passed = 0
        while now < 1000 {
            let want = Int.random(in: 1...131_072, using: &random)
            let delay = bucket.delay(for: want, now: now)
            if delay > 0 {
                now += delay + 1e-6
            } else {
                bucket.spend(want)
                passed += want
                now += Double(want) / 1e9
            }
        }
        #expect(abs(Double(passed) / 1000 / Double(rate) - 1) < 0.2)
    }

    @Test func `a bucket without a rate passes all and a limit takes hold at once`() {
        var bucket = TokenBucket(rate: nil, now: 0)
        #expect(bucket.available(0) == .max)
        bucket.spend(1 << 40)
        #expect(bucket.delay(for: 1 << 30, now: 1) == 0)
        bucket.setRate(1000, now: 1000)
        #expect(bucket.available(1000) <= 32 * 1024)
        bucket.spend(32 * 1024)
        #expect(bucket.delay(for: 1000, now: 1000) > 0.9)
    }
}
