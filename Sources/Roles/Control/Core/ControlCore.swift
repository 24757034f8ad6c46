import Address
import Fleet
import FleetLink
import FleetStore
import Hashing
import Logging
import Synchronization
import Text

/// What a control is told.
package struct ControlSettings: Sendable {
    /// Of this control among those of a database.
    package var id = "c-" + Hexadecimal.encode((0..<8).map { _ in UInt8.random(in: 0 ... .max) })
    package var pace = SyncPace()
    /// Where agents reach this control: `https://HOST:PORT`.
    package var doors: [String] = []
    /// Announce URLs of trackers that are no controls.
    package var trackers: [String] = []
    /// Seconds after which a key that was not seen is not renewed.
    package var awayMost = 400 * 86_400.0
    /// Seconds without the database after which agents are not answered.
    package var patience = 3.0
    /// Whether there may be other controls of the same database.
    package var isShared = false

    package init() {}
}

/// The authority of a fleet, as control uses it.
package protocol FleetAuthority: Sendable {
    /// SHA-256 of its public key.
    var pin: SHA256Digest { get }
    /// PEM.
    var certificate: String { get }
    /// A node's certificate, PEM.
    /// - Parameters:
    ///   - publicKey: SubjectPublicKeyInfo, DER.
    ///   - now: seconds since 1970.
    func certificate(of node: NodeID, publicKey: [UInt8], at now: Double) throws(LinkRefusal) -> String
    /// Under the secret that does not lie in the database.
    func seal(_ bytes: [UInt8]) throws(LinkRefusal) -> [UInt8]
    func open(_ sealed: [UInt8]) throws(LinkRefusal) -> [UInt8]
}

/// A control: carries out what the values of Fleet decide, for agents (`LinkService`) and for the API.
package final class ControlCore: Sendable {
    package let store: ControlStore
    package let authority: any FleetAuthority
    package let settings: ControlSettings
    package let logger: Logger
    /// Seconds since 1970.
    package let now: @Sendable () -> Double

    let roster = Mutex(Roster())
    let figures = Mutex(FigureBoard())
    let peers = Mutex(PeerBook())
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
        /// The last change of the store that is in memory.
        var change: Int64 = 0
        /// When the database answered last.
        var reached: Double
        /// Doors of all controls.
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

    /// Reads what the store has. To be called once, before anybody is answered.
    package func load() async throws(StoreError) {
        // The number first: what changes while the rest is read is read again.
        let change = try await store.lastChange()
        let nodes = try await store.nodes()
        roster.withLock { roster in for node in nodes { roster.put(node) } }
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
        var before: String?
        while true {
            let page = try await store.jobs(before: before, limit: 1000, isOpen: true)
            for job in page { await refresh(job: job.id) }
            guard let last = page.last, page.count == 1000 else { break }
            before = last.id
        }
    }

    /// Ends requests that wait.
    package func stop() {
        for parked in roster.withLock({ $0.unparkAll() }) { parked.resume.resume() }
    }

    // MARK: The database

    /// Runs what needs the database, for an agent.
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

    /// Whether the database answered lately: a control without one answers no agent, so that agents go to another.
    package var isReady: Bool {
        let now = now()
        return state.withLock { now - $0.reached < settings.patience || now < $0.reached }
    }

    // MARK: Orders

    /// Gives nodes something to do: at once where their request waits.
    func tell(_ commands: [(NodeID, PendingCommand)]) {
        guard !commands.isEmpty else { return }
        let parked = roster.withLock { roster in
            commands.compactMap { node, command in roster.tell(node, command) }
        }
        for parked in parked { parked.resume.resume() }
    }

    var doors: [String] { state.withLock { $0.doors } }

    static func random(_ count: Int) -> [UInt8] {
        var generator = SystemRandomNumberGenerator()
        return (0..<count).map { _ in UInt8.random(in: 0 ... .max, using: &generator) }
    }
}
