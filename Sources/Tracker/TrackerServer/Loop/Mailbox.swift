import Reactor
import Synchronization
import Tracking

/// How other threads talk to the loop: messages, which end its wait.
final class Mailbox: Sendable {
    enum Message: Sendable {
        case stop
        case allow(Set<SwarmKey>?)
        /// Close this connection, unless it is closed already: the process's budget needs its place.
        case evict(descriptor: Int32, serial: UInt64)
        /// An origin has answered for a torrent.
        case metainfo(MetainfoCall, MetainfoAnswer)
        /// Called on the loop's thread: must be short. The argument is nil if the loop has ended.
        case call(@Sendable (TrackerSnapshot?) -> Void)
    }

    let poller: Poller
    private let messages = Mutex<[Message]>([])

    init() throws(TrackerServerError) {
        do { poller = try Poller() } catch { throw TrackerServerError(cannotStart: error.code) }
    }

    func post(_ message: Message) {
        messages.withLock { $0.append(message) }
        poller.wake()
    }

    func drain() -> [Message] {
        messages.withLock { queue in
            defer { queue = [] }
            return queue
        }
    }
}

/// Values of a running tracker for other threads.
package struct TrackerSnapshot: Sendable {
    package let counters: Counters
    package let totals: StoreTotals
}
