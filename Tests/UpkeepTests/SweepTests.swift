import Registry
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
