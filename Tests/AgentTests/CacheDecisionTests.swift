import BlobNode
import Hashing
import Testing
import Text

@Suite struct `What leaves a cache` {
    private static func digest(_ number: Int) -> SHA256Digest { SHA256.digest(Array("\(number)".utf8)) }

    private static func entry(_ number: Int, _ size: Int64, _ usedAt: Double) -> CacheEntry {
        CacheEntry(.blob(digest(number)), size: size, usedAt: usedAt)
    }

    private let limits = CacheLimits(most: 1_000, keepFree: 100, unusedFor: 500)

    @Test func `is nothing while there is room`() {
        let decision = CacheDecision(
            [Self.entry(1, 400, 900), Self.entry(2, 400, 950)], promised: 200, outstanding: 200, free: 300,
            limits: limits, now: 1_000, isInUse: { _ in false })
        #expect(decision.evicted.isEmpty && decision.isEnough)
    }

    @Test func `is what was not used for longest, and no more than is needed`() {
        let entries = [Self.entry(1, 300, 990), Self.entry(2, 300, 600), Self.entry(3, 300, 700)]
        let decision = CacheDecision(
            entries, promised: 400, outstanding: 400, free: 10_000, limits: limits, now: 1_000, isInUse: { _ in false })
        #expect(decision.evicted == [.blob(Self.digest(2))] && decision.isEnough)
    }

    @Test func `is nothing for a blob that could not have room even then`() {
        let entries = [Self.entry(1, 300, 900), Self.entry(2, 300, 950)]
        for (promised, free) in [(Int64(1_001), Int64(10_000)), (900, 200)] {
            let decision = CacheDecision(
                entries, promised: promised, outstanding: promised, free: free, limits: limits, now: 1_000,
                isInUse: { _ in false })
            #expect(decision.evicted.isEmpty && !decision.isEnough)
        }
    }

    @Test func `is what others' files leave no room for, also while nothing is fetched`() {
        let entries = [Self.entry(1, 30, 900), Self.entry(2, 30, 950)]
        let decision = CacheDecision(
            entries, promised: 0, outstanding: 0, free: 10, limits: limits, now: 1_000, isInUse: { _ in false })
        #expect(decision.evicted == entries.map(\.item) && !decision.isEnough)
    }

    @Test func `is what is too old, whether there is room or not`() {
        let entries = [Self.entry(1, 1, 499), Self.entry(2, 0, 400), Self.entry(3, 1, 500)]
        let decision = CacheDecision(
            entries, promised: 0, outstanding: 0, free: 10_000, limits: limits, now: 1_000, isInUse: { _ in false })
        #expect(decision.evicted == [.blob(Self.digest(2)), .blob(Self.digest(1))] && decision.isEnough)
    }

    @Test func `is what came too long ago, however lately it was used`() {
        var limits = limits
        limits.keptFor = 800
        let entries = [(1, 150, 990), (2, 300, 600), (3, 250, 980), (4, nil, 970)].map { number, storedAt, usedAt in
            CacheEntry(
                .blob(Self.digest(number)), size: 1, usedAt: Double(usedAt), storedAt: storedAt.map { Double($0) })
        }
        let decision = CacheDecision(
            entries, promised: 0, outstanding: 0, free: 10_000, limits: limits, now: 1_000, isInUse: { _ in false })
        #expect(decision.evicted == [.blob(Self.digest(1))] && decision.isEnough)
    }

    @Test func `never has anything in use, leaves no room unused, and takes the oldest first`() {
        var random = SeededGenerator(seed: 3)
        for _ in 0..<2_000 {
            let entries = (0..<Int.random(in: 0...12, using: &random)).map { number -> CacheEntry in
                let size = Int64.random(in: 0...400, using: &random)
                let usedAt = Double.random(in: 0...1_000, using: &random)
                let item: CacheItem =
                    Bool.random(using: &random) ? .blob(Self.digest(number)) : .partial(Self.digest(number))
                return CacheEntry(item, size: size, usedAt: usedAt)
            }
            let used = Set(entries.filter { _ in Int.random(in: 0..<4, using: &random) == 0 }.map(\.item))
            let promised = Int64.random(in: 0...800, using: &random)
            let outstanding = Int64.random(in: 0...promised, using: &random)
            let free = Int64.random(in: 0...1_000, using: &random)
            let decision = CacheDecision(
                entries, promised: promised, outstanding: outstanding, free: free, limits: limits, now: 1_000,
                isInUse: { used.contains($0) })
            let gone = Set(decision.evicted)
            #expect(gone.isDisjoint(with: used))
            func fits(without gone: Set<CacheItem>) -> Bool {
                let freed = entries.filter { gone.contains($0.item) }.reduce(0) { $0 + $1.size }
                let held = entries.reduce(0) { $0 + $1.size } - freed + promised
                return held <= limits.most && free + freed >= limits.keepFree + outstanding
            }
            #expect(decision.isEnough == fits(without: gone))
            if !decision.isEnough { #expect(!fits(without: Set(entries.map(\.item)).subtracting(used))) }
            // The last one that went only for room was needed: where there cannot be enough, for the limits themselves.
            if let last = decision.evicted.last, let entry = entries.first(where: { $0.item == last }),
                1_000 - entry.usedAt <= limits.unusedFor
            {
                let without = gone.subtracting([last])
                let freed = entries.filter { without.contains($0.item) }.reduce(0) { $0 + $1.size }
                let held = entries.reduce(0) { $0 + $1.size } - freed
                let fitsAlone = held <= limits.most && free + freed >= limits.keepFree
                #expect(decision.isEnough ? !fits(without: without) : !fitsAlone)
            }
            for entry in entries where gone.contains(entry.item) {
                for older in entries where older.usedAt < entry.usedAt && older.size > 0 {
                    #expect(gone.contains(older.item) || used.contains(older.item))
                }
            }
        }
    }

    @Test func `is never a blob on lease`() {
        let catalogue = BlobCatalogue()
        let digest = Self.digest(1)
        catalogue.add(digest, nil, usedAt: 1)
        var lease = catalogue.lease(digest, at: 5)?.lease
        #expect(catalogue.entry(of: digest)?.usedAt == 5)
        #expect(lease != nil && catalogue.isOnLease(digest) && !catalogue.remove(digest, unlessUsedAfter: 9))
        lease = nil
        #expect(!catalogue.isOnLease(digest) && catalogue.remove(digest, unlessUsedAfter: 9))
        #expect(catalogue.lease(digest, at: 6) == nil)
    }
}
