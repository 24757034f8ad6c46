import FleetStore
import Logging
import Synchronization

/// The core of a control server. Makes its parts, which carry out the decisions of the values in Fleet, loads the
/// database into them, and has each do what is due as time passes. Owns only when that was done last. The parts know
/// each other in one direction, in the order in which they are made.
package final class ControlCore: Sendable {
    private static let step = Duration.milliseconds(200)

    package let settings: ControlSettings
    package let authority: any FleetAuthority
    package let access: APIAccess
    let database: ControlDatabase
    let classes: FleetClasses

    // Nodes
    let nodes: Nodes
    let cluster: ControlCluster
    let nodeChanges: NodeChanges
    let nodeEvents: NodeEvents
    let presence: Presence

    // Jobs
    let jobs: OpenJobs
    let loader: JobLoader
    let ids: JobIDs
    let figures: Figures
    let views: JobViews
    let planner: JobPlanner
    let planned: PlannedJobs
    let rollbacks: Rollbacks
    private let swarms: JobSwarms
    private let schedule: JobSchedule
    private let catchUp: CatchUp
    private let lateness: Lateness
    private let exchange: FigureExchange

    /// What agents ask.
    package let agents: AgentCalls
    let changes: ChangeFollower

    private let marks = Mutex(TickMarks())

    package init(
        store: ControlStore, authority: any FleetAuthority, settings: ControlSettings, logger: Logger,
        now: @escaping @Sendable () -> Double
    ) {
        self.settings = settings
        self.authority = authority
        let database = ControlDatabase(store, patience: settings.patience, logger: logger, now: now)
        let access = APIAccess(now: now)
        let nodes = Nodes(database, settings)
        let cluster = ControlCluster(database, nodes, settings)
        let admission = NodeAdmission(
            database: database, authority: authority, nodes: nodes, cluster: cluster, awayMost: settings.awayMost)
        let classes = FleetClasses(database)

        let (open, figures) = (OpenJobs(), Figures())
        let dispatcher = JobDispatcher(open, nodes, figures)
        let swarms = JobSwarms(open, nodes, now: now)
        let loader = JobLoader(database, authority, nodes, open, dispatcher, figures, swarms)
        let events = NodeEvents(
            database: database, nodes: nodes, open: open, dispatcher: dispatcher, loader: loader)
        let supersession = Supersession(database: database, nodes: nodes, open: open)
        let views = JobViews(database: database, nodes: nodes, open: open, figures: figures)

        let (ids, planned) = (JobIDs(now: now), PlannedJobs(database: database))
        let selector = TargetSelector(nodes: nodes)
        let planner = JobPlanner(
            database: database, admission: admission, classes: classes, selector: selector, ids: ids, planned: planned)
        let starter = JobStarter(
            database: database, authority: authority, nodes: nodes, admission: admission, classes: classes,
            selector: selector, planned: planned, open: open, loader: loader, supersession: supersession,
            trackers: settings.trackers)

        let nodeChanges = NodeChanges(database: database, nodes: nodes, events: events)
        let syncs = AgentSync(
            database: database, nodes: nodes, cluster: cluster,
            counter: SyncCounter(database: database, nodes: nodes, changes: nodeChanges),
            reports: AgentReports(database, nodes, open, loader, figures, supersession), events: events, open: open,
            figures: figures,
            offers: JobOffers(database: database, open: open, swarms: swarms, trackers: settings.trackers))
        agents = AgentCalls(
            admission: admission, syncs: syncs, planner: planner, planned: planned, starter: starter,
            contents: JobContents(database: database, authority: authority, open: open, planned: planned),
            views: views, jobSwarms: swarms)

        presence = Presence(
            database: database, nodes: nodes, cluster: cluster, events: events, changes: nodeChanges, access: access,
            control: settings.id)
        schedule = JobSchedule(database: database, open: open, loader: loader, supersession: supersession)
        catchUp = CatchUp(database, nodes, classes, planner, ids, control: settings.id)
        lateness = Lateness(database, nodes, open, figures, views, cluster, control: settings.id)
        exchange = FigureExchange(database, nodes, open, figures, cluster, control: settings.id)
        rollbacks = Rollbacks(
            database: database, nodes: nodes, classes: classes, selector: selector, ids: ids, loader: loader)
        changes = ChangeFollower(database, nodeChanges, classes, ids, loader, access)
        self.database = database
        self.access = access
        self.classes = classes
        self.nodes = nodes
        self.cluster = cluster
        self.nodeChanges = nodeChanges
        nodeEvents = events
        jobs = open
        self.loader = loader
        self.ids = ids
        self.figures = figures
        self.views = views
        self.planner = planner
        self.planned = planned
        self.swarms = swarms
    }

    package var store: ControlStore { database.store }
    package var logger: Logger { database.logger }
    /// Seconds since 1970.
    package var now: @Sendable () -> Double { database.now }
    package var feed: EventFeed { changes.feed }

    /// Loads the database into memory. Call it once, before the servers start.
    package func load() async throws(StoreError) {
        // Read first: a change during the loading is then applied again later.
        let change = try await store.lastChange()
        nodes.begin(with: try await store.nodes(), at: now())
        try await classes.load()
        try await changes.begin(after: change)
        try await access.load(store)
        for job in try await store.jobs(before: nil, limit: 1) { ids.note(job.id) }
        try await loader.loadAll()
    }

    /// Runs until the task is cancelled.
    package func run() async {
        while !Task.isCancelled {
            await tick()
            try? await Task.sleep(for: Self.step)
        }
    }

    /// Does everything that depends on time. Call it about five times a second.
    package func tick() async {
        let now = now()
        let clock = marks.withLock { $0.begin(at: now) }
        if clock != .steady { nodes.clockJumped(to: now) }
        if clock == .setBack { nodes.wakeAll() }
        nodes.wakeDue(at: now)
        let due = marks.withLock { $0.takeDue(at: now) }
        if due.poll { await changes.follow() }
        // Without a database, waiting requests are ended, so that the agents try another control.
        if !database.isReady { nodes.wakeAll() }
        if due.second {
            if settings.isShared {
                await cluster.follow(now)
                await exchange.follow(now)
            }
            await presence.findAway(now)
            await schedule.moveJobs(now)
            await loader.closeEnded()
        }
        if due.slow {
            swarms.expire(at: now)
            await presence.write(now)
            await lateness.find(now)
            await catchUp.run(now)
        }
        if due.hour { await tidy(now) }
    }

    private func tidy(_ now: Double) async {
        await presence.forgetOverdue(now)
        await planned.expire(now)
        do throws(StoreError) { try await store.tidy(at: now) } catch {
            logger.warning("old records were not removed", metadata: ["error": "\(error)"])
        }
    }

    /// Ends all waiting requests.
    package func stop() { nodes.wakeAll() }
}
