import Hashing
import Registry
import TestSupport
import Testing
import Upkeep

@Suite struct `Room on an origin's disk` {
    @Test func `blobs go above one share of the disk, down to another`() {
        let rules = SpaceRules()
        #expect(rules.excess(DiskUse(capacity: 1_000, free: 150)) == 0)
        #expect(rules.excess(DiskUse(capacity: 1_000, free: 149)) == 101)
        #expect(rules.excess(DiskUse(capacity: 1_000, free: 0)) == 250)
        #expect(!rules.refuses(DiskUse(capacity: 1_000, free: 31)))
        #expect(rules.refuses(DiskUse(capacity: 1_000, free: 30)))
        #expect(rules.excess(DiskUse(capacity: 0, free: 0)) == 0)
    }

    @Test(arguments: [1, 7, 100]) func `the oldest are chosen as by sorting all, and then the next oldest`(most: Int) {
        let blobs = (0..<500).map { (number: Int) -> DatedBlob in
            let digest = SHA256.digest([UInt8(number % 256), UInt8(number / 256)])
            return DatedBlob(digest, size: Int64(number % 9), time: Double(number * 7 % 50))
        }
        let sorted = blobs.sorted()
        var after: DatedBlob?
        var all: [DatedBlob] = []
        while true {
            var oldest = OldestBlobs(bytes: 60, most: most, after: after)
            for blob in blobs.shuffled() { oldest.add(blob) }
            guard let last = oldest.chosen.last else { break }
            #expect(oldest.chosen.count <= most)
            let sum = oldest.chosen.reduce(0) { $0 + $1.size }
            #expect(sum - last.size < 60)
            if all.count + oldest.chosen.count < blobs.count { #expect(oldest.chosen.count == most || sum >= 60) }
            all += oldest.chosen
            after = last
        }
        #expect(all == sorted)
    }

    /// 10 blobs of 100 KB on a disk of a megabyte and a bit.
    private func keeper(_ origin: Origin, _ rules: SpaceRules = SpaceRules(), capacity: Int64 = 1_000_000)
        -> SpaceKeeper
    {
        let catalogue = origin.node.catalogue
        return SpaceKeeper(
            node: origin.node, cold: origin.cold, holders: origin.holders, rules: rules,
            measure: { DiskUse(capacity: capacity, free: capacity - catalogue.figures.bytes) }, now: { 10_000 },
            logger: quietLogger())
    }

    private func fill(_ origin: Origin, _ count: Int = 10) throws -> [BlobDigest] {
        try (0..<count).map {
            try origin.push([UInt8](repeating: UInt8($0), count: 100_000), usedAt: Double(count - $0))
        }
    }

    @Test func `the least recently used go`() async throws {
        try await Origin.with { origin in
            let blobs = try fill(origin)
            await keeper(origin).look()
            #expect(blobs.map { origin.has($0) } == (0..<10).map { $0 < 7 })
            // There is enough room.
            await keeper(origin).look()
            #expect(origin.node.catalogue.figures.blobs == 7)
        }
    }

    @Test func `what is read, being written back, in no back end or of no name stays`() async throws {
        try await Origin.with { origin in
            let blobs = try fill(origin)
            let name = try #require(Origin.name)
            let lease = origin.node.catalogue.reserve(blobs[9].sha256)
            // The task waits, because the back end is down.
            origin.store.state.withLock { $0.isDown = true }
            try await origin.cold.writeBack.add(blobs[8], for: name)
            await keeper(origin).look()
            #expect(origin.node.catalogue.figures.blobs == 10)
            origin.store.state.withLock {
                $0.isDown = false
                $0.files[blobs[7].hex] = [1, 2, 3]
                $0.files[blobs[6].hex] = nil
            }
            origin.holders.state.withLock { $0.names[blobs[5]] = nil }
            await keeper(origin).look()
            withExtendedLifetime(lease) {}
            #expect(blobs.map { origin.has($0) }[5...7].allSatisfy { $0 } && origin.has(blobs[9]))
            #expect(blobs.prefix(5).contains { !origin.has($0) })
        }
    }

    @Test func `what the back ends have may stay away from a disk that is filling`() async throws {
        try await Origin.with { origin in
            let blobs = try fill(origin, 8)
            for (index, isStored) in [(0, true), (1, false)] where !isStored {
                origin.store.state.withLock { $0.files[blobs[index].hex] = nil }
            }
            for blob in blobs.prefix(2) { _ = try origin.node.remove(blob.sha256) }
            // Six of eight are left: 60 %, and more than 85 %.
            #expect(await !keeper(origin).canDoWithout(blobs[0]))
            #expect(await keeper(origin, capacity: 690_000).canDoWithout(blobs[0]))
            #expect(await !keeper(origin, capacity: 690_000).canDoWithout(blobs[1]))
            origin.holders.state.withLock { $0.isDown = true }
            #expect(await !keeper(origin, capacity: 690_000).canDoWithout(blobs[0]))
        }
    }

    @Test func `an index that does not answer costs no blob`() async throws {
        try await Origin.with { origin in
            _ = try fill(origin)
            origin.holders.state.withLock { $0.isDown = true }
            let keeper = keeper(origin)
            #expect(await keeper.isFull())
            #expect(origin.node.catalogue.figures.blobs == 10)
            origin.holders.state.withLock { $0.isDown = false }
            #expect(await !keeper.isFull())
        }
    }

    @Test func `a blob goes by its age alone`() async throws {
        try await Origin.with { origin in
            let blobs = try fill(origin, 3)
            var rules = SpaceRules()
            rules.tti = 9_998
            await keeper(origin, rules, capacity: 1 << 40).look()
            #expect(blobs.map { origin.has($0) } == [true, true, false])
        }
    }
}
