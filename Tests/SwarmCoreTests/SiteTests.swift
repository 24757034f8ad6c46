import Metainfo
import SwarmCore
import Testing

@Suite struct SiteTests {
    @Test(
        arguments: [
            ([10, 1, 2, 3], [10, 1, 2, 250], true), ([10, 1, 2, 3], [10, 1, 3, 3], false),
            ([192, 168, 7, 1], [192, 168, 7, 2], true), ([192, 169, 7, 1], [192, 169, 7, 2], false),
            ([172, 16, 0, 1], [172, 16, 0, 2], true), ([172, 31, 0, 1], [172, 31, 0, 2], true),
            ([172, 32, 0, 1], [172, 32, 0, 2], false), ([172, 15, 0, 1], [172, 15, 0, 2], false),
            ([100, 64, 0, 1], [100, 64, 0, 2], true), ([100, 63, 0, 1], [100, 63, 0, 2], false),
            ([169, 254, 9, 1], [169, 254, 9, 2], true), ([203, 0, 113, 1], [203, 0, 113, 2], false),
            ([127, 0, 0, 1], [127, 0, 0, 1], false), ([], [], false), ([10, 1, 2], [10, 1, 2], false),
        ] as [([UInt8], [UInt8], Bool)])
    func `neighbours have one private network`(_ first: [UInt8], _ second: [UInt8], _ areNeighbours: Bool) {
        #expect(Site.areNeighbours(first, second) == areNeighbours)
        #expect(Site.areNeighbours(second, first) == areNeighbours)
    }

    @Test func `neighbours have one prefix of IPv6`() {
        func address(_ prefix: [UInt8], _ last: UInt8) -> [UInt8] {
            prefix + [UInt8](repeating: 0, count: 15 - prefix.count) + [last]
        }
        let one: [UInt8] = [0x20, 1, 0x0d, 0xb8, 0, 1, 0, 7]
        #expect(Site.areNeighbours(address(one, 1), address(one, 2)))
        #expect(!Site.areNeighbours(address(one, 1), address([0x20, 1, 0x0d, 0xb8, 0, 1, 0, 8], 2)))
        #expect(Site.areNeighbours(address([0xfe, 0x80], 1), address([0xfe, 0x80], 2)))
        #expect(!Site.areNeighbours(address([0], 1), address([0], 1)), "loopback")
        #expect(!Site.areNeighbours(address(one, 1), [10, 1, 2, 3]))
    }
}

@Suite struct SiteClaimsTests {
    private let one = PeerKey(slot: 1, generation: 0)
    private let two = PeerKey(slot: 2, generation: 0)

    private func claims(pieces: Int = 64) -> SiteClaims {
        SiteClaims(pieceCount: pieces, pieceLength: 1 << 20, seed: 1)
    }

    @Test func `what is held or claimed is barred until it is not`() {
        var site = claims()
        #expect(!site.bars(3))
        site.gain(3)
        site.gain(3)
        site.lose(3)
        #expect(site.bars(3), "another has it still")
        site.lose(3)
        #expect(!site.bars(3))
        site.hear(4, from: one, number: 7, now: 0)
        #expect(site.bars(4))
        #expect(site.open(of: PieceSet(full: 64)).count == 63)
        site.expire(now: 14)
        #expect(site.bars(4))
        site.hear(4, from: one, number: 7, now: 14)
        site.expire(now: 28)
        #expect(site.bars(4), "it was repeated")
        site.expire(now: 30)
        #expect(!site.bars(4))
        #expect(site.claimCount == 0)
    }

    @Test func `of two who fetch one piece the smaller number goes on`() {
        var site = claims()
        let ours = site.number(of: 5)
        let isNew = [site.addOwn(5, now: 0), site.addOwn(5, now: 0)]
        #expect(isNew == [true, false])
        site.hear(5, from: one, number: ours + 1, now: 0)
        #expect(!site.bars(5))
        site.hear(5, from: two, number: ours - 1, now: 0)
        #expect(site.bars(5))
        site.hear(5, from: one, number: ours + 1, now: 1)
        #expect(site.bars(5), "the smallest stays")
        site.forget(two)
        #expect(!site.bars(5))
    }

    @Test func `numbers differ from piece to piece and from host to host`() {
        let (first, second) = (
            SiteClaims(pieceCount: 1000, pieceLength: 1 << 20, seed: 1),
            SiteClaims(pieceCount: 1000, pieceLength: 1 << 20, seed: 2)
        )
        let wins = (0..<1000).count { first.number(of: $0) < second.number(of: $0) }
        #expect((400...600).contains(wins))
    }

    @Test func `who leaves or has the piece claims it no longer`() {
        var site = claims()
        for piece in 0..<10 { site.hear(piece, from: one, number: 7, now: 0) }
        site.keep(0, by: two)
        #expect(site.claimCount == 10)
        site.keep(0, by: one)
        #expect(site.claimCount == 9)
        site.forget(one)
        #expect(site.claimCount == 0)
        #expect(site.claimed.isEmpty)
    }

    @Test func `a claim is not repeated for ever`() {
        var site = claims()
        for second in 0..<80 {
            site.hear(4, from: one, number: 7, now: Double(second))
            site.expire(now: Double(second))
            if second < 70 { #expect(site.bars(4)) }
        }
        site.expire(now: 96)
        #expect(!site.bars(4))
    }

    @Test func `who never keeps his claims is no longer heard`() {
        var site = claims()
        var now = 0.0
        for piece in 0..<40 {
            site.hear(piece, from: one, number: 7, now: now)
            now += 16
            site.expire(now: now)
        }
        site.hear(50, from: one, number: 7, now: now)
        #expect(!site.bars(50))
        site.hear(50, from: two, number: 9, now: now)
        #expect(site.bars(50))
        site.hear(50, from: one, number: 7, now: now)
        site.keep(50, by: two)
        #expect(site.claimCount == 0, "the claim of who is not heard took the place of no other")
    }

    @Test func `claims of one peer are bounded`() {
        var site = claims(pieces: 10_000)
        for piece in 0..<10_000 { site.hear(piece, from: one, number: 7, now: 0) }
        #expect(site.claimCount == 32, "32 MiB")
        site.hear(9000, from: two, number: 7, now: 0)
        #expect(site.claimCount == 33)
    }

    @Test func `own claims are repeated in time`() {
        var site = claims()
        _ = site.addOwn(1, now: 10)
        #expect(!site.isDue(1, now: 14.9))
        #expect(site.isDue(1, now: 15))
        site.told(1, now: 15)
        #expect(!site.isDue(1, now: 19.9))
        site.disown(1)
        #expect(!site.isDue(1, now: 99))
        #expect(site.ownCount == 0)
    }

    /// - Parameter windows: bytes that near and far peers gave in ten seconds each.
    private func binds(
        _ windows: [(near: Int, far: Int)], isSupplied: Bool = true, isKept: Bool = false
    ) -> [Bool] {
        var supply = SiteSupply()
        var now = 0.0
        supply.look(isSupplied: isSupplied, isKept: isKept, now: now)
        return windows.map { window in
            for _ in 0..<100 {
                now += 0.1
                supply.received(window.near / 100, fromNear: true)
                supply.received(window.far / 100, fromNear: false)
                supply.look(isSupplied: isSupplied, isKept: isKept, now: now + 0.001)
            }
            return supply.binds
        }
    }

    @Test func `near peers that give nothing keep nobody from anything`() {
        #expect(binds([(0, 0)]) == [false])
        #expect(binds([(1000, 0), (0, 0), (0, 1000), (1000, 1000)]) == [true, false, false, true])
        #expect(binds([(0, 1000)], isSupplied: false) == [true], "they have nothing that we lack")
    }

    @Test func `where nothing comes for long nobody is kept from far peers`() {
        let nothing = Array(repeating: (near: 0, far: 0), count: 4)
        #expect(binds(nothing, isSupplied: false, isKept: true) == [true, true, false, false])
        #expect(binds(nothing, isSupplied: false, isKept: false).allSatisfy { $0 }, "there is nobody to ask")
        #expect(binds([(0, 0), (0, 0), (0, 1000), (0, 0)], isSupplied: false, isKept: true).allSatisfy { $0 })
    }

    @Test func `where near peers are much slower than far ones there is nothing to spare`() {
        #expect(binds([(1000, 7000)]) == [true])
        #expect(binds([(1000, 90_000), (1000, 90_000), (1000, 2000)]) == [false, false, true])
    }
}

@Suite struct HeldAnnouncementsTests {
    private let one = PeerKey(slot: 1, generation: 0)
    private let two = PeerKey(slot: 2, generation: 0)

    @Test func `announcements wait for each other but not long`() {
        var held = HeldAnnouncements()
        held.hold(3, for: one, due: 10.5)
        held.hold(4, for: one, due: 10.9)
        held.hold(4, for: two, due: 10.9)
        #expect(held.due(10.49) == [])
        #expect(held.due(10.5) == [one])
        #expect(held.due(11) == [one, two])
        let taken = [held.takePieces(for: one), held.takePieces(for: one), held.takePieces(for: two)]
        #expect(taken == [[3, 4], [], [4]])
        #expect(held.isEmpty)
    }

    @Test func `one that is urgent takes along those that wait`() {
        var held = HeldAnnouncements()
        held.hold(3, for: one, due: 10.5)
        held.hold(4, for: one, due: 10.1)
        #expect(held.due(10.1) == [one])
        #expect(held.takePieces(for: one) == [3, 4])
    }
}
