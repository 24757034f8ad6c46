import Address
import Admission
import CLinux
import Glibc
import Logging
import Tracking

/// The tracker's single thread: an epoll loop over its sockets, and all state that requests use.
///
/// It does not use the event loop of the module Reactor, which serves peers. That loop dispatches each ready descriptor
/// to an object and runs tasks. A tracker gets hundreds of thousands of requests per second, most of them complete in
/// one datagram or on a connection that lives for one response. Here those are served in batches from reused memory,
/// without an object for each.
///
/// Not thread-safe: after `run` has begun, only its thread may use it. `TrackerServer` ensures that.
final class TrackerLoop<Store: PeerStore> {
    let configuration: TrackerConfiguration
    let store: Store
    let logger: Logger
    let mailbox: Mailbox
    let http: [Sockets.Bound]
    let udp: [Sockets.Bound]

    let epoll: Int32
    var connections: ConnectionTable
    var counters = Counters()
    var selection = PeerSelection()
    var random = SampleRandom(seed: .random(in: 1 ... .max))
    let connectionIDs = ConnectionIDs()
    /// Milliseconds of a monotonic clock.
    var now: UInt64 = 0
    let startedAt: UInt64
    var pages = PageCache()
    private(set) var allowedSwarms: Int?

    /// Buffers for HTTP requests and for responses.
    let input = UnsafeMutableRawBufferPointer.allocate(byteCount: 32 * 1024, alignment: 16)
    let output = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 * 1024, alignment: 16)
    let batch: UnsafeMutablePointer<swoop_batch>
    let connectionLimit: Int
    let admission: Admission
    var nextSerial: UInt64 = 0
    /// Closed for a moment when the process is out of descriptors, so that a waiting connection can be accepted and
    /// closed.
    var spareDescriptor: Int32
    private var nextMaintenance: UInt64 = 0

    /// Takes ownership of the sockets.
    init(
        configuration: TrackerConfiguration, store: Store, http: [Sockets.Bound], udp: [Sockets.Bound],
        mailbox: Mailbox, logger: Logger
    ) throws(TrackerServerError) {
        epoll = swoop_epoll_create()
        guard epoll >= 0, let batch = swoop_batch_create() else {
            throw TrackerServerError(.system, "the tracker cannot start: \(String(cString: strerror(errno)))")
        }
        self.batch = batch
        self.configuration = configuration
        self.store = store
        self.http = http
        self.udp = udp
        self.mailbox = mailbox
        self.logger = logger
        let request = UInt64(configuration.limits.requestSeconds * 1000)
        connections = ConnectionTable(
            durations: [request, UInt64(configuration.limits.idleSeconds * 1000), request, min(request, 2000)])
        connectionLimit = TrackerLoop.connectionLimit(configuration.limits.connections)
        var budget = AdmissionLimits.ofThisProcess()
        budget.connections[.tracker] = connectionLimit
        admission = configuration.admission ?? Admission(limits: budget)
        spareDescriptor = Glibc.open("/dev/null", O_RDONLY | O_CLOEXEC)
        startedAt = TrackerLoop.clock()
        store.allow(configuration.allow)
        allowedSwarms = configuration.allow?.count
    }

    deinit {
        for descriptor in connections.descriptors {
            close(descriptor)
            connections.close(descriptor)
        }
        connections.deallocate()
        if spareDescriptor >= 0 { close(spareDescriptor) }
        close(epoll)
        selection.deallocate()
        input.deallocate()
        output.deallocate()
        free(batch)
    }

    /// Reserves a quarter of the process's descriptors, and at least 32, for other uses.
    private static func connectionLimit(_ wanted: Int) -> Int {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return wanted }
        let available = Int(clamping: limit.rlim_cur)
        return max(1, min(wanted, available - max(32, available / 4)))
    }

    private static func clock() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        // Greater than zero from the start, so that a time two minutes ago differs from "never".
        return UInt64(time.tv_sec) * 1000 + UInt64(time.tv_nsec) / 1_000_000 + clockOffset
    }

    private static var clockOffset: UInt64 { 3_600_000 }

    /// The time for `Admission`: seconds of the system's monotonic clock, the same at all doors.
    var monotonicSeconds: Double { Double(now - TrackerLoop.clockOffset) / 1000 }

    /// The same clock as `now`, in seconds.
    var seconds: UInt64 { now / 1000 }

    /// Serves until the mailbox has a stop message.
    func run() {
        now = TrackerLoop.clock()
        for socket in http + udp {
            _ = swoop_epoll_control(epoll, EPOLL_CTL_ADD, socket.descriptor, UInt32(swoop_epoll_in))
        }
        _ = swoop_epoll_control(epoll, EPOLL_CTL_ADD, mailbox.descriptor, UInt32(swoop_epoll_in))
        let capacity = 256
        let descriptors = UnsafeMutablePointer<Int32>.allocate(capacity: capacity)
        let events = UnsafeMutablePointer<UInt32>.allocate(capacity: capacity)
        defer {
            descriptors.deallocate()
            events.deallocate()
        }
        while true {
            let count = swoop_epoll_wait(epoll, descriptors, events, Int32(capacity), timeout())
            now = TrackerLoop.clock()
            let ready = UnsafeBufferPointer(start: descriptors, count: max(0, Int(count)))
            if ready.contains(mailbox.descriptor), !takeMail() { return }
            for (index, descriptor) in ready.enumerated() where descriptor != mailbox.descriptor {
                serve(descriptor, events[index])
            }
            expireConnections()
            maintainStore()
        }
    }

    private func serve(_ descriptor: Int32, _ events: UInt32) {
        if connections.isOpen(descriptor) { return connectionIsReady(descriptor, events) }
        for socket in udp where socket.descriptor == descriptor { return receiveDatagrams(socket) }
        for socket in http where socket.descriptor == descriptor { return acceptConnections(descriptor) }
    }

    /// Handles messages; false if the loop should end.
    private func takeMail() -> Bool {
        for message in mailbox.take() {
            switch message {
            case .stop: return false
            case .allow(let swarms):
                store.allow(swarms)
                allowedSwarms = swarms?.count
                pages.clear()
            case .evict(let descriptor, let serial):
                guard connections.isOpen(descriptor), connections[descriptor].serial == serial else { continue }
                finish(descriptor)
            case .call(let work): work(TrackerSnapshot(counters: counters, totals: store.totals))
            }
        }
        return true
    }

    /// Milliseconds until the next periodic work.
    private func timeout() -> Int32 {
        let due = min(connections.nextDeadline ?? .max, nextMaintenance)
        return due <= now ? 0 : Int32(clamping: min(due - now, 1000))
    }

    /// Visits all peers once in a quarter of an interval, in steps of a tenth of a second.
    private func maintainStore() {
        guard now >= nextMaintenance else { return }
        let totals = store.totals
        guard totals.swarms > 0 else {
            nextMaintenance = now + 1000
            return
        }
        let rounds = max(1, configuration.interval * 10 / 4)
        store.maintain(now: seconds, steps: 64 + 2 * (totals.peers + 8 * totals.swarms) / rounds)
        nextMaintenance = now + 100
    }

    /// The interval for one response: the configured one with jitter.
    func jitteredInterval() -> Int {
        let spread = Int(Double(configuration.interval) * configuration.intervalJitter)
        return max(1, configuration.interval - spread + random.below(2 * spread + 1))
    }

    /// The address to record for a peer: the source of the announce, unless that source is trusted to claim another.
    @inline(__always)
    func listed(_ announce: PeerAnnounce, from source: PeerAddress) -> PeerAddress {
        if let claimed = announce.claimedAddress {
            let isTrusted =
                switch configuration.trust {
                case .nobody: false
                case .loopback: source.isLoopback
                case .loopbackAndPrivate: source.isLoopback || source.isPrivate
                }
            let named = claimed.with(port: announce.port)
            if isTrusted, named.with(port: 1).isConnectable { return named }
        }
        return source.with(port: announce.port)
    }

    func wanted(_ announce: PeerAnnounce, limit: Int) -> Int {
        min(announce.numWant ?? configuration.limits.defaultPeers, limit, configuration.limits.maximumPeers)
    }
}
