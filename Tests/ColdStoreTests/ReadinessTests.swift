import Backends
import BlobNode
import ColdStore
import Registry
import Synchronization
import TestSupport
import Testing

/// A back end that answers when it is let go.
private final class SilentStore: BackendStore {
    let isHeld = Mutex(true)
    let asked = Mutex(0)
    var isWritable: Bool { true }
    var description: String { "silent" }

    func size(of path: BackendPath) async throws(BackendProblem) -> Int64? {
        asked.withLock { $0 += 1 }
        while isHeld.withLock({ $0 }) { try? await Task.sleep(for: .milliseconds(2)) }
        return nil
    }

    func read(
        _ path: BackendPath, size: Int64, range: Range<Int64>, into sink: BackendSink
    ) async throws(BackendProblem) {}
    func upload(file: String, to path: BackendPath) async throws(BackendProblem) {}
    func list(below directory: BackendPath?, _ body: ([String]) async -> Void) async throws(BackendProblem) {}
}

@Suite struct `A host with back ends that must be ready` {
    private func with(
        _ store: some BackendStore, mustReady: Bool = true, clock: ColdClock,
        _ body: (ColdStore) async throws -> Void
    ) async throws {
        try await Host.with(FakeStore()) { host in
            let backends = Backends([
                Backends.Rule(
                    names: try NamePatterns([".*"]), backend: Backend(store, names: BlobPaths(.identity)),
                    mustReady: mustReady)
            ])
            let cold = try await ColdStore.open(
                node: host.node, backends: backends, path: host.directory.path("data/other.db"), clock: clock,
                logger: quietLogger())
            do { try await body(cold) } catch {
                await cold.stop()
                throw error
            }
            await cold.stop()
        }
    }

    @Test func `is ready while they answer, and asks them once a second at most`() async throws {
        let store = FakeStore()
        let time = Mutex(1_000.0)
        let clock = ColdClock(now: { time.withLock { $0 } }, sleep: ColdClock.system.sleep)
        try await with(store, clock: clock) { cold in
            #expect(await cold.readinessProblem() == nil)
            store.state.withLock { $0.isDown = true }
            #expect(await cold.readinessProblem() == nil)
            time.withLock { $0 += 1 }
            #expect(await cold.readinessProblem()?.hasSuffix(": it is down") == true)
            store.state.withLock { $0.isDown = false }
            time.withLock { $0 += 1 }
            #expect(await cold.readinessProblem() == nil)
        }
    }

    @Test func `does not ask the others`() async throws {
        let store = FakeStore()
        store.state.withLock { $0.isDown = true }
        try await with(store, mustReady: false, clock: .system) { cold in
            #expect(await cold.readinessProblem() == nil)
        }
    }

    @Test func `is not ready before long where one is silent, and asks it no second time meanwhile`() async throws {
        let store = SilentStore()
        // The patience is over at once.
        try await with(store, clock: ColdClock(now: { 1_000 }, sleep: { _ in })) { cold in
            let silence = "a back end does not answer within 5 s"
            #expect(await cold.readinessProblem() == silence)
            // The patience may be over before the question has begun.
            try await wait(10, for: "the question") { store.asked.withLock { $0 } == 1 }
            for _ in 0..<2 { #expect(await cold.readinessProblem() == silence) }
            #expect(store.asked.withLock { $0 } == 1)
            store.isHeld.withLock { $0 = false }
            try await wait(10, for: "an answer") { await cold.readinessProblem() == nil }
        }
    }
}
