import Metainfo
import SwarmCore
import Testing

@Suite struct `Credits of senders` {
    private let source = PeerKey(slot: 1, generation: 0)
    private let peer = PeerKey(slot: 2, generation: 0)

    /// One piece of two blocks: the first file ends in the second block.
    private func layout() throws -> ContentLayout {
        try ContentLayout(
            pieceLength: 32_768,
            files: [
                FileEntry(path: try SafePath("a"), length: 24_000, offset: 0),
                FileEntry(path: try SafePath("b"), length: 8_768, offset: 0),
            ])
    }

    private func credit(_ senders: [PeerKey?], in ledger: inout CreditLedger) throws {
        ledger.credit(0, length: 32_768, senders: senders, blockLength: 16_384, in: try layout())
    }

    @Test func `go to each web seed for its blocks, and to all peers together`() throws {
        var ledger = CreditLedger()
        ledger.joined(source)
        try credit([source, peer], in: &ledger)
        try credit([peer, peer], in: &ledger)
        #expect(ledger.bySource == [source: 16_384] && ledger.byPeers == 16_384 + 32_768)
    }

    @Test func `count the files that are to be counted`() throws {
        var ledger = CreditLedger()
        ledger.joined(source)
        ledger.countedFiles = [false, true]
        try credit([source, source], in: &ledger)
        try credit([source, peer], in: &ledger)
        #expect(ledger.bySource == [source: 8_768] && ledger.byPeers == 8_768)
    }

    @Test func `leave out blocks that nobody sent`() throws {
        var ledger = CreditLedger()
        try credit([nil, peer], in: &ledger)
        #expect(ledger.bySource.isEmpty && ledger.byPeers == 16_384)
    }
}
