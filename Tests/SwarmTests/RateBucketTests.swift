import SwarmCore
import Testing

@testable import Swarm

@Suite struct `A rate limit that loops share` {
    private static let rate = 1 << 20

    /// Bytes that pass in so many seconds when each loop asks every millisecond.
    private func passed(_ buckets: [RateBucket], seconds: Double, of bytes: Int = blockLength) -> Int {
        var (buckets, total) = (buckets, 0)
        for step in 0..<Int(seconds * 1_000) {
            let now = Double(step) / 1_000
            for index in buckets.indices where buckets[index].delay(for: bytes, now: now) <= 0 {
                buckets[index].spend(bytes)
                total += bytes
            }
        }
        return total
    }

    private func buckets(_ count: Int, rate: Int? = rate) -> [RateBucket] {
        let shared = SharedBucket(rate: rate, now: 0)
        return (0..<count).map { _ in RateBucket(rate: rate, now: 0, shared: shared) }
    }

    @Test(arguments: [1, 2, 4], [blockLength, 128 << 10]) func `holds for all of them together, and is used up`(
        loops: Int, bytes: Int
    ) {
        let total = passed(buckets(loops), seconds: 10, of: bytes)
        // What gathers in a quarter of a second may go at once.
        #expect(Double(total) < 10.3 * Double(Self.rate))
        #expect(Double(total) > 9.7 * Double(Self.rate))
    }

    @Test func `is not kept from one loop by others that ask for nothing`() {
        var all = buckets(4)
        for index in 1..<4 { _ = all[index].available(0) }
        let total = passed([all[0]], seconds: 10)
        #expect(Double(total) > 9.7 * Double(Self.rate))
    }

    @Test func `lets all wait for what one has spent without asking`() {
        var all = buckets(2)
        all[0].spend(2 * Self.rate)
        let left = all[1].available(0)
        #expect(left == 0)
        let delay = all[1].delay(for: blockLength, now: 0)
        #expect(abs(delay - 1.75) < 0.05)
        // What is sent whatever the limit says is owed up to a bound.
        var charged = buckets(2)
        charged[0].charge(2 * Self.rate)
        let short = charged[1].delay(for: blockLength, now: 0)
        #expect(short < 0.3)
    }

    @Test func `reads in blocks, not in crumbs`() {
        var all = buckets(2, rate: 1 << 10)
        let first = all[0].available(0)
        #expect(first == blockLength)
        all[0].spend(blockLength)
        let second = all[1].available(0)
        #expect(second == blockLength)
    }

    @Test func `is none where there is no limit, and begins when one is set`() {
        let shared = SharedBucket(rate: nil, now: 0)
        var one = RateBucket(rate: nil, now: 0, shared: shared)
        let unlimited = one.available(0)
        #expect(unlimited == .max)
        one.spend(1 << 30)
        let delay = one.delay(for: 1 << 30, now: 0)
        #expect(delay == 0)
        shared.setRate(Self.rate, now: 0)
        one.setRate(Self.rate, now: 0)
        let limited = one.available(0)
        #expect(limited < Self.rate)
    }
}
