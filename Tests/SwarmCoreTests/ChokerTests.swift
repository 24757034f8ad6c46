import SwarmCore
import Testing

@Suite struct ChokerTests {
    private func candidate(_ slot: Int, unchoked: Bool, gives: Double = 0, since: Double = 0) -> Choker.Candidate {
        Choker.Candidate(
            key: PeerKey(slot: Int32(slot), generation: 0), isUnchoked: unchoked, givesRate: gives, since: since)
    }

    @Test func `all are served while there is room`() {
        let candidates = (0..<16).map { candidate($0, unchoked: $0 % 2 == 0) }
        #expect(Choker().choose(candidates, slots: 16, isSeed: false).count == 16)
    }

    @Test func `the best givers and the longest waiting are served`() {
        var candidates = (0..<12).map { candidate($0, unchoked: true, gives: Double($0)) }
        candidates += (12..<20).map { candidate($0, unchoked: false, since: Double(100 - $0)) }
        let chosen = Choker().choose(candidates, slots: 8, isSeed: false)
        #expect(chosen.count == 8)
        #expect(Set([19, 18, 11, 10, 9, 8, 7, 6].map { PeerKey(slot: $0, generation: 0) }) == chosen)
    }

    @Test func `a seed's slots go round to everybody`() {
        var since = [Double](repeating: 0, count: 40)
        var served = [Int](repeating: 0, count: 40)
        var unchoked: Set<PeerKey> = []
        for round in 0..<60 {
            let candidates = (0..<40).map { slot in
                candidate(
                    slot, unchoked: unchoked.contains(PeerKey(slot: Int32(slot), generation: 0)), since: since[slot])
            }
            let chosen = Choker().choose(candidates, slots: 8, isSeed: true)
            #expect(chosen.count == 8)
            for slot in 0..<40 {
                let key = PeerKey(slot: Int32(slot), generation: 0)
                if chosen.contains(key) { served[slot] += 1 }
                if chosen.contains(key) != unchoked.contains(key) { since[slot] = Double(round + 1) }
            }
            unchoked = chosen
        }
        #expect(served.allSatisfy { $0 > 4 }, "\(served)")
    }

    @Test func `slots follow the uplink within bounds`() {
        let choker = Choker()
        #expect(choker.slots(uplink: nil, pieceLength: 1 << 20) == 16)
        #expect(choker.slots(uplink: 1e6, pieceLength: 1 << 20) == 4)
        #expect(choker.slots(uplink: 1e12, pieceLength: 1 << 20) == 128)
        #expect(choker.slots(uplink: 10e6, pieceLength: 1 << 20) == 19)
    }

    /// Sixteen at 40 Mbit/s were served nine at a time, and took a quarter longer than the same at 80.
    @Test func `slots follow the uplink beside those of others`() {
        let choker = Choker()
        func slots(_ mbit: Double, _ others: Choker.Others) -> Int {
            choker.slots(uplink: mbit * 1e6 / 8, others: others, pieceLength: 4 << 20)
        }
        #expect(slots(10, .unknown) == 16)
        #expect(slots(10, .uplink(10e6 / 8)) >= 16)
        #expect(slots(8, .uplink(10e6 / 8)) >= 16)
        #expect(slots(10, .silent) == 4)
        // A narrow one among wide ones.
        #expect((4...6).contains(slots(20, .uplink(80e6 / 8))))
        #expect(slots(1, .uplink(1e12)) == 4)
        #expect(slots(1e6, .uplink(1)) == 128)
    }

    @Test func `a seed that gives pieces out does not take slots back for turns`() {
        let served = (0..<4).map { candidate($0, unchoked: true) }
        let waiting = (4..<9).map { candidate($0, unchoked: false) }
        let kept = Choker().choose(served + waiting, slots: 4, isSeed: true, rotates: false)
        #expect(kept.intersection(served.map(\.key)).count == 3, "one turn, so that nobody holds a slot for ever")
        let rates = served.enumerated().map { index, candidate in
            Choker.Candidate(
                key: candidate.key, isUnchoked: true, givesRate: 0, takesRate: index == 1 ? 1 : 100, since: 0)
        }
        let used = Choker().choose(rates + waiting, slots: 4, isSeed: true, rotates: false)
        #expect(!used.contains(rates[1].key), "who takes least makes way")
        let filled = Choker().choose(Array(served.prefix(3)) + waiting, slots: 4, isSeed: true, rotates: false)
        #expect(filled.isSuperset(of: served.prefix(3).map(\.key)))
        #expect(filled.count == 4)
    }
}
