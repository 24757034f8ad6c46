import CLinux
import Glibc

/// What an event loop waits in: descriptors that epoll watches, and a way for other threads to end the wait.
///
/// The owner decides what a ready descriptor means and in which order its work is done. ``EventLoop`` calls an object for
/// each descriptor and runs tasks; the tracker serves its requests in batches, with no object for any of them. Only the
/// loop's thread may call ``wait(milliseconds:)``; the other calls may come from any thread.
public final class Poller: @unchecked Sendable {
    // Safe: the two descriptors never change, and the kernel guards what they stand for. The buffers are written in
    // `wait`, which only the loop's thread calls.
    private let epoll: CInt
    private let wakeUp: CInt
    private let descriptors = UnsafeMutablePointer<CInt>.allocate(capacity: Poller.capacity)
    private let events = UnsafeMutablePointer<UInt32>.allocate(capacity: Poller.capacity)

    /// Descriptors that one wait tells of. Others that are ready are told of by the next.
    private static let capacity = 256

    public init() throws(SocketError) {
        epoll = swoop_epoll_create()
        guard epoll >= 0 else { throw SocketError("epoll_create") }
        wakeUp = swoop_eventfd_create()
        guard wakeUp >= 0 else {
            let error = SocketError("eventfd")
            close(epoll)
            throw error
        }
        _ = swoop_epoll_control(epoll, EPOLL_CTL_ADD, wakeUp, UInt32(swoop_epoll_in))
    }

    deinit {
        close(epoll)
        close(wakeUp)
        descriptors.deallocate()
        events.deallocate()
    }

    /// Begins to watch `descriptor`. It stays watched until ``remove(_:)``, or until it is closed.
    public func add(_ descriptor: CInt, for interest: Interest) throws(SocketError) {
        guard swoop_epoll_control(epoll, EPOLL_CTL_ADD, descriptor, interest.bits) == 0 else {
            throw SocketError("epoll_ctl")
        }
    }

    public func modify(_ descriptor: CInt, for interest: Interest) {
        _ = swoop_epoll_control(epoll, EPOLL_CTL_MOD, descriptor, interest.bits)
    }

    public func remove(_ descriptor: CInt) { _ = swoop_epoll_control(epoll, EPOLL_CTL_DEL, descriptor, 0) }

    /// Ends the wait that is going on, or the next one.
    public func wake() {
        var one: UInt64 = 1
        _ = write(wakeUp, &one, 8)
    }

    /// Waits until a descriptor is ready, ``wake()`` is called or the time is over.
    /// - Parameter milliseconds: 0 does not wait; a negative number sets no limit.
    public func wait(milliseconds: CInt) -> ReadyDescriptors {
        let told = swoop_epoll_wait(epoll, descriptors, events, CInt(Poller.capacity), milliseconds)
        var count = max(0, Int(told))
        var wasWoken = false
        if let place = (0..<count).first(where: { descriptors[$0] == wakeUp }) {
            wasWoken = true
            count -= 1
            (descriptors[place], events[place]) = (descriptors[count], events[count])
            var number: UInt64 = 0
            _ = read(wakeUp, &number, 8)
        }
        return ReadyDescriptors(
            descriptors: UnsafeBufferPointer(start: descriptors, count: count), events: events, wasWoken: wasWoken)
    }
}

/// What one wait ended with. Valid until the next wait of the same ``Poller``.
public struct ReadyDescriptors {
    public let descriptors: UnsafeBufferPointer<CInt>
    fileprivate let events: UnsafePointer<UInt32>
    /// ``Poller/wake()`` was called.
    public let wasWoken: Bool

    fileprivate init(descriptors: UnsafeBufferPointer<CInt>, events: UnsafePointer<UInt32>, wasWoken: Bool) {
        self.descriptors = descriptors
        self.events = events
        self.wasWoken = wasWoken
    }

    /// What the descriptor with the same index is ready for.
    func readiness(at index: Int) -> Readiness { Readiness(bits: events[index]) }
}

/// What a descriptor is watched for. Hang-ups and errors are always told.
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

/// What epoll said of a descriptor.
public struct Readiness: Sendable {
    public let readable: Bool
    public let writable: Bool
    /// The other side is gone, or the socket is in error: reading tells which.
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
