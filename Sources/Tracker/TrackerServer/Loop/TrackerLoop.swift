import Address
import Admission
import CLinux
import DequeModule
import Glibc
import Logging
import Reactor
import Text
import Threads
import Tracking

/// The tracker's one thread: it waits for its sockets in a `Poller` and owns all state that requests touch.
///
/// A tracker gets requests by the hundred thousand a second, most of them whole in one datagram or on a connection that
/// lives for one answer. They are served in batches from memory that is reused. No object is made for a request, and a
/// connection that is answered and closed at once is never watched.
///
/// Not thread-safe: after `run` has begun, only its thread may use it. `TrackerServer` ensures that.
final class TrackerLoop<Store: PeerStore> {
    let configuration: TrackerConfiguration
    /// It listens on loopback and nowhere else.
    let isForThisHost: Bool
    let store: Store
    /// What several trackers share; nil for a tracker of its own.
    let shared: (any SharedPeerStore)?
    /// Requests for torrents that origins have not answered.
    var metainfoCalls = 0
    /// What agents say besides their announces.
    var registrySwarms = RegistrySwarms()
    /// Seconds for which others' peers are remembered; 0 for as long as the store keeps them.
    let usualLifetime: UInt32
    /// Announces and scrapes that wait for `shared`, the oldest first; a scrape as often as it asks.
    var waitingReplies = Deque<WaitingReply>()
    /// How far `shared` has been told again what was heard here; nil when there is nothing to tell.
    var retelling: PeerCursor?
    let logger: Logger
    let mailbox: Mailbox
    let http: [Sockets.Bound]
    let udp: [Sockets.Bound]

    let poller: Poller
    var connections: ConnectionTable
    var counters = Counters()
    var selection = PeerSelection()
    var random = SeededGenerator(seed: .random(in: .min ... .max))
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
    /// Datagrams whose reply waited for `shared`, and the socket that they leave from.
    let lateBatch: UnsafeMutablePointer<swoop_batch>
    var lateBatchSocket: Int32 = -1
    let connectionLimit: Int
    let admission: Admission
    var nextSerial: UInt64 = 0
    /// Closed for a moment when the process is out of descriptors, so that a waiting connection can be accepted and
    /// closed.
    var spareDescriptor: Int32
    private var nextMaintenance: UInt64 = 0

    /// Takes ownership of the sockets.
    init(
        configuration: TrackerConfiguration, store: Store, shared: (any SharedPeerStore)?, http: [Sockets.Bound],
        udp: [Sockets.Bound], mailbox: Mailbox, logger: Logger
    ) throws(TrackerServerError) {
        guard let batch = swoop_batch_create() else { throw TrackerServerError(cannotStart: errno) }
        guard let lateBatch = swoop_batch_create() else {
            free(batch)
            throw TrackerServerError(cannotStart: ENOMEM)
        }
        self.batch = batch
        self.lateBatch = lateBatch
        self.shared = shared
        let lifetime = configuration.ownLifetime
        usualLifetime = lifetime == configuration.storeLimits.lifetime ? 0 : UInt32(clamping: lifetime)
        poller = mailbox.poller
        self.configuration = configuration
        isForThisHost = configuration.http.allSatisfy(\.isLoopback)
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
        selection.deallocate()
        input.deallocate()
        output.deallocate()
        free(batch)
        free(lateBatch)
    }

    /// Reserves a quarter of the process's descriptors, and at least 32, for other uses.
    private static func connectionLimit(_ wanted: Int) -> Int {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return wanted }
        let available = Int(clamping: limit.rlim_cur)
        return max(1, min(wanted, available - max(32, available / 4)))
    }

    private static func clock() -> UInt64 {
        // Past zero from the start, so that what is two minutes old can be told from what never was.
        UInt64(clamping: Clocks.steadyMilliseconds) + clockOffset
    }

    private static var clockOffset: UInt64 { 3_600_000 }

    /// The time for `Admission`: seconds of the system's monotonic clock, the same at all doors.
    var monotonicSeconds: Double { Double(now - TrackerLoop.clockOffset) / 1000 }

    /// The same clock as `now`, in seconds.
    var seconds: UInt64 { now / 1000 }

    /// Serves until the mailbox has a stop message.
    func run() {
        now = TrackerLoop.clock()
        for socket in http + udp { watch(socket.descriptor, for: .read) }
        while true {
            let ready = poller.wait(milliseconds: timeout())
            now = TrackerLoop.clock()
            if ready.wasWoken, !takeMail() { return }
            for descriptor in ready.descriptors { serve(descriptor) }
            expireConnections()
            maintainStore()
            finishShared()
        }
    }

    /// The kernel refuses only when it has no memory: the connection is closed when its time is over.
    func watch(_ descriptor: Int32, for interest: Interest) { try? poller.add(descriptor, for: interest) }

    private func serve(_ descriptor: Int32) {
        if connections.isOpen(descriptor) { return connectionIsReady(descriptor) }
        for socket in udp where socket.descriptor == descriptor { return receiveDatagrams(socket) }
        for socket in http where socket.descriptor == descriptor { return acceptConnections(descriptor) }
        if let shared, shared.owns(descriptor) { shared.descriptorIsReady(now: now, self) }
    }

    /// Handles messages; false if the loop should end.
    private func takeMail() -> Bool {
        for message in mailbox.drain() {
            switch message {
            case .stop: return false
            case .allow(let swarms):
                store.allow(swarms)
                allowedSwarms = swarms?.count
                pages.clear()
            case .evict(let descriptor, let serial):
                guard connections.isOpen(descriptor), connections[descriptor].serial == serial else { continue }
                finish(descriptor)
            case .metainfo(let call, let answer): finish(call, answer)
            case .call(let work): work(TrackerSnapshot(counters: counters, totals: store.totals))
            }
        }
        return true
    }

    /// Milliseconds until the next periodic work.
    private func timeout() -> Int32 {
        let due = min(connections.nextDeadline ?? .max, nextMaintenance, shared?.nextDeadline ?? .max)
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
    func jitteredInterval() -> Int { jittered(configuration.interval) }

    func jittered(_ interval: Int) -> Int {
        let spread = Int(Double(interval) * configuration.intervalJitter)
        return max(1, interval - spread + random.below(2 * spread + 1))
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
