import Address
import Fleet
import FleetLink
import FleetStore
import Hashing
import Logging
import Synchronization
import Text

/// The settings of a control server.
package struct ControlSettings: Sendable {
    /// Identifies this control among those that share a database.
    package var id = "c-" + Hexadecimal.encode((0..<8).map { _ in UInt8.random(in: 0 ... .max) })
    package var pace = SyncPace()
    /// URLs of this control for agents: `https://HOST:PORT`.
    package var doors: [String] = []
    /// Announce URLs of trackers other than those inside controls.
    package var trackers: [String] = []
    /// Seconds without a sync after which a node's certificate is not renewed.
    package var awayMost = 400 * 86_400.0
    /// Seconds without an answer of the database after which agents get no answers.
    package var patience = 3.0
    /// Whether there may be other controls of the same database.
    package var isShared = false

    package init() {}
}

/// The fleet's certificate authority, as control uses it.
package protocol FleetAuthority: Sendable {
    /// SHA-256 of its public key.
    var pin: SHA256Digest { get }
    /// PEM.
    var certificate: String { get }
    /// Issues a node's certificate. PEM.
    /// - Parameters:
    ///   - publicKey: SubjectPublicKeyInfo, DER.
    ///   - now: seconds since 1970.
    func certificate(of node: NodeID, publicKey: [UInt8], at now: Double) throws(LinkRefusal) -> String
    /// Encrypts data with the secret that is not stored in the database.
    func seal(_ bytes: [UInt8]) throws(LinkRefusal) -> [UInt8]
    func open(_ sealed: [UInt8]) throws(LinkRefusal) -> [UInt8]
}

/// The core of a control server: carries out the decisions of the values in Fleet, for agents (`LinkService`) and for
/// the API.
package final class ControlCore: Sendable {
    package let store: ControlStore
    package let authority: any FleetAuthority
    package let settings: ControlSettings
    package let logger: Logger
    /// Seconds since 1970.
    package let now: @Sendable () -> Double

    let roster = Mutex(Roster())
    let figures = Mutex(FigureBoard())
    /// Calls with an Idempotency-Key whose end the database does not have: their status, and the answer to store.
    let unended = Mutex<[String: (status: Int, reply: String?)]>([:])
    let peers = Mutex(JobTracker())
    let jobs = Mutex(JobTable())
    let classes = Mutex<[String: ClassRecord]>([:])
    let state: Mutex<State>
    let marks = Mutex(Marks())
    let catchUps = Mutex(CatchUpPlan())
    let lateness = Mutex(LatenessBook())
    let crowded = Mutex<Set<String>>([])
    let controls: Mutex<OtherControls>
    let ownWord = Mutex(OwnWord())
    package let feed = EventFeed()
    package let access: APIAccess

    struct State: Sendable {
        /// Id of the last change in the database that memory contains.
        var change: Int64 = 0
        /// The time in the newest job's id, see ``ControlCore/newJobID()``.
        var newestJob: UInt64 = 0
        /// When the database last answered, in seconds since 1970.
        var reached: Double
        /// URLs of all controls for agents.
        var doors: [String]
    }

    package init(
        store: ControlStore, authority: any FleetAuthority, settings: ControlSettings, logger: Logger,
        now: @escaping @Sendable () -> Double
    ) {
        self.store = store
        self.authority = authority
        self.settings = settings
        self.logger = logger
        self.now = now
        access = APIAccess(now: now)
        controls = Mutex(OtherControls(own: settings.id))
        state = Mutex(State(reached: now(), doors: settings.doors))
    }

    /// Loads the database into memory. Call it once, before the servers start.
    package func load() async throws(StoreError) {
        // Read first: a change during the loading is then applied again later.
        let change = try await store.lastChange()
        let nodes = try await store.nodes()
        let now = now()
        roster.withLock { roster in
            for node in nodes { roster.put(node) }
            roster.awaitAll(at: now)
        }
        var after: String?
        while true {
            let page = try await store.classes(after: after, limit: 1000)
            classes.withLock { classes in for record in page { classes[record.name] = record } }
            guard let last = page.last, page.count == 1000 else { break }
            after = last.name
        }
        state.withLock { $0.change = change }
        feed.begin(after: max(0, change - Int64(EventFeed.most)))
        feed.put(try await store.changes(after: change - Int64(EventFeed.most), limit: EventFeed.most))
        try await access.load(store)
        for job in try await store.jobs(before: nil, limit: 1) { noteJob(job.id) }
        var before: String?
        while true {
            let page = try await store.jobs(before: before, limit: 1000, isOpen: true)
            for job in page { await refresh(job: job.id) }
            guard let last = page.last, page.count == 1000 else { break }
            before = last.id
        }
    }

    /// Ends all waiting requests.
    package func stop() {
        for parked in roster.withLock({ $0.unparkAll() }) { parked.resume.resume() }
    }

    // MARK: The database

    /// Runs a database operation for an agent. An error becomes ``LinkRefusal/unavailable``.
    func linked<Value: Sendable>(
        _ body: () async throws(StoreError) -> Value
    ) async throws(LinkRefusal) -> Value {
        do throws(StoreError) {
            let value = try await body()
            reached()
            return value
        } catch {
            logger.warning("the database did not answer an agent", metadata: ["error": "\(error)"])
            throw .unavailable
        }
    }

    func reached() {
        let now = now()
        state.withLock { $0.reached = now }
    }

    /// Whether the database has answered recently. A control without its database refuses agents, so that they try
    /// another one.
    package var isReady: Bool {
        let now = now()
        return state.withLock { now - $0.reached < settings.patience || now < $0.reached }
    }

    // MARK: Orders

    /// Queues commands for nodes, and ends their waiting requests, so that they get the commands at once.
    func tell(_ commands: [(NodeID, PendingCommand)]) {
        guard !commands.isEmpty else { return }
        let parked = roster.withLock { roster in
            let seconds = settings.pace.awayAfter(agents: roster.present)
            return commands.compactMap { node, command in roster.tell(node, command, awayAfter: seconds) }
        }
        for parked in parked { parked.resume.resume() }
    }

    var doors: [String] { state.withLock { $0.doors } }

    static func random(_ count: Int) -> [UInt8] {
        var generator = SystemRandomNumberGenerator()
        return (0..<count).map { _ in UInt8.random(in: 0 ... .max, using: &generator) }
    }
}
