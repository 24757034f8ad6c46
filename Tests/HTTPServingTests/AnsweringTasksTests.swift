import HTTPServing
import Synchronization
import TestSupport
import Testing

@Suite struct `Tasks of connections` {
    @Test func `all are cancelled at the end, which waits for the last, and none begins after it`() async throws {
        let tasks = AnsweringTasks()
        let ended = Mutex(0)
        for _ in 0..<100 {
            let runs = tasks.run {
                while !Task.isCancelled { await Task.yield() }
                ended.withLock { $0 += 1 }
            }
            #expect(runs)
        }
        tasks.stop()
        await tasks.end()
        #expect(ended.withLock { $0 } == 100)
        #expect(!tasks.run {})
    }

    @Test func `one that has ended is forgotten`() async throws {
        let tasks = AnsweringTasks()
        for _ in 0..<1000 { _ = tasks.run {} }
        try await wait(for: "their end") { tasks.count == 0 }
    }
}
