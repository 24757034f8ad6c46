import Synchronization
import Testing
import Threads

@Suite struct `Work on threads of its own` {
    private struct Refusal: Error, Equatable {}

    @Test func `gives back what it made, or what it threw`() async {
        #expect(await Threads.offload { 7 } == 7)
        await #expect(throws: Refusal.self) {
            try await Threads.offload { () throws(Refusal) -> Int in throw Refusal() }
        }
    }

    @Test func `runs once on every thread, and all have ended when it returns`() {
        let runs = Atomic(0)
        Threads.run(4) { runs.add(1, ordering: .relaxed) }
        #expect(runs.load(ordering: .relaxed) == 4)
    }

    @Test func `gets a number of its own on each thread`() async {
        let numbers = Mutex<[Int]>([])
        await Threads.run(3, name: "test", isGentle: true) { number in numbers.withLock { $0.append(number) } }
        #expect(numbers.withLock { $0.sorted() } == [0, 1, 2])
    }

    @Test func `has at least one processor, and clocks that do not go back`() {
        #expect(Threads.processors >= 1)
        let before = Clocks.steady
        #expect(Clocks.steadySeconds >= Double(before) / 1e9 - 1e-6)
        #expect(Clocks.wall > 1_600_000_000_000_000_000)
    }
}
