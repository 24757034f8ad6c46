import CLinux
import Glibc
import Synchronization

import Tracking

/// Messages from other threads to the loop, and a descriptor that wakes it.
final class Mailbox: Sendable {
    enum Message: Sendable {
        case stop
        case allow(Set<SwarmKey>?)
        /// Close this connection, unless it is closed already: the process's budget needs its place.
        case evict(descriptor: Int32, serial: UInt64)
        /// Called on the loop's thread: must be short. The argument is nil if the loop has ended.
        case call(@Sendable (TrackerSnapshot?) -> Void)
    }

    let descriptor: Int32
    private let messages = Mutex<[Message]>([])

    init() throws(TrackerServerError) {
        descriptor = swoop_eventfd_create()
        guard descriptor >= 0 else {
            throw TrackerServerError(.system, "the tracker cannot start: \(String(cString: strerror(errno)))")
        }
    }

    deinit { close(descriptor) }

    func post(_ message: Message) {
        messages.withLock { $0.append(message) }
        var one: UInt64 = 1
        _ = write(descriptor, &one, 8)
    }

    func take() -> [Message] {
        var number: UInt64 = 0
        _ = read(descriptor, &number, 8)
        return messages.withLock { queue in
            defer { queue = [] }
            return queue
        }
    }
}

/// Values of a running tracker for other threads.
struct TrackerSnapshot: Sendable {
    let counters: Counters
    let totals: StoreTotals
}
