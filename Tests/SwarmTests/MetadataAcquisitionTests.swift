import Metainfo
import PeerWire
@testable import Swarm
import Testing

@Suite struct `What a magnet link lacks` {
    private final class Someone {}
    private let liar = Someone()
    private let honest = Someone()

    private func askedPeers(_ actions: [MetadataAcquisition.Action]) -> [ObjectIdentifier] {
        actions.compactMap { if case .send(let peer, .extended(.metadata(.request))) = $0 { peer } else { nil } }
    }

    @Test func `is asked of those who offer it, and a peer that sent something else is banned`() throws {
        let sample = try Sample.single(100_000, version: .v1)
        let (one, two) = (ObjectIdentifier(liar), ObjectIdentifier(honest))
        var acquisition = MetadataAcquisition(nil)
        #expect(askedPeers(acquisition.ask(open: [one, two], now: 0)).isEmpty)
        acquisition.offered(by: one, size: sample.info.bytes.count)
        #expect(askedPeers(acquisition.ask(open: [one, two], now: 1)) == [one])
        let wrong = [UInt8](repeating: 1, count: sample.info.bytes.count)
        let actions = acquisition.received(chunk: 0, wrong, from: one)
        guard case .judge(let chunks)? = actions.last else {
            Issue.record("what is whole is judged")
            return
        }
        #expect(chunks == [wrong])
        acquisition.offered(by: two, size: sample.info.bytes.count)
        let next = acquisition.judged(.wrong, open: [one, two], now: 2)
        guard case .ban(let banned)? = next.first else {
            Issue.record("the peer that sent it is banned")
            return
        }
        #expect(banned == one)
        acquisition.left(one)
        #expect(askedPeers(next + acquisition.ask(open: [two], now: 3)) == [two])
        _ = acquisition.received(chunk: 0, Array(sample.info.bytes), from: two)
        let end = acquisition.judged(
            .usable(sample.info, sample.torrent.pieceHashes, layers: nil), open: [two], now: 4)
        guard case .finished(let info, _)? = end.first else {
            Issue.record("what is right ends the search")
            return
        }
        #expect(info.hashes == sample.info.hashes)
        #expect(acquisition.isInfoKnown)
    }
}
