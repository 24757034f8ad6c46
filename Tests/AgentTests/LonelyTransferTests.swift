import Agent
import Testing

@Suite struct LonelyTransferTests {
    @Test func `whoever is without any peer asks again each five seconds`() {
        var alone = LonelyTransfer()
        let asked = stride(from: 0.0, through: 12, by: 0.5).filter { alone.asks(peers: 0, now: $0) }
        #expect(asked == [5, 10])
    }

    @Test func `whoever has a peer asks nobody`() {
        var alone = LonelyTransfer()
        let asked = stride(from: 0.0, through: 20, by: 0.5).filter { now in
            alone.asks(peers: now == 4 || now > 8 ? 1 : 0, now: now)
        }
        #expect(asked.isEmpty)
    }
}
