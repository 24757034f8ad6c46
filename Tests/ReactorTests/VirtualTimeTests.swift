import Reactor
import Synchronization
import Testing

@Suite struct `A loop in virtual time` {
    @Test func `fires timers when its clock is put to them, and no earlier`() {
        let loop = EventLoop(virtualTime: 100)
        var fired: [Double] = []
        for delay in [30.0, 10, 20] { loop.schedule(after: delay) { fired.append(loop.now) } }
        #expect(loop.nextDeadline == 110)
        loop.turn(at: 109.9)
        #expect(fired.isEmpty)
        while let next = loop.nextDeadline { loop.turn(at: next) }
        #expect(fired == [110, 120, 130])
        loop.turn(at: 0)
        #expect(loop.now == 130)
    }

    @Test func `does posted work and that of a pool in order, in the turn after`() {
        let loop = EventLoop(virtualTime: 0)
        let pool = WorkerPool(on: loop)
        let order = Mutex<[Int]>([])
        loop.post { order.withLock { $0.append(1) } }
        pool.submit { order.withLock { $0.append(2) } }
        #expect(loop.hasPostedWork)
        #expect(order.withLock { $0 }.isEmpty)
        loop.turn(at: 0)
        #expect(order.withLock { $0 } == [1, 2])
        #expect(!loop.hasPostedWork)
    }
}
