import Address
import Admission
import Glibc
import Reactor
import Tracking

/// What a connection is waiting for. Each phase has one timeout for all connections, so a queue in order of arrival is
/// also in order of deadlines.
enum ConnectionPhase: Int {
    /// The rest of a request's head. The timeout counts from its first byte, so sending single bytes gains no time.
    case request = 0
    /// The next request.
    case idle = 1
    /// The client to read the response.
    case answer = 2
    /// The client to close, after a refused request: if we closed first, the response in flight could be lost.
    case farewell = 3
}

/// HTTP connections that stay open after their first read, by descriptor.
///
/// Unsafe memory: `entries` has room for every descriptor that was opened here (`open` ensures it). Buffers live from
/// `keepInput` or `keepOutput` until they are used up or the connection closes.
struct ConnectionTable {
    struct Entry {
        var isOpen = false
        var phase = ConnectionPhase.idle
        var closesAfterAnswer = false
        var address = PeerAddress(ipv4: 0, port: 0)
        /// Milliseconds of the loop's clock.
        var deadline: UInt64 = 0
        var previous: Int32 = -1
        var next: Int32 = -1
        var input: UnsafeMutableRawPointer?
        var inputCount = 0
        var output: UnsafeMutableRawPointer?
        var outputCount = 0
        var outputSent = 0
        /// The connection's place in the process's budget; released when the entry is closed.
        var ticket: Admission.Ticket?
        /// Distinguishes this connection from earlier ones with the same descriptor.
        var serial: UInt64 = 0
        /// Whether a request of this connection was answered.
        var wasAnswered = false
        /// Whether a request waits for what the trackers share.
        var isWaiting = false
        /// What the poller watches the descriptor for; nil if it is not watched.
        var watched: Interest?
        /// Bytes discarded while waiting for the client to close.
        var discarded = 0
    }

    private struct Queue {
        var first: Int32 = -1
        var last: Int32 = -1
    }

    private var entries: UnsafeMutablePointer<Entry>
    private var capacity = 64
    private var queues = (Queue(), Queue(), Queue(), Queue())
    private let durations: [UInt64]
    private(set) var count = 0

    /// - Parameter durations: timeouts in milliseconds, by phase.
    init(durations: [UInt64]) {
        self.durations = durations
        entries = .allocate(capacity: capacity)
        entries.initialize(repeating: Entry(), count: capacity)
    }

    func deallocate() {
        entries.deinitialize(count: capacity)
        entries.deallocate()
    }

    /// Descriptors of all open connections.
    var descriptors: [Int32] {
        (0..<capacity).filter { entries[$0].isOpen }.map { Int32($0) }
    }

    func isOpen(_ descriptor: Int32) -> Bool {
        descriptor >= 0 && Int(descriptor) < capacity && entries[Int(descriptor)].isOpen
    }

    /// The entry of an open connection.
    subscript(_ descriptor: Int32) -> Entry {
        get { entries[Int(descriptor)] }
        nonmutating set { entries[Int(descriptor)] = newValue }
        nonmutating _modify { yield &entries[Int(descriptor)] }
    }

    mutating func open(_ descriptor: Int32, _ address: PeerAddress, phase: ConnectionPhase, now: UInt64) {
        while Int(descriptor) >= capacity {
            let wider = UnsafeMutablePointer<Entry>.allocate(capacity: capacity * 2)
            wider.moveInitialize(from: entries, count: capacity)
            (wider + capacity).initialize(repeating: Entry(), count: capacity)
            entries.deallocate()
            entries = wider
            capacity *= 2
        }
        entries[Int(descriptor)] = Entry(isOpen: true, phase: phase, address: address)
        count += 1
        append(descriptor, phase, now)
    }

    /// Removes a connection and frees its buffers. The caller closes the descriptor.
    mutating func close(_ descriptor: Int32) {
        unlink(descriptor)
        dropInput(descriptor)
        dropOutput(descriptor)
        entries[Int(descriptor)].isOpen = false
        entries[Int(descriptor)].ticket = nil
        count -= 1
    }

    /// Moves the connection to a phase, and restarts its timeout.
    mutating func enter(_ phase: ConnectionPhase, _ descriptor: Int32, now: UInt64) {
        unlink(descriptor)
        append(descriptor, phase, now)
    }

    /// A connection of this phase whose timeout has passed; nil if there is none.
    func expired(_ phase: ConnectionPhase, now: UInt64) -> Int32? {
        let first = queue(phase).first
        return first >= 0 && entries[Int(first)].deadline <= now ? first : nil
    }

    /// The connection that has been in this phase longest.
    func oldest(_ phase: ConnectionPhase) -> Int32? {
        let first = queue(phase).first
        return first >= 0 ? first : nil
    }

    /// The next deadline, in milliseconds of the loop's clock.
    var nextDeadline: UInt64? {
        var result: UInt64?
        for first in [queues.0.first, queues.1.first, queues.2.first, queues.3.first] where first >= 0 {
            result = min(result ?? .max, entries[Int(first)].deadline)
        }
        return result
    }

    // MARK: Buffers

    /// Stores the bytes of an incomplete request, at most `HTTPRequestHead.limit`.
    func keepInput(_ bytes: UnsafeRawBufferPointer, _ descriptor: Int32) {
        guard let source = bytes.baseAddress, !bytes.isEmpty else { return dropInput(descriptor) }
        let target = UnsafeMutableRawPointer.allocate(byteCount: bytes.count, alignment: 8)
        target.copyMemory(from: source, byteCount: bytes.count)
        dropInput(descriptor)
        self[descriptor].input = target
        self[descriptor].inputCount = bytes.count
    }

    func dropInput(_ descriptor: Int32) {
        self[descriptor].input?.deallocate()
        self[descriptor].input = nil
        self[descriptor].inputCount = 0
    }

    func keepOutput(_ bytes: UnsafeRawBufferPointer, _ descriptor: Int32) {
        guard let source = bytes.baseAddress, !bytes.isEmpty else { return }
        let target = UnsafeMutableRawPointer.allocate(byteCount: bytes.count, alignment: 8)
        target.copyMemory(from: source, byteCount: bytes.count)
        dropOutput(descriptor)
        self[descriptor].output = target
        self[descriptor].outputCount = bytes.count
        self[descriptor].outputSent = 0
    }

    func dropOutput(_ descriptor: Int32) {
        self[descriptor].output?.deallocate()
        self[descriptor].output = nil
        self[descriptor].outputCount = 0
        self[descriptor].outputSent = 0
    }

    // MARK: Queues

    private func queue(_ phase: ConnectionPhase) -> Queue {
        switch phase {
        case .request: queues.0
        case .idle: queues.1
        case .answer: queues.2
        case .farewell: queues.3
        }
    }

    private mutating func setQueue(_ phase: ConnectionPhase, _ queue: Queue) {
        switch phase {
        case .request: queues.0 = queue
        case .idle: queues.1 = queue
        case .answer: queues.2 = queue
        case .farewell: queues.3 = queue
        }
    }

    private mutating func append(_ descriptor: Int32, _ phase: ConnectionPhase, _ now: UInt64) {
        var queue = queue(phase)
        let entry = entries + Int(descriptor)
        entry.pointee.phase = phase
        entry.pointee.deadline = now + durations[phase.rawValue]
        entry.pointee.previous = queue.last
        entry.pointee.next = -1
        if queue.last >= 0 { entries[Int(queue.last)].next = descriptor } else { queue.first = descriptor }
        queue.last = descriptor
        setQueue(phase, queue)
    }

    private mutating func unlink(_ descriptor: Int32) {
        let entry = entries[Int(descriptor)]
        var queue = queue(entry.phase)
        if entry.previous >= 0 { entries[Int(entry.previous)].next = entry.next } else { queue.first = entry.next }
        if entry.next >= 0 { entries[Int(entry.next)].previous = entry.previous } else { queue.last = entry.previous }
        setQueue(entry.phase, queue)
    }
}
