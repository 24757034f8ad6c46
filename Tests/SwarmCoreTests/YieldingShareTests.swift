import SwarmCore
import Testing

/// A host that serves peers who depend on it beside others, on an uplink that TCP shares out between those who may
/// send.
private struct SharedUplink {
    var share = YieldingShare(now: 0)
    let uplink: Double
    /// What the lines of those who depend on it take together, bytes per second.
    let dependentLines: Double
    var now = 0.0
    private(set) var dependentRate = 0.0
    private(set) var yieldingRate = 0.0

    init(uplink: Double, dependentLines: Double) {
        self.uplink = uplink
        self.dependentLines = dependentLines
    }

    mutating func run(seconds: Double, isContested: Bool = true) {
        let step = 0.1
        for _ in 0..<Int(seconds / step) {
            now += step
            let wanted = isContested ? dependentLines : 0
            yieldingRate = min(isContested ? share.limit ?? uplink : uplink, max(uplink - wanted, uplink * 3 / 7))
            dependentRate = min(wanted, uplink - yieldingRate)
            share.sent(Int(dependentRate * step), goesFirst: true)
            share.sent(Int(yieldingRate * step), goesFirst: false)
            share.look(isContested: isContested, now: now)
        }
    }
}

@Suite("Peers that others can serve too")
struct YieldingShareTests {
    @Test
    func `leave a narrow uplink to those who depend on it`() {
        var uplink = SharedUplink(uplink: 10e6, dependentLines: 40e6)
        uplink.run(seconds: 5)
        for _ in 0..<50 {
            uplink.run(seconds: 1)
            #expect(uplink.yieldingRate < 2e6)
            #expect(uplink.dependentRate > 8e6)
        }
    }

    @Test
    func `take what the lines of those who depend on it leave over`() {
        var uplink = SharedUplink(uplink: 10e6, dependentLines: 0.2e6)
        uplink.run(seconds: 30)
        #expect(uplink.yieldingRate > 9e6)
        #expect(uplink.dependentRate > 0.19e6)
    }

    @Test
    func `have no limit while nobody who depends on us waits`() {
        var uplink = SharedUplink(uplink: 10e6, dependentLines: 40e6)
        uplink.run(seconds: 5)
        #expect(uplink.share.limit != nil)
        uplink.run(seconds: 2, isContested: false)
        #expect(uplink.share.limit == nil)
        #expect(uplink.share.delay(for: 1 << 20, now: uplink.now) == 0)
    }

    @Test
    func `wait as long as their share says`() {
        var share = YieldingShare(now: 0)
        share.sent(6_000_000, goesFirst: true)
        share.sent(4_000_000, goesFirst: false)
        share.look(isContested: true, now: 1)
        let limit = share.limit ?? 0
        #expect(limit > 0 && limit < 4_000_000)
        var passed = 0.0
        var now = 1.0
        while now < 11 {
            let delay = share.delay(for: 16_384, now: now)
            now += max(delay, 1e-6)
            share.sent(16_384, goesFirst: false)
            passed += 16_384
        }
        #expect(passed < limit * 10 * 1.1)
        #expect(passed > limit * 10 * 0.9)
    }
}
