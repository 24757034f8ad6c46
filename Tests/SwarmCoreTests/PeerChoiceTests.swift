import Hashing
import Testing

@testable import SwarmCore

@Suite struct ChokerTests {
    private func candidate(_ slot: Int, unchoked: Bool, gives: Double = 0, since: Double = 0) -> Choker.Candidate {
        Choker.Candidate(
            key: PeerKey(slot: Int32(slot), generation: 0), isUnchoked: unchoked, givesRate: gives, since: since)
    }

    @Test func allAreServedWhileThereIsRoom() {
        let candidates = (0..<16).map { candidate($0, unchoked: $0 % 2 == 0) }
        #expect(Choker().choose(candidates, slots: 16, isSeed: false).count == 16)
    }

    @Test func theBestGiversAndTheLongestWaitingAreServed() {
        var candidates = (0..<12).map { candidate($0, unchoked: true, gives: Double($0)) }
        candidates += (12..<20).map { candidate($0, unchoked: false, since: Double(100 - $0)) }
        let chosen = Choker().choose(candidates, slots: 8, isSeed: false)
        #expect(chosen.count == 8)
        #expect(Set([19, 18, 11, 10, 9, 8, 7, 6].map { PeerKey(slot: $0, generation: 0) }) == chosen)
    }

    @Test func aSeedsSlotsGoRoundToEverybody() {
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

    @Test func slotsFollowTheUplinkWithinBounds() {
        let choker = Choker()
        #expect(choker.slots(uplink: nil, pieceLength: 1 << 20) == 16)
        #expect(choker.slots(uplink: 1e6, pieceLength: 1 << 20) == 4)
        #expect(choker.slots(uplink: 1e12, pieceLength: 1 << 20) == 128)
        #expect(choker.slots(uplink: 10e6, pieceLength: 1 << 20) == 19)
    }

    /// Sixteen at 40 Mbit/s were served nine at a time, and took a quarter longer than the same at 80.
    @Test func slotsFollowTheUplinkBesideThoseOfOthers() {
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

    @Test func aSeedThatGivesPiecesOutDoesNotTakeSlotsBackForTurns() {
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

@Suite struct PeerBookTests {
    private func book(_ change: (inout PeerBook<String>.Limits) -> Void = { _ in }) -> PeerBook<String> {
        var limits = PeerBook<String>.Limits()
        change(&limits)
        return PeerBook(limits: limits)
    }

    @Test func halfOpenConnectionsAndConnectionsAreBounded() {
        var book = book { $0.halfOpen = 3 }
        book.learn((0..<10).map(String.init), from: .tracker)
        #expect(book.dial(connections: 0, now: 0) == ["0", "1", "2"])
        #expect(book.dial(connections: 0, now: 0) == [])
        book.connected("0")
        #expect(book.dial(connections: 78, now: 0) == [], "two half open, 78 there")
        #expect(book.dial(connections: 1, now: 0) == ["3"])
    }

    @Test func `connections that others made do not keep this host from dialling`() {
        var book = book { $0.dialled = 3 }
        book.learn((0..<10).map(String.init), from: .tracker)
        #expect(book.dial(connections: 5000, dialled: 0, now: 0) == ["0", "1", "2"])
        for name in ["0", "1", "2"] { book.connected(name) }
        #expect(book.dial(connections: 5003, dialled: 3, now: 0) == [])
        #expect(book.dial(connections: 79, dialled: 3, now: 0) == ["3"], "few are here, whoever made them")
    }

    @Test func `silent peers that other peers named leave room for those of a tracker`() {
        var book = book { $0.dialled = 3 }
        book.learn((0..<50).map { "hearsay \($0)" }, from: .exchange)
        let silent = book.dial(connections: 5000, dialled: 0, now: 0)
        #expect(silent.count == 3)
        for address in silent { book.connected(address) }
        #expect(book.dial(connections: 5003, dialled: 3, now: 1) == [])
        book.learn((0..<50).map { "tracker \($0)" }, from: .tracker)
        let found = book.dial(connections: 5003, dialled: 3, now: 2)
        #expect(found == ["tracker 0", "tracker 1", "tracker 2"], "as many as the silent ones hold, and no more")
        for address in found { book.connected(address) }
        #expect(book.dial(connections: 5006, dialled: 6, now: 3) == [])
    }

    @Test func `without hearsay a tracker's addresses get no more than before`() {
        var book = book { $0.dialled = 3 }
        book.learn((0..<50).map { "tracker \($0)" }, from: .tracker)
        for address in book.dial(connections: 5000, dialled: 0, now: 0) { book.connected(address) }
        #expect(book.dial(connections: 5003, dialled: 3, now: 1) == [])
    }

    @Test func `the user's own addresses are dialled beside many of others`() {
        var book = book { $0.dialled = 3 }
        book.learn((0..<10).map(String.init), from: .tracker)
        book.learn(["mine"], from: .configured)
        #expect(book.dial(connections: 5003, dialled: 3, now: 0) == ["mine"])
    }

    @Test func `an address that this host had no descriptor for is tried soon and is not to blame`() {
        var book = book()
        book.learn(["a"], from: .exchange)
        for now in 0..<100 {
            #expect(book.dial(connections: 0, now: Double(now)) == ["a"])
            book.postponed("a", now: Double(now))
            #expect(book.dialling == 0)
            #expect(book.dial(connections: 0, now: Double(now) + 0.9) == [])
        }
    }

    @Test func aFailedAddressIsTriedLaterAndLater() {
        var book = book()
        book.learn(["a"], from: .configured)
        var now = 0.0
        for wait in [2.0, 4, 8, 16] {
            #expect(book.dial(connections: 0, now: now) == ["a"])
            book.failed("a", now: now)
            #expect(book.dial(connections: 0, now: now + wait - 0.01) == [])
            now += wait
        }
        book.learn(["a"], from: .tracker)
        #expect(book.dial(connections: 0, now: now) == ["a"])
        book.connected("a")
        book.failed("a", now: now)
        #expect(book.dial(connections: 0, now: now + 2) == ["a"], "after a connection it begins anew")
    }

    @Test func addressesThatNobodyReachesAreForgottenButTheUsersAreNot() {
        for (origin, isKept) in [(PeerBook<String>.Origin.configured, true), (.tracker, false)] {
            var book = book()
            book.learn(["a"], from: origin)
            for round in 0..<20 {
                _ = book.dial(connections: 0, now: Double(round) * 1000)
                book.failed("a", now: Double(round) * 1000)
            }
            #expect((book.count == 1) == isKept)
            #expect(book.dialling == 0)
        }
    }

    @Test func addressesWithoutEndAreNotRemembered() {
        var book = book()
        book.learn(["mine"], from: .configured)
        book.learn((0..<10_000).map(String.init), from: .exchange)
        #expect(book.count <= 4000)
        #expect(book.dial(connections: 0, now: 0).contains("mine"), "what strangers say does not push out the user's")
    }

    @Test func `peers that were shunned neither fill the book nor keep new ones out`() {
        var book = book()
        for index in 0..<20_000 {
            let address = "stranger\(index)"
            book.connected(address)
            if index % 2 == 0 { book.shun(address) } else { book.ban(address) }
        }
        #expect(book.count <= 12_000)
        book.learn(["new"], from: .exchange)
        #expect(book.dial(connections: 0, now: 0) == ["new"])
        #expect(book.isBanned("stranger19999"), "the latest are remembered")
    }

    @Test func `a peer whose second way was shunned is dialled again when the first ends`() {
        var book = book()
        book.learn(["a"], from: .tracker)
        #expect(book.dial(connections: 0, now: 0) == ["a"])
        book.shun("a")
        #expect(book.dial(connections: 1, now: 1e6) == [])
        book.failed("a", now: 1e6)
        #expect(book.dial(connections: 0, now: 1e6 + 2) == ["a"])
        // One that only came by itself is forgotten.
        book.connected("b")
        book.shun("b")
        book.failed("b", now: 1e6)
        #expect(book.dial(connections: 0, now: 2e6) == [] && book.count == 1)
    }

    @Test func `what peers say does not push out what trackers say`() {
        var book = book { $0.capacity = 100 }
        book.learn((0..<200).map { "gossip\($0)" }, from: .exchange)
        book.learn((0..<80).map { "tracker\($0)" }, from: .tracker)
        book.learn((200..<1_000).map { "gossip\($0)" }, from: .exchange)
        book.learn(["mine"], from: .configured)
        #expect(book.count <= 101)
        let dialled = book.dial(connections: 0, now: 0) + book.dial(connections: 0, now: 0)
        #expect(dialled.count { $0.hasPrefix("tracker") } == 50 || dialled.contains("mine"))
        var all: Set<String> = []
        for address in dialled { book.shun(address) }
        all.formUnion(dialled)
        while case let more = book.dial(connections: 0, now: 0), !more.isEmpty {
            all.formUnion(more)
            for address in more { book.shun(address) }
        }
        #expect(all.contains("mine"))
        #expect(all.count { $0.hasPrefix("tracker") } == 80)
    }

    /// Whatever strangers do in whatever order.
    @Test(arguments: 0..<10) func `the book and its queue stay bounded`(seed: Int) {
        var random = SplitMix64(seed: UInt64(seed))
        var book = book {
            $0.capacity = 50
            $0.outcasts = 20
            $0.halfOpen = 10
            $0.connections = 15
        }
        var connected: Set<String> = []
        var banned: [String] = []
        for step in 0..<5_000 {
            let now = Double(step) / 10
            let address = String(Int.random(in: 0..<400, using: &random))
            switch Int.random(in: 0..<10, using: &random) {
            case 0: book.learn((0..<20).map { "\(step)-\($0)" }, from: .exchange)
            case 1: book.learn([address], from: .tracker)
            case 2, 3:
                if connected.count < 15 {
                    book.connected(address)
                    if !book.isBanned(address) { connected.insert(address) }
                }
            case 4, 5:
                if let gone = connected.randomElement() {
                    connected.remove(gone)
                    book.failed(gone, now: now)
                }
            case 6:
                connected.remove(address)
                book.shun(address)
            case 7 where step % 7 == 0:
                connected.remove(address)
                book.ban(address)
                banned.removeAll { $0 == address }
                banned.append(address)
            default:
                let dialled = book.dial(connections: connected.count, now: now)
                #expect(Set(dialled).count == dialled.count)
                #expect(connected.isDisjoint(with: dialled))
                for address in dialled { book.failed(address, now: now) }
            }
            #expect(book.count <= 50 + 15 + 40)
            #expect(book.queueLength <= 50 + 15)
            for address in banned.suffix(20) { #expect(book.isBanned(address)) }
        }
        #expect(book.dialling == 0)
    }

    @Test func theBannedStayOutAndTheShunnedAreNotDialled() {
        var book = book()
        book.learn(["bad", "self"], from: .tracker)
        _ = book.dial(connections: 0, now: 0)
        book.ban("bad")
        book.shun("self")
        #expect(book.dialling == 0)
        book.failed("bad", now: 0)
        book.learn(["bad", "self"], from: .tracker)
        #expect(book.dial(connections: 0, now: 1e6) == [])
        #expect(book.isBanned("bad"))
        #expect(!book.isBanned("self"))
    }

    @Test(arguments: 0..<10) func theCountOfHalfOpenConnectionsIsNeverWrong(seed: Int) {
        var random = SplitMix64(seed: UInt64(seed))
        var book = book { $0.halfOpen = 5 }
        var dialling: Set<String> = []
        for step in 0..<3000 {
            let address = String(Int.random(in: 0..<30, using: &random))
            switch Int.random(in: 0..<6, using: &random) {
            case 0: book.learn([address], from: Bool.random(using: &random) ? .tracker : .exchange)
            case 1:
                let new = book.dial(connections: 0, now: Double(step) * 10)
                #expect(dialling.isDisjoint(with: new), "nobody is dialled twice at a time")
                dialling.formUnion(new)
            case 2:
                book.connected(address)
                dialling.remove(address)
            case 3:
                book.failed(address, now: Double(step) * 10)
                dialling.remove(address)
            case 4 where step % 50 == 0:
                book.ban(address)
                dialling.remove(address)
            default:
                book.shun(address)
                dialling.remove(address)
            }
            #expect(book.dialling == dialling.count)
        }
    }
}

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
        var random = SplitMix64(seed: UInt64(seed))
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

@Suite struct BlameTests {
    private let keys = (0..<3).map { PeerKey(slot: Int32($0), generation: 0) }
    private func digests(_ text: String) -> [SHA1Digest] { text.utf8.map { SHA1.digest([$0]) } }

    @Test func theOnlySenderIsToBlame() {
        var ledger = BlameLedger()
        #expect(ledger.failed(5, senders: [keys[0], nil, keys[0]], digests: digests("abc")) == keys[0])
        #expect(ledger.isSuspect(5))
        #expect(ledger.verified(5, digests: digests("abd")) == [])
        #expect(!ledger.isSuspect(5))
    }

    @Test func ofSeveralTheOneWhoseBlockDiffersIsToBlame() {
        var ledger = BlameLedger()
        #expect(ledger.failed(5, senders: [keys[0], keys[1], keys[2]], digests: digests("abc")) == nil)
        #expect(ledger.failed(5, senders: [keys[1], keys[0], keys[2]], digests: digests("xbc")) == nil)
        #expect(ledger.verified(5, digests: digests("axc")) == [keys[0], keys[1]])
    }

    @Test func whatIsRememberedIsBounded() {
        var ledger = BlameLedger()
        for piece in 0..<1000 { _ = ledger.failed(piece, senders: [keys[0], keys[1]], digests: digests("ab")) }
        #expect((0..<1000).count { ledger.isSuspect($0) } <= 64)
    }
}

@Suite struct RequestWindowTests {
    /// A line of `rate` bytes per second and `delay` seconds.
    private func settled(rate: Double, delay: Double) -> RequestWindow {
        var window = RequestWindow(now: 0)
        var now = 0.0
        for _ in 0..<4000 {
            // As much is delivered in a step as the line and the window allow.
            let bytes = min(rate * 0.01, Double(window.target) / max(delay, 0.01) * 0.01)
            now += 0.01
            window.arrived(Int(bytes), delay: delay + Double(window.target) / rate, now: now)
        }
        return window
    }

    @Test func itFillsAFastAndLongLine() {
        let window = settled(rate: 50e6, delay: 0.1)
        #expect(window.target >= 5_000_000, "rate times delay at least")
        #expect(window.target <= 8 << 20)
    }

    @Test func aSlowLineIsNotPromisedMuch() {
        let window = settled(rate: 100_000, delay: 0.02)
        #expect(window.target >= 2 * blockLength)
        #expect(window.target <= 200_000, "two seconds of its rate: \(window.target)")
    }

    @Test func aStalledPeerStartsAnewWithOneBlock() {
        var window = settled(rate: 50e6, delay: 0.1)
        window.collapse()
        #expect(window.target == blockLength)
        window.arrived(blockLength, delay: 0.01, now: 100)
        #expect((2 * blockLength...3 * blockLength).contains(window.target))
    }

    @Test func runsAreLongOnlyWhereTheLineIsFast() {
        var fast = settled(rate: 50e6, delay: 0.01)
        var slow = settled(rate: 100_000, delay: 0.01)
        #expect(fast.runLength(limit: 8, connections: 1, requests: 250, now: 40) == 8)
        #expect(fast.runLength(limit: 8, connections: 32, requests: 500, now: 40) < 8, "each of many has less")
        #expect(slow.runLength(limit: 8, connections: 1, requests: 250, now: 40) == 1)
    }
}

@Suite struct RateTests {
    @Test func theMeterFollowsTheRateAndForgets() {
        var meter = RateMeter(now: 0)
        for step in 1...200 { meter.add(10_000, now: Double(step) * 0.1) }
        #expect(abs(meter.rate(20) - 100_000) < 2_000)
        #expect(meter.rate(40) < 1000)
        #expect(meter.total == 2_000_000)
    }

    @Test func aClockThatStandsOrGoesBackDoesNoHarm() {
        var meter = RateMeter(now: 5)
        meter.add(100, now: 5)
        meter.add(100, now: 4)
        #expect(meter.rate(5).isFinite)
        var bucket = TokenBucket(rate: 1000, now: 5)
        bucket.spend(50_000)
        #expect(bucket.available(4) == 0)
        #expect(bucket.delay(for: 100, now: 4) > 0)
    }

    @Test(arguments: [1_000, 50_000, 1_000_000, 100_000_000]) func theBucketPassesItsRateInTheLongRun(rate: Int) {
        var random = SplitMix64(seed: UInt64(rate))
        var bucket = TokenBucket(rate: rate, now: 0)
        bucket.spend(bucket.available(0))
        var now = 0.0
        var passed = 0
        while now < 1000 {
            let want = Int.random(in: 1...131_072, using: &random)
            let delay = bucket.delay(for: want, now: now)
            if delay > 0 {
                now += delay + 1e-6
            } else {
                bucket.spend(want)
                passed += want
                now += Double(want) / 1e9
            }
        }
        #expect(abs(Double(passed) / 1000 / Double(rate) - 1) < 0.2)
    }

    @Test func aBucketWithoutARatePassesAllAndALimitTakesHoldAtOnce() {
        var bucket = TokenBucket(rate: nil, now: 0)
        #expect(bucket.available(0) == .max)
        bucket.spend(1 << 40)
        #expect(bucket.delay(for: 1 << 30, now: 1) == 0)
        bucket.setRate(1000, now: 1000)
        #expect(bucket.available(1000) <= 32 * 1024)
        bucket.spend(32 * 1024)
        #expect(bucket.delay(for: 1000, now: 1000) > 0.9)
    }
}
