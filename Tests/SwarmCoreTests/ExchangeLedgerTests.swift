import SwarmCore
import Testing

@Suite struct `What peer exchange tells` {
    private let key = PeerKey(slot: 1, generation: 0)

    private func peers(_ addresses: Set<Int>) -> [ExchangeLedger<Int>.Peer] {
        addresses.sorted().map {
            .init(key: PeerKey(slot: Int32(100 + $0), generation: 0), address: $0, listens: false)
        }
    }

    @Test func `comes at once, again when those who begin together are there, then each minute`() {
        var ledger = ExchangeLedger<Int>()
        var sent: [Double] = []
        for second in 0..<200 {
            let now = Double(second)
            // One peer more each second.
            let all = peers(Set(0...second)) + [.init(key: key, address: nil)]
            if !ledger.messages(to: all, now: now).isEmpty { sent.append(now) }
        }
        #expect(sent == [0, 3, 63, 123, 183])
    }

    @Test func `names each address once, not a peer's own, and those that are gone`() {
        var ledger = ExchangeLedger<Int>()
        let all: Set = [1, 2, 3, 4, 5]
        let first = ledger.difference(for: key, known: all, order: all.sorted(), own: 1, now: 0)
        #expect(first.map { Set($0.added) } == all.subtracting([1]))
        #expect(ledger.difference(for: key, known: all, order: all.sorted(), own: 1, now: 10)?.added == nil)
        let second = ledger.difference(for: key, known: [1], order: [1], own: 1, now: 20)
        #expect(second?.added == [])
        #expect(second.map { Set($0.dropped) } == all.subtracting([1]))
    }

    @Test func `goes to those that understand it, and leaves out addresses that cannot be dialled`() {
        var ledger = ExchangeLedger<Int>()
        let deaf = PeerKey(slot: 2, generation: 0)
        let hidden = PeerKey(slot: 3, generation: 0)
        let messages = ledger.messages(
            to: [
                .init(key: key, address: 1), .init(key: deaf, address: 2, listens: false),
                .init(key: hidden, address: 3, isReachable: false),
            ], now: 0)
        #expect(messages.map(\.to) == [key, hidden])
        #expect(messages.map { Set($0.change.added) } == [[2], [1, 2]])
    }

    @Test func `is taken a few times at the beginning, then once a minute`() {
        var ledger = ExchangeLedger<Int>()
        let taken = (0..<100).filter { ledger.mayReceive(from: key, now: Double($0)) }
        #expect(taken == [0, 1, 2, 47, 92])
    }

    @Test func `starts anew with a peer that has left and come back`() {
        var ledger = ExchangeLedger<Int>()
        let all: [ExchangeLedger<Int>.Peer] = [.init(key: key, address: 1)] + peers([7])
        #expect(ledger.messages(to: all, now: 0).count == 1)
        #expect(ledger.messages(to: all, now: 100).isEmpty)
        ledger.forget(key)
        #expect(ledger.messages(to: all, now: 101).first?.change.added == [7])
    }
}
