/// Makes all decisions of one delivery to this node: which method fetches which files and when, when a method has no
/// source left and which takes over, what is verified, when the content is published, and how long it is seeded.
///
/// Every event takes the time and returns actions, in order. Results of actions are reported after all of them were
/// started. Between events the shell sleeps for at most `sleep(at:)` seconds and then calls `tick`.
package struct DeliveryMachine: Sendable {
    package enum Phase: Sendable, Hashable {
        case fetching
        /// Everything is complete; the shell moves it to its final place.
        case publishing
        case seeding(until: Instant)
        case finished
        case failed(DeliveryFailure)
    }

    package let plan: DeliveryPlan
    let clock: any WallClock
    package internal(set) var phase = Phase.fetching
    var files: [FileState]
    var methods: PerMethod<MethodState>

    /// The state of one file.
    struct FileState: Sendable {
        enum Progress: Sendable { case missing, copying, arrived, verified }
        var progress = Progress.missing
        /// The method that fetches it; nil if it is copied, or not fetched.
        var owner: DeliveryMethod?
        /// Methods that brought wrong data.
        var wrongFrom: Set<DeliveryMethod> = []
        var attempts = 0
        /// Whether an idle method took it over. This happens at most once.
        var wasTakenOver = false
        var isWanted = true
    }

    /// The state of one method.
    struct MethodState: Sendable {
        var isOpen = false
        /// Since when (uptime) it could have received data.
        var activeSince: Double?
        var lastByte: Double = 0
        var received: Int64 = 0
        /// Seconds of activity, and bytes received in that time: a measure of its speed.
        var activeTime: Double = 0
        var measured: Double = 0
        var lastObserved: Double?
        /// Since when (uptime) no peer has a missing piece.
        var troubledSince: Double?
        var exhaustion: Exhaustion?
        /// Failed probes since the last byte.
        var failures = 0
        /// Whether it answered a probe and has brought nothing since.
        var isOnTrial = false
        /// Number of missing files assigned to it, and their bytes.
        var missingCount = 0
        var missingBytes: Int64 = 0
        /// Whether files were added to it or removed since the shell was last told.
        var isChanged = false
        var toldActive = false

        var rate: Double { activeTime > 0 ? measured / activeTime : 0 }
    }

    struct Exhaustion: Sendable {
        var reason: SourceTrouble
        var nextProbe: Double
        /// Whether a probe is in progress.
        var isProbing = false
    }

    var toldSeeding = false
    /// Number of wanted files that are not verified.
    private var unverified = 0
    /// Whether a change may allow files to be reassigned.
    var mayHandOver = true
    /// When (uptime) methods that found nothing to take over try again, rather than after each completed file.
    var nextRebalance = -Double.infinity

    /// - Parameters:
    ///   - verified: files that were found correct before a restart.
    package init(plan: DeliveryPlan, clock: any WallClock, verified: Set<Int> = []) {
        self.plan = plan
        self.clock = clock
        methods = PerMethod(repeating: MethodState())
        files = plan.sizes.indices.map { index in
            var file = FileState()
            let home = plan.homes.indices.contains(index) ? plan.homes[index] : nil
            file.isWanted = home != nil || plan.localFiles.contains(index)
            file.owner = home
            if verified.contains(index) { file.progress = .verified }
            return file
        }
        for index in files.indices { tally(index, 1) }
    }

    /// A delivery that was published before a restart and is seeded until `seedingUntil`.
    package init(plan: DeliveryPlan, clock: any WallClock, seedingUntil: Instant) {
        self.init(plan: plan, clock: clock, verified: Set(plan.sizes.indices))
        phase = .seeding(until: seedingUntil)
    }

    // MARK: Events

    package mutating func start(at now: Moment) -> [DeliveryAction] {
        var actions: [DeliveryAction] = []
        if phase == .fetching {
            let copies = files.indices.filter { files[$0].progress == .missing && plan.localFiles.contains($0) }
            for file in copies {
                setProgress(.copying, of: file)
                setOwner(nil, of: file)
            }
            if !copies.isEmpty { actions.append(.copy(files: copies)) }
            if let orphan = placeOrphans() { return fail(.noMethod(file: orphan)) }
        }
        return actions + advance(at: now)
    }

    /// Only time has passed.
    package mutating func tick(at now: Moment) -> [DeliveryAction] { advance(at: now) }

    /// A file is complete: copied, or fetched by its method.
    package mutating func fileComplete(_ file: Int, at now: Moment) -> [DeliveryAction] {
        guard phase == .fetching, files.indices.contains(file), files[file].isWanted,
            files[file].progress == .missing || files[file].progress == .copying
        else { return [] }
        setProgress(.arrived, of: file)
        return [.verify(file: file)] + advance(at: now)
    }

    /// A file could not be copied from the library: it is fetched.
    package mutating func copyFailed(_ file: Int, at now: Moment) -> [DeliveryAction] {
        guard phase == .fetching, files.indices.contains(file), files[file].progress == .copying else { return [] }
        setProgress(.missing, of: file)
        guard placeOrphans() == nil else { return fail(.noMethod(file: file)) }
        return advance(at: now)
    }

    /// A file was hashed completely.
    package mutating func verified(_ file: Int, isRight: Bool, at now: Moment) -> [DeliveryAction] {
        guard phase == .fetching, files.indices.contains(file), files[file].progress == .arrived else { return [] }
        if isRight {
            setProgress(.verified, of: file)
            return advance(at: now)
        }
        setProgress(.missing, of: file)
        files[file].attempts += 1
        guard files[file].attempts < plan.settings.attemptsPerFile else { return fail(.wrongContent(file: file)) }
        if let owner = files[file].owner { files[file].wrongFrom.insert(owner) }
        guard let source = otherSource(for: file) else { return fail(.noMethod(file: file)) }
        setOwner(source, of: file)
        methods[source].isChanged = true
        return [.discard(file: file)] + advance(at: now)
    }

    /// The content is at its final place.
    package mutating func published(at now: Moment) -> [DeliveryAction] {
        guard phase == .publishing else { return [] }
        return beginSeeding(at: now)
    }

    /// The content cannot be moved to its final place.
    package mutating func publishFailed(_ reason: String) -> [DeliveryAction] {
        phase == .publishing ? fail(.cannotPublish(reason)) : []
    }

    /// Seeding starts again for the whole seed time (a cacher's task was reactivated).
    package mutating func extendSeeding(at now: Moment) -> [DeliveryAction] {
        guard case .seeding = phase else { return [] }
        return beginSeeding(at: now)
    }

    // MARK: What follows from what is known

    /// Updates everything after a change of the time or the files; called at the end of each event.
    mutating func advance(at now: Moment) -> [DeliveryAction] {
        var actions: [DeliveryAction] = []
        updateWindows(at: now)
        if phase == .fetching {
            actions += updateSources(at: now)
            if mayHandOver { handOver() }
            if plan.rebalance == .idle { rebalance(at: now) }
        }
        actions += tell(at: now)
        if phase == .fetching, unverified == 0 {
            if plan.keepsContent {
                phase = .publishing
                actions.append(.publish)
            } else {
                actions += beginSeeding(at: now)
            }
        } else if case .seeding(let until) = phase, now.wall >= until {
            phase = .finished
            actions += tell(at: now) + [.finish]
        }
        return actions
    }

    private mutating func beginSeeding(at now: Moment) -> [DeliveryAction] {
        let canSeed = plan.gives && plan.usable.contains(.bt) && !plan.torrentFiles.isEmpty
        guard canSeed, plan.seedTime > 0 else {
            phase = .finished
            return tell(at: now) + [.finish]
        }
        let until = now.wall + Double(plan.seedTime)
        phase = .seeding(until: until)
        return [.seed(until: until)] + tell(at: now)
    }

    private mutating func fail(_ failure: DeliveryFailure) -> [DeliveryAction] {
        phase = .failed(failure)
        var actions: [DeliveryAction] = []
        for method in DeliveryMethod.allCases where methods[method].toldActive {
            methods[method].toldActive = false
            actions.append(.setMethod(method, files: [], isActive: false))
        }
        if toldSeeding { actions.append(.setSeeding(false)) }
        toldSeeding = false
        return actions + [.fail(failure)]
    }

    /// Tells the shell the changes since the last call.
    private mutating func tell(at now: Moment) -> [DeliveryAction] {
        var actions: [DeliveryAction] = []
        for method in DeliveryMethod.allCases {
            let isActive =
                phase == .fetching && methods[method].missingCount > 0 && methods[method].isOpen
                && methods[method].exhaustion == nil
            if isActive != (methods[method].activeSince != nil) {
                methods[method].activeSince = isActive ? now.uptime : nil
                methods[method].lastObserved = nil
            }
            // A method already knows that its own file is complete.
            guard isActive != methods[method].toldActive || methods[method].isChanged else { continue }
            methods[method].toldActive = isActive
            methods[method].isChanged = false
            let missing = phase == .fetching ? missingFiles(of: method) : []
            actions.append(.setMethod(method, files: missing, isActive: isActive))
        }
        let seeds = shouldSeed
        if seeds != toldSeeding {
            toldSeeding = seeds
            actions.append(.setSeeding(seeds))
        }
        return actions
    }

    private var shouldSeed: Bool {
        guard plan.gives, plan.usable.contains(.bt), !plan.seedsInWindow || methods.bt.isOpen else { return false }
        switch phase {
        case .fetching, .publishing, .seeding: return true
        case .finished, .failed: return false
        }
    }

    // MARK: Files and their owners, counted

    func missingFiles(of method: DeliveryMethod) -> [Int] {
        guard methods[method].missingCount > 0 else { return [] }
        return files.indices.filter {
            files[$0].owner == method && files[$0].progress == .missing && files[$0].isWanted
        }
    }
    mutating func setOwner(_ owner: DeliveryMethod?, of file: Int) {
        let old = files[file].owner
        guard owner != old else { return }
        tally(file, -1)
        files[file].owner = owner
        tally(file, 1)
        for method in [old, owner] { if let method { methods[method].isChanged = true } }
    }

    private mutating func setProgress(_ progress: FileState.Progress, of file: Int) {
        tally(file, -1)
        files[file].progress = progress
        tally(file, 1)
        if progress == .missing { mayHandOver = true }
    }

    /// Adds a file to the counts, or subtracts it.
    private mutating func tally(_ file: Int, _ sign: Int) {
        guard files[file].isWanted else { return }
        if files[file].progress != .verified { unverified += sign }
        guard files[file].progress == .missing, let owner = files[file].owner else { return }
        methods[owner].missingCount += sign
        methods[owner].missingBytes &+= Int64(sign) * plan.sizes[file]
    }
}
