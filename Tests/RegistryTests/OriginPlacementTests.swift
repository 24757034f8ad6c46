import Hashing
import Registry
import Testing

struct OriginPlacementTests {
    private static let hosts = (1...6).map { "origin\($0):15002" }

    private func digest(_ number: Int) -> BlobDigest { BlobDigest(SHA256.digest(Array("blob \(number)".utf8))) }

    private func placement(
        own: String = hosts[0], replicas: Int = 3, down: Set<String> = [], gone: Set<String> = []
    ) -> Placement {
        Placement(hosts: Self.hosts, own: own, replicas: replicas, down: down, gone: gone)
    }

    @Test func `Owners are the three highest by SHA-256 of host, zero and digest`() {
        for number in 0..<50 {
            let digest = digest(number)
            let expected = Self.hosts.sorted {
                SHA256.digest(Array($1.utf8) + [0] + digest.sha256.bytes)
                    < SHA256.digest(Array($0.utf8) + [0] + digest.sha256.bytes)
            }.prefix(3)
            #expect(placement().owners(of: digest) == Array(expected))
        }
    }

    @Test func `Every origin names the same owners, whoever is down`() {
        for number in 0..<50 {
            let digest = digest(number)
            let views = Self.hosts.map { placement(own: $0, down: Set(Self.hosts.shuffled().prefix(2))) }
            #expect(Set(views.map { $0.owners(of: digest) }).count == 1)
        }
    }

    @Test func `A push is safe with two owners that are up, and with one where only one is`() {
        let digest = digest(1)
        let owners = placement().owners(of: digest)
        let view = placement()
        #expect(!view.isSafe(digest, at: [owners[0]]))
        #expect(view.isSafe(digest, at: [owners[0], owners[2]]))
        let others = Set(Self.hosts).subtracting(owners)
        #expect(!view.isSafe(digest, at: others.union([owners[1]])), "hosts that own nothing of it do not count")
        let alone = placement(down: [owners[0], owners[1]].filterSet { $0 != Self.hosts[0] })
        if !owners.prefix(2).contains(Self.hosts[0]) { #expect(alone.isSafe(digest, at: [owners[2]])) }
        // What a host had before it went down counts.
        #expect(placement(own: "other:1", down: [owners[0]]).isSafe(digest, at: [owners[0], owners[1]]))
    }

    @Test func `An origin that is gone is replaced by the next in rank, one that is down is not`() {
        for number in 0..<50 {
            let digest = digest(number)
            let ranked = placement(own: "other:1").ranked(digest)
            let lost = ranked[1]
            #expect(placement(own: "other:1", down: [lost]).keepers(of: digest) == Array(ranked.prefix(3)))
            let repaired = placement(own: "other:1", down: [lost], gone: [lost])
            #expect(repaired.keepers(of: digest) == [ranked[0], ranked[2], ranked[3]])
            #expect(repaired.takers(of: digest) == [ranked[0], ranked[2]], "pushes go to owners")
        }
    }

    @Test func `A blob is let go by who need not have it, when all of its owners have it`() {
        let digest = digest(7)
        let ranked = placement().ranked(digest)
        let substitute = placement(own: ranked[3])
        let owners = Set(ranked.prefix(3))
        #expect(substitute.mayLetGo(digest, heldBy: owners))
        #expect(!substitute.mayLetGo(digest, heldBy: Set(ranked.prefix(2))))
        #expect(!placement(own: ranked[0]).mayLetGo(digest, heldBy: owners), "an owner keeps it")
        let needed = placement(own: ranked[3], down: [ranked[0]], gone: [ranked[0]])
        #expect(!needed.mayLetGo(digest, heldBy: owners), "it stands in for an owner")
    }

    @Test func `If no owner is up the first in rank that is takes a push`() {
        let digest = digest(3)
        let ranked = placement(own: "other:1").ranked(digest)
        let view = placement(own: "other:1", down: Set(ranked.prefix(3)))
        #expect(view.takers(of: digest) == [ranked[3]])
        #expect(view.isSafe(digest, at: [ranked[3]]))
    }

    @Test func `A push of unknown digest is passed on where every host owns every blob, and else is not`() {
        let three = Placement(hosts: Array(Self.hosts.prefix(3)), own: Self.hosts[0])
        #expect(three.next(nil, seed: [1], without: []) != nil)
        #expect(three.next(nil, seed: [1], without: Set(Self.hosts)) == nil)
        #expect(placement().next(nil, seed: [1], without: []) == nil)
        let digest = digest(9)
        let owners = placement().owners(of: digest)
        #expect(placement(own: owners[0]).next(digest, seed: [], without: []) == owners[1])
        #expect(placement(own: owners[2]).next(digest, seed: [], without: []) == owners[0])
    }

    @Test func `A host is down after three failures and up after two answers`() {
        var health = OriginHealth()
        for time in 0..<2 { health.failed("a", now: Double(time)) }
        #expect(health.isUp("a"))
        health.answered("a")
        for time in 10..<12 { health.failed("a", now: Double(time)) }
        #expect(health.isUp("a"), "three in a row are needed")
        health.failed("a", now: 14)
        #expect(!health.isUp("a"))
        #expect(health.gone(now: 39.9) == [])
        #expect(health.gone(now: 40) == ["a"], "30 s after the first failure")
        health.answered("a")
        health.failed("a", now: 50)
        health.answered("a")
        #expect(!health.isUp("a"), "two in a row are needed")
        health.answered("a")
        #expect(health.isUp("a"))
        #expect(health.gone(now: 1_000) == [])
    }

    @Test func `Hosts that leave the list are forgotten`() {
        var health = OriginHealth()
        for time in 0..<3 { health.failed("a", now: Double(time)) }
        health.keep(["b"])
        #expect(health.down == [])
    }

    @Test func `An offer goes to all that are to have a blob, and says what is unfinished and what may leave`() {
        let digest = digest(11)
        let ranked = placement().ranked(digest)
        var owner = OfferPlan([digest], placement(own: ranked[0], down: [ranked[2]]))
        #expect(Set(owner.offers.keys) == [ranked[1]], "a host that is down is not asked")
        #expect(owner.unfinished == [digest])
        owner.answered(ranked[1], [digest])
        #expect(owner.unfinished == [])
        #expect(owner.released == [])
        var other = OfferPlan([digest], placement(own: ranked[4]))
        #expect(Set(other.offers.keys) == Set(ranked.prefix(3)))
        for host in ranked.prefix(2) { other.answered(host, [digest]) }
        #expect(other.unfinished == [digest])
        #expect(other.released == [])
        other.answered(ranked[2], [digest])
        #expect(other.released == [digest])
        #expect(other.unfinished == [])
    }
}

extension Array where Element: Hashable {
    fileprivate func filterSet(_ isIncluded: (Element) -> Bool) -> Set<Element> { Set(filter(isIncluded)) }
}
