import Glibc
import Synchronization
import Threads

/// The handler of a descriptor's readiness. Called only on the loop's thread.
public protocol ReadinessHandler: AnyObject {
    func ready(_ readiness: Readiness)
}

/// A thread that waits in epoll, runs timers and posted work, and is the executor of the actors that live on it.
///
/// It does not know the purpose of its descriptors, and must never block: disk access, name resolution and hashing
/// belong on a ``WorkerPool``. Methods marked "on the loop" trap if called elsewhere, which is a bug of the caller and
/// cannot be caused by input.
public final class EventLoop: SerialExecutor, @unchecked Sendable {
    // Safe: `inbox` and `identity` are guarded by their own means; everything else is touched on the loop's thread
    // only.
    /// None in virtual time.
    private let poller: Poller?
    private let inbox = Mutex(Inbox())
    private let identity = Atomic<UInt>(0)
    private var handlers: [(any ReadinessHandler)?] = []
    private var timers = TimerQueue()
    private var stopping = false
    private var thread = pthread_t()
    /// The time is set by ``turn(at:)``: the loop has no thread and watches no descriptors.
    private let isVirtual: Bool

    private struct Inbox {
        var work: [Work] = []
        var awake = false
        var closed = false
    }

    private enum Work {
        case job(UnownedJob)
        case closure(@Sendable () -> Void)
    }

    /// Seconds of the monotonic clock, read once per iteration. On the loop.
    public private(set) var now: Double

    /// - Parameter name: at most 15 bytes of it appear in `top -H`.
    public init(name: String) throws(SocketError) {
        isVirtual = false
        now = Clocks.steadySeconds
        let poller = try Poller()
        self.poller = poller
        thread = startThread(name: name) { self.run(poller) }
    }

    /// A loop whose time changes only in ``turn(at:)``, for tests. It has no thread and watches no descriptors, so its
    /// streams must be those of an in-memory network. The caller counts as being on the loop.
    /// - Parameter now: the initial time in seconds.
    public init(virtualTime now: Double) {
        isVirtual = true
        self.now = now
        poller = nil
        identity.store(threadIdentity(), ordering: .releasing)
    }

    /// Ends the loop after the work posted so far, and waits for its thread. Not on the loop.
    public func shutdown() {
        precondition(!isCurrent, "a loop cannot wait for itself")
        post { self.stopping = true }
        pthread_join(thread, nil)
    }

    // MARK: From any thread

    public var isCurrent: Bool { identity.load(ordering: .acquiring) == threadIdentity() }

    /// Runs `work` on the loop's thread, in order of posting. Work posted after ``shutdown()`` is dropped.
    public func post(_ work: @escaping @Sendable () -> Void) { submit(.closure(work)) }

    public func enqueue(_ job: consuming ExecutorJob) { submit(.job(UnownedJob(job))) }

    public func checkIsolated() { precondition(isCurrent, "not on the event loop") }

    public func isSameExclusiveExecutionContext(other: EventLoop) -> Bool { self === other }

    private func submit(_ work: Work) {
        let mustWake = inbox.withLock { inbox in
            if inbox.closed { return false }
            inbox.work.append(work)
            defer { inbox.awake = true }
            return !inbox.awake
        }
        if mustWake && !isCurrent { poller?.wake() }
    }

    // MARK: On the loop

    /// Starts watching `descriptor`; the handler is retained until ``unregister(_:)``.
    public func register(_ descriptor: CInt, for interest: Interest, handler: any ReadinessHandler) throws(SocketError)
    {
        checkIsolated()
        while handlers.count <= Int(descriptor) { handlers.append(nil) }
        guard let poller else { throw SocketError("epoll_ctl", code: EBADF) }
        try poller.add(descriptor, for: interest)
        handlers[Int(descriptor)] = handler
    }

    public func modify(_ descriptor: CInt, for interest: Interest) {
        poller?.modify(descriptor, for: interest)
    }

    /// Must come before the descriptor is closed.
    public func unregister(_ descriptor: CInt) {
        checkIsolated()
        guard Int(descriptor) < handlers.count, handlers[Int(descriptor)] != nil else { return }
        handlers[Int(descriptor)] = nil
        poller?.remove(descriptor)
    }

    /// Calls `action` once, `delay` seconds from now or later.
    @discardableResult
    public func schedule(after delay: Double, _ action: @escaping () -> Void) -> TimerToken {
        checkIsolated()
        return timers.insert(at: now + max(0, delay), action)
    }

    public func cancel(_ token: TimerToken) { timers.cancel(token) }

    // MARK: Virtual time

    /// Time of the next timer; nil if there is none.
    public var nextDeadline: Double? { timers.nextDeadline }

    /// Whether there is posted work that has not run yet.
    public var hasPostedWork: Bool { inbox.withLock { !$0.work.isEmpty } }

    /// One iteration of a loop in virtual time: sets its clock to `time` (never back), fires due timers, and runs the
    /// work posted before.
    public func turn(at time: Double) {
        precondition(isVirtual, "the time of this loop is the system's")
        identity.store(threadIdentity(), ordering: .releasing)
        now = max(now, time)
        runDueWork()
    }

    // MARK: The thread

    private func run(_ poller: Poller) {
        identity.store(threadIdentity(), ordering: .releasing)
        while true {
            let ready = poller.wait(milliseconds: timeout())
            now = Clocks.steadySeconds
            for index in ready.descriptors.indices {
                dispatch(ready.descriptors[index], ready.readiness(at: index))
            }
            runDueWork()
            if stopping { break }
        }
        finish()
    }

    private func runDueWork() {
        while let action = timers.popDue(at: now) { action() }
        drainInbox()
    }

    private func dispatch(_ descriptor: CInt, _ readiness: Readiness) {
        guard Int(descriptor) < handlers.count, let handler = handlers[Int(descriptor)] else { return }
        handler.ready(readiness)
    }

    private func timeout() -> CInt {
        if inbox.withLock({ !$0.work.isEmpty }) { return 0 }
        guard let next = timers.nextDeadline else { return -1 }
        return CInt(min(60_000, max(0, ((next - Clocks.steadySeconds) * 1000).rounded(.up))))
    }

    private func drainInbox() {
        let work = inbox.withLock { inbox in
            defer { inbox.work = [] }
            inbox.awake = false
            return inbox.work
        }
        for item in work { perform(item) }
    }

    private func perform(_ work: Work) {
        switch work {
        case .job(let job): job.runSynchronously(on: asUnownedSerialExecutor())
        case .closure(let closure): closure()
        }
    }

    private func finish() {
        while true {
            let rest = inbox.withLock { inbox in
                defer { inbox.work = [] }
                if inbox.work.isEmpty { inbox.closed = true }
                return inbox.work
            }
            if rest.isEmpty { break }
            for item in rest { perform(item) }
        }
        handlers = []
        timers = TimerQueue()
    }
}
