import Jobs
import Synchronization
import Testing

@Suite("Turns", .timeLimit(.minutes(1)))
struct TurnsTests {
    private final class Log: Sendable {
        private let lines = Mutex<[String]>([])
        var all: [String] { lines.withLock { $0 } }
        func note(_ line: String) { lines.withLock { $0.append(line) } }
    }

    @Test
    func `Work in the background keeps its place before what comes after it, and nobody waits for it but the end`()
        async
    {
        let (turns, log) = (Turns(atOnce: 2), Log())
        let (held, holding) = (AsyncStream<Void>.makeStream(), AsyncStream<Void>.makeStream())
        let first = Task {
            await turns.run("a") {
                holding.continuation.finish()
                for await _ in held.stream {}
                log.note("first")
            }
        }
        for await _ in holding.stream {}
        await turns.runInBackground("a") { log.note("background") }
        async let last: Void = turns.run("a") { log.note("last") }
        await turns.run("b") { log.note("another thing") }
        #expect(log.all == ["another thing"])
        held.continuation.finish()
        await turns.finishBackground()
        #expect(log.all.prefix(3) == ["another thing", "first", "background"])
        await last
        await first.value
        #expect(log.all.last == "last")
    }
}
