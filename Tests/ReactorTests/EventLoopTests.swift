import Glibc
import Reactor
import Synchronization
import Testing
import Text

@Suite struct EventLoopTests {
    @Test func `posted work runs in order on the loop`() async throws {
        let loop = try EventLoop(name: "test")
        let order = Mutex<[Int]>([])
        await withCheckedContinuation { (done: CheckedContinuation<Void, Never>) in
            for index in 0..<100 { loop.post { order.withLock { $0.append(index) } } }
            loop.post { done.resume() }
        }
        #expect(order.withLock { $0 } == Array(0..<100))
        loop.shutdown()
    }

    @Test func `timers fire in the order of their deadlines and cancelled ones do not`() async throws {
        let loop = try EventLoop(name: "test")
        let fired = Mutex<[Int]>([])
        await withCheckedContinuation { (done: CheckedContinuation<Void, Never>) in
            loop.post {
                loop.schedule(after: 0.03) { fired.withLock { $0.append(3) } }
                loop.schedule(after: 0.01) { fired.withLock { $0.append(1) } }
                let gone = loop.schedule(after: 0.02) { fired.withLock { $0.append(2) } }
                loop.cancel(gone)
                loop.schedule(after: 0.04) { done.resume() }
            }
        }
        #expect(fired.withLock { $0 } == [1, 3])
        loop.shutdown()
    }

    @Test func `an actor on the loop runs on its thread`() async throws {
        actor Resident {
            nonisolated let loop: EventLoop
            nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }
            init(_ loop: EventLoop) { self.loop = loop }
            func isHome() -> Bool { loop.isCurrent }
        }
        let loop = try EventLoop(name: "test")
        #expect(await Resident(loop).isHome())
        #expect(!loop.isCurrent)
        loop.shutdown()
    }
}

@Suite struct TimerQueueTests {
    @Test func `deadlines come out sorted`() {
        var queue = TimerQueue()
        var random = SeededGenerator(seed: 7)
        var expected: [Double] = []
        var got: [Double] = []
        for _ in 0..<500 {
            let deadline = Double(random.next() >> 40)
            expected.append(deadline)
            _ = queue.insert(at: deadline) {}
        }
        while let next = queue.nextDeadline {
            got.append(next)
            #expect(queue.popDue(at: next) != nil)
        }
        #expect(got == expected.sorted())
    }
}
