import CLinux
import Glibc
import Synchronization

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
    // Safe: `inbox` and `identity` are synchronised; everything else is used only on the loop's thread.
    private let epoll: CInt
    private let wakeUp: CInt
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
    public init(name: String) throws(SystemError) {
        isVirtual = false
        now = monotonicSeconds()
        epoll = swoop_epoll_create()
        guard epoll >= 0 else { throw SystemError("epoll_create") }
        wakeUp = swoop_eventfd_create()
        guard wakeUp >= 0 else {
            let error = SystemError("eventfd")
            close(epoll)
            throw error
        }
        _ = swoop_epoll_control(epoll, EPOLL_CTL_ADD, wakeUp, UInt32(swoop_epoll_in))
        thread = startThread(name: name) { self.run() }
    }

    /// A loop whose time changes only in ``turn(at:)``, for tests. It has no thread and watches no descriptors, so its
    /// streams must be those of an in-memory network. The caller counts as being on the loop.
    /// - Parameter now: the initial time in seconds.
    public init(virtualTime now: Double) {
        isVirtual = true
        self.now = now
        (epoll, wakeUp) = (-1, -1)
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
        if mustWake && !isVirtual && !isCurrent { signal() }
    }

    private func signal() {
        var one: UInt64 = 1
        _ = write(wakeUp, &one, 8)
    }

    // MARK: On the loop

    /// Starts watching `descriptor`; the handler is retained until ``unregister(_:)``.
    public func register(_ descriptor: CInt, for interest: Interest, handler: any ReadinessHandler) throws(SystemError)
    {
        checkIsolated()
        while handlers.count <= Int(descriptor) { handlers.append(nil) }
        guard swoop_epoll_control(epoll, EPOLL_CTL_ADD, descriptor, interest.bits) == 0 else {
            throw SystemError("epoll_ctl")
        }
        handlers[Int(descriptor)] = handler
    }

    public func modify(_ descriptor: CInt, for interest: Interest) {
        _ = swoop_epoll_control(epoll, EPOLL_CTL_MOD, descriptor, interest.bits)
    }

    /// Must come before the descriptor is closed.
    public func unregister(_ descriptor: CInt) {
        checkIsolated()
        guard Int(descriptor) < handlers.count, handlers[Int(descriptor)] != nil else { return }
        handlers[Int(descriptor)] = nil
        _ = swoop_epoll_control(epoll, EPOLL_CTL_DEL, descriptor, 0)
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

    private func run() {
        identity.store(threadIdentity(), ordering: .releasing)
        let capacity = 256
        let descriptors = UnsafeMutablePointer<CInt>.allocate(capacity: capacity)
        let events = UnsafeMutablePointer<UInt32>.allocate(capacity: capacity)
        defer {
            descriptors.deallocate()
            events.deallocate()
        }
        while true {
            let count = swoop_epoll_wait(epoll, descriptors, events, CInt(capacity), timeout())
            now = monotonicSeconds()
            for index in 0..<max(0, Int(count)) {
                dispatch(descriptors[index], Readiness(bits: events[index]))
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
        if descriptor == wakeUp {
            var count: UInt64 = 0
            _ = read(wakeUp, &count, 8)
        } else if Int(descriptor) < handlers.count, let handler = handlers[Int(descriptor)] {
            handler.ready(readiness)
        }
    }

    private func timeout() -> CInt {
        if inbox.withLock({ !$0.work.isEmpty }) { return 0 }
        guard let next = timers.nextDeadline else { return -1 }
        return CInt(min(60_000, max(0, ((next - monotonicSeconds()) * 1000).rounded(.up))))
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
        close(epoll)
        close(wakeUp)
    }
}

/// The events for which a descriptor is watched. Hang-ups and errors are always reported.
public struct Interest: OptionSet, Sendable {
    public let rawValue: UInt8
    public init(rawValue: UInt8) { self.rawValue = rawValue }
    public static let read = Interest(rawValue: 1)
    public static let write = Interest(rawValue: 2)

    var bits: UInt32 {
        (contains(.read) ? UInt32(swoop_epoll_in) | UInt32(swoop_epoll_peer_closed) : 0)
            | (contains(.write) ? UInt32(swoop_epoll_out) : 0)
    }
}

/// The events reported by epoll.
public struct Readiness: Sendable {
    public let readable: Bool
    public let writable: Bool
    /// The remote side has closed, or the socket has an error: reading tells which.
    public let closed: Bool

    public init(readable: Bool, writable: Bool, closed: Bool) {
        self.readable = readable
        self.writable = writable
        self.closed = closed
    }

    init(bits: UInt32) {
        readable = bits & UInt32(swoop_epoll_in) != 0
        writable = bits & UInt32(swoop_epoll_out) != 0
        closed = bits & (UInt32(swoop_epoll_error) | UInt32(swoop_epoll_hangup)) != 0
    }
}
