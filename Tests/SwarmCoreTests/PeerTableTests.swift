@testable import SwarmCore
import Testing

@Suite struct PeerTableTests {
    private func add(to table: inout PeerTable) -> PeerKey {
        table.add(at: 0) {
            PeerState(key: $0, traits: PeerTraits(supportsFast: true), pieceCount: 10, missing: 10, now: 0)
        }
    }

    @Test func whatIsWrittenAtAPlaceIsReadByKey() {
        var table = PeerTable()
        let first = add(to: &table)
        let second = add(to: &table)
        if let place = table.place(of: second) { table[place].wantedCount = 7 }
        #expect(table[second]?.wantedCount == 7)
        #expect(table[first]?.wantedCount == 0)
        table[first]?.wantedCount = 3
        #expect(table.place(of: first).map { table[$0].wantedCount } == 3)
    }

    @Test func whoHasGoneIsNotFoundWhereAnotherIsNow() {
        var table = PeerTable()
        let gone = add(to: &table)
        table[gone]?.wantedCount = 5
        #expect(table.remove(gone)?.wantedCount == 5)
        #expect(table.place(of: gone) == nil && table[gone] == nil)
        let next = add(to: &table)
        #expect(next.slot == gone.slot && next != gone)
        #expect(table[next]?.wantedCount == 0)
        #expect(table.place(of: gone) == nil && table[gone] == nil)
        // What is said of it is lost, and is not said of the other.
        table[gone]?.wantedCount = 9
        #expect(table[next]?.wantedCount == 0)
        #expect(table.remove(gone) == nil)
        #expect(table.keys == [next])
    }
}
