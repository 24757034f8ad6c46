import Registry
import Synchronization
import TestSupport
import Testing
import Upkeep

@Suite struct `Collection on an origin's disk` {
    private func sweep(_ origin: Origin) -> BlobSweep {
        BlobSweep(node: origin.node, cold: origin.cold, holders: origin.holders, logger: quietLogger())
    }

    @Test func `what no name has and nobody touched goes`() async throws {
        try await Origin.with { origin in
            let held = try origin.push([1], usedAt: 1)
            let free = try origin.push([2], usedAt: 1, isHeld: false)
            let young = try origin.push([3], usedAt: 100, isHeld: false)
            origin.holders.state.withLock { $0.reached = [held] }
            #expect(try await sweep(origin).run(untouchedSince: 50, dryRun: true) == Swept(blobs: 1, bytes: 1))
            #expect([held, free, young].map { origin.has($0) } == [true, true, true])
            #expect(try await sweep(origin).run(untouchedSince: 50, dryRun: false) == Swept(blobs: 1, bytes: 1))
            #expect([held, free, young].map { origin.has($0) } == [true, false, true])
            #expect(try origin.content(free) == nil)
        }
    }

    @Test func `a blob that is touched or pushed while the index is asked stays`() async throws {
        try await Origin.with { origin in
            let touched = try origin.push([1], usedAt: 1, isHeld: false)
            let reserved = try origin.push([2], usedAt: 1, isHeld: false)
            let node = origin.node
            let lease = node.catalogue.reserve(reserved.sha256)
            origin.holders.state.withLock { $0.onHeld = { node.catalogue.touch(touched.sha256, at: 60) } }
            #expect(try await sweep(origin).run(untouchedSince: 50, dryRun: false) == Swept())
            withExtendedLifetime(lease) {}
            #expect(origin.has(touched) && origin.has(reserved))
        }
    }

    @Test func `a damaged blob that got a name meanwhile is still known as damaged`() async throws {
        try await Origin.with { origin in
            let blob = try origin.push([1], usedAt: 1, isHeld: false)
            origin.node.catalogue.setBad(blob.sha256, [0])
            let holders = origin.holders
            let asked = Mutex(0)
            let name = try #require(Origin.name)
            // The first question comes before the blob is hidden.
            holders.state.withLock {
                $0.onHeld = {
                    guard
                        asked.withLock({
                            $0 += 1
                            return $0 == 1
                        })
                    else { return }
                    holders.state.withLock { $0.names[blob] = [name] }
                }
            }
            #expect(try await sweep(origin).run(untouchedSince: 50, dryRun: false) == Swept())
            #expect(asked.withLock { $0 } == 2)
            #expect(origin.node.catalogue.badPieces(of: blob.sha256) == [0])
            #expect(origin.node.catalogue.entryOfAny(blob.sha256)?.usedAt == 1)
            #expect(origin.node.catalogue.entry(of: blob.sha256) == nil)
        }
    }

    @Test func `an index that does not answer costs no blob`() async throws {
        try await Origin.with { origin in
            let free = try origin.push([1], usedAt: 1, isHeld: false)
            origin.holders.state.withLock { $0.isDown = true }
            await #expect(throws: UpkeepProblem.self) {
                try await sweep(origin).run(untouchedSince: 50, dryRun: false)
            }
            #expect(origin.has(free))
        }
    }
}
