import SwarmCore
import Testing
import Text

@Suite struct BanListTests {
    @Test func `a peer is an id at a host and neither alone shuts another out`() {
        var bans = BanList<String, Int>()
        bans.ban("id", at: 1)
        #expect(bans.isBanned("id", at: 1))
        #expect(!bans.isBanned("id", at: 2))
        #expect(!bans.isBanned("other", at: 1))
    }

    @Test func `a host of many liars is let in no more`() {
        var bans = BanList<String, Int>()
        for index in 0..<4 {
            #expect(!bans.isBanned(7))
            bans.ban(index == 0 ? nil : "liar\(index)", at: 7)
        }
        #expect(bans.isBanned(7) && bans.isBanned("anybody", at: 7) && !bans.isBanned(8))
    }

    @Test func `the latest bans are remembered`() {
        var bans = BanList<Int, Int>(capacity: 100)
        for index in 0..<10_000 { bans.ban(index, at: index) }
        for index in 9_900..<10_000 { #expect(bans.isBanned(index, at: index)) }
        #expect(!bans.isBanned(0, at: 0))
    }

    @Test(arguments: 0..<10) func `a bounded dictionary holds what was written last`(seed: Int) {
        var random = SeededGenerator(seed: UInt64(seed))
        var recent = RecentKeys<Int, Int>(capacity: 20)
        var order: [(key: Int, value: Int)] = []
        for step in 0..<3_000 {
            let key = Int.random(in: 0..<60, using: &random)
            order.removeAll { $0.key == key }
            if step % 5 == 0 {
                recent[key] = nil
            } else {
                let gone = recent.insert(step, for: key)
                order.append((key, step))
                if order.count > 20 {
                    let oldest = order.removeFirst().key
                    #expect(gone == oldest)
                } else {
                    #expect(gone == nil)
                }
            }
            #expect(recent.count == order.count)
            for (key, value) in order { #expect(recent[key] == value) }
        }
    }
}
