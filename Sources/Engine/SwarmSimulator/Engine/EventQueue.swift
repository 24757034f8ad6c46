/// An event at a host. The kind defines what the numbers mean.
package struct Event {
    package enum Kind: UInt8 {
        case join, leave, tick, announcements, announce, exchange
        /// An outgoing connection is established: `host` dialled `slot`.
        case dialled
        /// `slot`, `serial`: connection; `a`: number of further connections to its peer that are established.
        case further
        /// `slot`, `serial`: connection; `a`, `b`, `c`: piece, begin, length.
        case request, block
        /// `a`: index into `Simulation.mail`.
        case message
        /// A transmission on the uplink may be complete.
        case uplink
        /// `slot`: connection that waited for the receiver's downlink.
        case resume
        /// `a`: piece.
        case verified
    }

    package var time: Double
    /// Serial number. Of events at the same time, the one scheduled first comes first.
    var order: UInt64 = 0
    let kind: Kind
    let host: Int32
    var slot: Int32 = 0
    var serial: Int32 = 0
    var a: Int32 = 0
    var b: Int32 = 0
    var c: Int32 = 0

    package init(
        time: Double, order: UInt64 = 0, kind: Kind, host: Int32, slot: Int32 = 0, serial: Int32 = 0, a: Int32 = 0,
        b: Int32 = 0, c: Int32 = 0
    ) {
        self.time = time
        self.order = order
        self.kind = kind
        self.host = host
        self.slot = slot
        self.serial = serial
        self.a = a
        self.b = b
        self.c = c
    }

    @inline(__always)
    package static func isBefore(_ first: Event, _ second: Event) -> Bool {
        first.time < second.time || (first.time == second.time && first.order < second.order)
    }
}

/// Events ordered by time: a heap with four children for each node.
package struct EventQueue {
    private var heap: ContiguousArray<Event> = []
    private var serial: UInt64 = 0

    package init() {}

    var count: Int { heap.count }

    package mutating func schedule(_ event: Event) {
        var event = event
        serial += 1
        event.order = serial
        heap.append(event)
        heap.withUnsafeMutableBufferPointer { heap in
            var hole = heap.count - 1
            while hole > 0 {
                let parent = (hole - 1) >> 2
                guard Event.isBefore(event, heap[parent]) else { break }
                heap[hole] = heap[parent]
                hole = parent
            }
            heap[hole] = event
        }
    }

    package mutating func next() -> Event? {
        guard let last = heap.popLast() else { return nil }
        if heap.isEmpty { return last }
        let first = heap[0]
        heap.withUnsafeMutableBufferPointer { heap in
            var hole = 0
            while true {
                let child = hole << 2 + 1
                guard child < heap.count else { break }
                var least = child
                for other in child + 1..<max(child + 1, min(child + 4, heap.count))
                where Event.isBefore(heap[other], heap[least]) {
                    least = other
                }
                guard Event.isBefore(heap[least], last) else { break }
                heap[hole] = heap[least]
                hole = least
            }
            heap[hole] = last
        }
        return first
    }
}
