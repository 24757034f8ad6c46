import SwarmCore
import Testing

@Suite struct GrantsOfPeerTests {
    @Test func `grants passed on together count as one`() {
        var grants = GrantsOfPeer()
        for _ in 0..<10 { grants.wasNotUsed(now: 1) }
        let once = grants.pausedUntil
        #expect(once == 1 + GrantsOfPeer.leastPause)
        grants.wasNotUsed(now: once)
        #expect(grants.pausedUntil == once + 2 * GrantsOfPeer.leastPause, "passed on again after the pause")
    }

    @Test func `with several grants at all times, whoever takes one piece after the other counts from the last`() {
        var grants = GrantsOfPeer()
        grants.queued = 300
        for second in 1...40 {
            grants.queued += 10
            _ = grants.sent(10, pieceLength: 100, now: Double(second))
        }
        #expect(grants.since == 40)
        _ = grants.sent(90, pieceLength: 100, now: 50)
        #expect(grants.since == 40, "less than a piece")
    }

    @Test func `a pause is over when all that was asked for is sent`() {
        var grants = GrantsOfPeer()
        grants.queued = 200
        grants.wasNotUsed(now: 1)
        let afterHalf = grants.sent(100, pieceLength: 100, now: 1.01)
        #expect(!afterHalf)
        #expect(grants.pausedUntil > 1.01)
        let afterAll = grants.sent(100, pieceLength: 100, now: 1.02)
        #expect(afterAll)
        #expect(grants.pausedUntil <= 1.02)
        grants.queued = 100
        let afterOthers = grants.sent(100, pieceLength: 100, now: 1.03)
        #expect(!afterOthers, "it was not paused: nothing new is to be decided")
    }
}
