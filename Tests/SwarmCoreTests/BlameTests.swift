import Hashing
import SwarmCore
import Testing

@Suite struct BlameTests {
    private let keys = (0..<3).map { PeerKey(slot: Int32($0), generation: 0) }
    private func digests(_ text: String) -> [SHA1Digest] { text.utf8.map { SHA1.digest([$0]) } }

    @Test func `the only sender is to blame`() {
        var ledger = BlameLedger()
        #expect(ledger.failed(5, senders: [keys[0], nil, keys[0]], digests: digests("abc")) == keys[0])
        #expect(ledger.isSuspect(5))
        #expect(ledger.verified(5, digests: digests("abd")) == [])
        #expect(!ledger.isSuspect(5))
    }

    @Test func `of several the one whose block differs is to blame`() {
        var ledger = BlameLedger()
        #expect(ledger.failed(5, senders: [keys[0], keys[1], keys[2]], digests: digests("abc")) == nil)
        #expect(ledger.failed(5, senders: [keys[1], keys[0], keys[2]], digests: digests("xbc")) == nil)
        #expect(ledger.verified(5, digests: digests("axc")) == [keys[0], keys[1]])
    }

    @Test func `what is remembered is bounded`() {
        var ledger = BlameLedger()
        for piece in 0..<1000 { _ = ledger.failed(piece, senders: [keys[0], keys[1]], digests: digests("ab")) }
        #expect((0..<1000).count { ledger.isSuspect($0) } <= 64)
    }
}
