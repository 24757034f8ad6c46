import Glibc
import SwarmCore
import Testing

@Suite struct PeerTableTests {
    private func add(to table: inout PeerTable) -> PeerKey {
        table.add(at: 0) {
            PeerState(key: $0, traits: PeerTraits(supportsFast: true), pieceCount: 10, missing: 10, now: 0)
        }
    }

    @Test func `what is written at a place is read by key`() {
        var table = PeerTable()
        let first = add(to: &table)
        let second = add(to: &table)
        if let place = table.place(of: second) { table[place].wantedCount = 7 }
        #expect(table[second]?.wantedCount == 7)
        #expect(table[first]?.wantedCount == 0)
        table[first]?.wantedCount = 3
        #expect(table.place(of: first).map { table[$0].wantedCount } == 3)
    }

    @Test func `who has gone is not found where another is now`() {
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

    /// Freed memory is overwritten here with a pattern that no reference can have: if the method's call reads what the
    /// accessor of the table has freed, the array is released once too little, and is not the peer's alone any more.
    @Test func `a method called on a peer's grants reads no memory that is freed`() throws {
        var table = PeerTable()
        let key = add(to: &table)
        let place = try #require(table.place(of: key))
        table[place].grants.given = [1, 2]
        func address() -> UnsafeRawPointer? {
            table[place].grants.given.withUnsafeMutableBufferPointer { UnsafeRawPointer($0.baseAddress) }
        }
        let before = address()
        try fillFreedMemory(with: 0xA5)
        defer { try? fillFreedMemory(with: 0) }
        for _ in 0..<10 { #expect(isBusy(&table, place)) }
        #expect(address() == before)
        #expect(table[place].grants.given == [1, 2])
    }

    private func isBusy(_ table: inout PeerTable, _ place: PeerTable.Place) -> Bool { table[place].grants.isBusy }

    /// `mallopt(M_PERTURB, pattern)`, which Swift's C library does not show. 0 ends it.
    private func fillFreedMemory(with pattern: CInt) throws {
        let mallopt = try #require(dlsym(nil, "mallopt"))
        let set = unsafeBitCast(mallopt, to: (@convention(c) (CInt, CInt) -> CInt).self)
        #expect(set(-6, pattern) == 1)
    }
}
