import SwarmCore
import Testing

@Suite struct RequestWindowTests {
    /// A line of `rate` bytes per second and `delay` seconds.
    private func settled(rate: Double, delay: Double) -> RequestWindow {
        var window = RequestWindow(now: 0)
        var now = 0.0
        for _ in 0..<4000 {
            // As much is delivered in a step as the line and the window allow.
            let bytes = min(rate * 0.01, Double(window.target) / max(delay, 0.01) * 0.01)
            now += 0.01
            window.arrived(Int(bytes), delay: delay + Double(window.target) / rate, now: now)
        }
        return window
    }

    @Test func `it fills a fast and long line`() {
        let window = settled(rate: 50e6, delay: 0.1)
        #expect(window.target >= 5_000_000, "rate times delay at least")
        #expect(window.target <= 8 << 20)
    }

    @Test func `a slow line is not promised much`() {
        let window = settled(rate: 100_000, delay: 0.02)
        #expect(window.target >= 2 * blockLength)
        #expect(window.target <= 200_000, "two seconds of its rate: \(window.target)")
    }

    @Test func `a stalled peer starts anew with one block`() {
        var window = settled(rate: 50e6, delay: 0.1)
        window.collapse()
        #expect(window.target == blockLength)
        window.arrived(blockLength, delay: 0.01, now: 100)
        #expect((2 * blockLength...3 * blockLength).contains(window.target))
    }

    @Test func `runs are long only where the line is fast`() {
        var fast = settled(rate: 50e6, delay: 0.01)
        var slow = settled(rate: 100_000, delay: 0.01)
        #expect(fast.runLength(limit: 8, connections: 1, requests: 250, now: 40) == 8)
        #expect(fast.runLength(limit: 8, connections: 32, requests: 500, now: 40) < 8, "each of many has less")
        #expect(slow.runLength(limit: 8, connections: 1, requests: 250, now: 40) == 1)
    }
}
