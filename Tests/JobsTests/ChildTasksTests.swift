import Jobs
import Synchronization
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(1)))
struct `Child tasks` {
    @Test func `that have finished are forgotten`() async throws {
        let children = ChildTasks()
        let finished = Atomic(0)
        for _ in 0..<100 { children.add { finished.add(1, ordering: .relaxed) } }
        try await wait(for: "end of all") { children.count == 0 }
        #expect(finished.load(ordering: .relaxed) == 100)
    }

    @Test func `are kept until they have finished, and cancelled together`() async throws {
        let children = ChildTasks()
        for _ in 0..<3 { children.add { try? await Task.sleep(for: .seconds(3600)) } }
        #expect(children.count == 3)
        children.cancel()
        try await wait(for: "end of all") { children.count == 0 }
    }
}
