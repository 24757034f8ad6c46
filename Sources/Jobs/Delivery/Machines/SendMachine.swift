/// What one task that is sent is to do.
package struct SendPlan: Sendable, Hashable {
    /// Whether the content lies in the bucket only and is fetched first (`datasource` `obs`).
    package var fetchesFirst: Bool
    package var usesTorrent: Bool
    package var usesStore: Bool
    package var usesCDN: Bool
    /// Whether the node uploads; else the bucket holds the content by other means and is only looked at.
    package var uploads: Bool
    package var totalSize: Int64
    package var windows: PerMethod<QuietWindow>
    package var seedTime: Int
    package var seedsInWindow: Bool
    package var settings = SendSettings()

    package init(
        fetchesFirst: Bool = false, usesTorrent: Bool, usesStore: Bool, usesCDN: Bool, uploads: Bool, totalSize: Int64,
        windows: PerMethod<QuietWindow> = PerMethod(repeating: .always), seedTime: Int, seedsInWindow: Bool = false
    ) {
        self.fetchesFirst = fetchesFirst
        self.usesTorrent = usesTorrent
        self.usesStore = usesStore
        self.usesCDN = usesCDN
        self.uploads = uploads && usesStore
        self.totalSize = totalSize
        self.windows = windows
        self.seedTime = seedTime
        self.seedsInWindow = seedsInWindow
    }

    package init(task: TaskFile, configuration: NodeConfiguration) {
        let source = task.dataSource ?? configuration.dataSource
        let isLocal = configuration.machineType == .local
        self.init(
            fetchesFirst: isLocal && source == .obs, usesTorrent: task.shares.bt > 0, usesStore: task.shares.obs > 0,
            usesCDN: task.shares.cdn > 0, uploads: isLocal && source == .local, totalSize: task.totalSize,
            windows: task.windows(configuration: configuration),
            seedTime: (task.bt.seedTime ?? configuration.defaultSeedTime).seconds,
            seedsInWindow: task.seedsInWindow ?? configuration.seedsInWindow)
    }
}

/// Times and bounds of sending.
package struct SendSettings: Sendable, Hashable {
    /// CDN probes that may fail one after the other before the task fails.
    package var cdnFailures = 3
    package var cdnRetry = Backoff(first: 5, most: 60)
    /// Seconds between probes of a CDN that answers, and between looks at a bucket that others fill.
    package var lookAgain: Double = 300
    /// When an upload that failed is begun again.
    package var uploadRetry = Backoff(first: 5, most: 600)
    package var longestSleep: Double = 30

    package init() {}
}

/// What the shell does next for a task that is sent.
package enum SendAction: Sendable, Hashable {
    /// Fetch the content out of the bucket; reported by `fetched`.
    case fetchContent
    /// Serve the torrent to peers, or stop; reported by `seeding`.
    case setSeeding(Bool)
    /// Upload, or pause: `storeHolds` says how far it is, `uploadFailed` that it broke off.
    case setUploading(Bool)
    /// Look how many bytes of the content the bucket holds: `storeHolds`.
    case checkStore
    /// Ask for one byte: `cdnProbed`.
    case probeCDN
    /// Nothing is left to upload: the task moves to `uploaded`.
    case moveToUploaded
    /// Every method in use can be used by receivers: tell the callback.
    case ready
    /// The service has ended: the task moves to `history`.
    case finish
    /// The task moves to `failed`, with these details.
    case fail(SendFailure)
}

/// Why sending cannot go on: which method, and what is wrong.
package struct SendFailure: Error, Sendable, Hashable {
    package let method: DeliveryMethod
    package let reason: String

    package init(method: DeliveryMethod, reason: String) {
        self.method = method
        self.reason = reason
    }

    /// `desc` of uploadprogress.
    package var text: String {
        switch method {
        case .bt: "bt errors"
        case .obs: "bt obs errors"
        case .cdn: "cdn errors"
        }
    }
}

/// Decides the life of one task that is sent, from when it leaves the queue to the end of its service.
package struct SendMachine: Sendable {
    package let plan: SendPlan
    let clock: any WallClock
    /// Whether BitTorrent serves.
    package private(set) var isSeeding = false
    /// Bytes of the content that the bucket holds; nil before it was looked at.
    package private(set) var stored: Int64?
    /// Whether the CDN answered last time; nil before it was asked.
    package private(set) var cdnAnswers: Bool?
    package private(set) var isUploaded = false
    package private(set) var isReady = false
    /// When the service ends; nil before the upload is complete.
    package private(set) var serviceEnd: Instant?
    package private(set) var failure: SendFailure?
    package private(set) var isFinished = false

    private var hasContent: Bool
    private var isFetching = false
    private var toldSeeding = false
    private var toldUploading = false
    private var uploadFailures = 0
    private var uploadAgain = -Double.infinity
    private var cdnFailures = 0
    private var nextProbe = -Double.infinity
    private var isProbing = false
    private var nextCheck = -Double.infinity
    private var isChecking = false

    /// - Parameter serviceEnd: for a task that was uploaded before a restart, when its service ends.
    package init(plan: SendPlan, clock: any WallClock, serviceEnd: Instant? = nil) {
        self.plan = plan
        self.clock = clock
        self.serviceEnd = serviceEnd
        isUploaded = serviceEnd != nil
        hasContent = !plan.fetchesFirst || serviceEnd != nil
    }

    /// Whether everything that receivers are to use is there.
    private var isComplete: Bool { stored.map { $0 >= plan.totalSize } ?? false }

    package mutating func tick(at now: Moment) -> [SendAction] {
        guard failure == nil, !isFinished else { return [] }
        if let serviceEnd, plan.seedTime > 0, now.wall >= serviceEnd { return finish() }
        guard hasContent else {
            defer { isFetching = true }
            return isFetching ? [] : [.fetchContent]
        }
        var actions = transfers(at: now) + looks(at: now)
        if !isUploaded, !plan.uploads || isComplete {
            isUploaded = true
            serviceEnd = now.wall + Double(plan.seedTime)
            actions.append(.moveToUploaded)
        }
        let waits = [plan.usesTorrent && !isSeeding, plan.usesStore && !isComplete, plan.usesCDN && cdnAnswers != true]
        if isUploaded, !isReady, !waits.contains(true) {
            isReady = true
            actions.append(.ready)
            if plan.seedTime == 0 { actions += finish() }
        }
        return actions
    }

    private mutating func transfers(at now: Moment) -> [SendAction] {
        var actions: [SendAction] = []
        let seeds = plan.usesTorrent && (!plan.seedsInWindow || plan.windows.bt.isOpen(at: now.wall, clock: clock))
        if seeds != toldSeeding {
            toldSeeding = seeds
            actions.append(.setSeeding(seeds))
        }
        let uploads =
            plan.uploads && !isComplete && plan.windows.obs.isOpen(at: now.wall, clock: clock)
            && now.uptime >= uploadAgain
        if uploads != toldUploading {
            toldUploading = uploads
            actions.append(.setUploading(uploads))
        }
        return actions
    }

    private mutating func looks(at now: Moment) -> [SendAction] {
        var actions: [SendAction] = []
        if plan.usesStore, !plan.uploads, !isComplete, !isChecking, now.uptime >= nextCheck {
            isChecking = true
            actions.append(.checkStore)
        }
        if plan.usesCDN, !isProbing, now.uptime >= nextProbe {
            isProbing = true
            actions.append(.probeCDN)
        }
        return actions
    }

    private mutating func finish() -> [SendAction] {
        isFinished = true
        return stopped() + [.finish]
    }

    private mutating func stopped() -> [SendAction] {
        var actions: [SendAction] = []
        if toldSeeding { actions.append(.setSeeding(false)) }
        if toldUploading { actions.append(.setUploading(false)) }
        (toldSeeding, toldUploading, isSeeding) = (false, false, false)
        return actions
    }

    private mutating func fail(_ method: DeliveryMethod, _ reason: String) -> [SendAction] {
        let failure = SendFailure(method: method, reason: reason)
        self.failure = failure
        return stopped() + [.fail(failure)]
    }

    // MARK: Events

    /// The content was fetched out of the bucket, or cannot be.
    package mutating func fetched(failure reason: String?, at now: Moment) -> [SendAction] {
        guard failure == nil, !isFinished, !hasContent else { return [] }
        if let reason { return fail(.obs, reason) }
        hasContent = true
        return tick(at: now)
    }

    /// BitTorrent serves, does not serve, or cannot.
    package mutating func seeding(_ isSeeding: Bool, failure reason: String? = nil, at now: Moment) -> [SendAction] {
        guard failure == nil, !isFinished else { return [] }
        if let reason { return fail(.bt, reason) }
        self.isSeeding = isSeeding && toldSeeding
        return tick(at: now)
    }

    package mutating func storeHolds(_ bytes: Int64, at now: Moment) -> [SendAction] {
        guard failure == nil, !isFinished else { return [] }
        if bytes > stored ?? 0 { uploadFailures = 0 }
        stored = bytes
        isChecking = false
        nextCheck = now.uptime + plan.settings.lookAgain
        return tick(at: now)
    }

    /// An upload broke off.
    /// - Parameter isFinal: whether trying again is of no use (a key that is refused).
    package mutating func uploadFailed(_ reason: String, isFinal: Bool, at now: Moment) -> [SendAction] {
        guard failure == nil, !isFinished else { return [] }
        if isFinal { return fail(.obs, reason) }
        toldUploading = false
        isChecking = false
        nextCheck = now.uptime + plan.settings.lookAgain
        uploadAgain = now.uptime + plan.settings.uploadRetry.delay(after: uploadFailures)
        uploadFailures += 1
        return tick(at: now)
    }

    /// The CDN answered a probe with the right byte and size, or with trouble.
    package mutating func cdnProbed(trouble: String?, at now: Moment) -> [SendAction] {
        guard failure == nil, !isFinished else { return [] }
        isProbing = false
        cdnAnswers = trouble == nil
        guard let trouble else {
            cdnFailures = 0
            nextProbe = now.uptime + plan.settings.lookAgain
            return tick(at: now)
        }
        cdnFailures += 1
        // Once receivers rely on the task, a CDN that is away for a while is shown and does not end its service.
        if cdnFailures >= plan.settings.cdnFailures, !isReady { return fail(.cdn, trouble) }
        nextProbe = now.uptime + plan.settings.cdnRetry.delay(after: cdnFailures - 1)
        return tick(at: now)
    }

    /// Seconds until `tick` has something to do; nil when nothing is to come any more.
    package func sleep(at now: Moment) -> Double? {
        guard failure == nil, !isFinished else { return nil }
        var times = [plan.settings.longestSleep]
        if let serviceEnd { times.append(serviceEnd - now.wall) }
        if plan.usesCDN && !isProbing { times.append(nextProbe - now.uptime) }
        if plan.uploads && !isComplete {
            if uploadAgain > now.uptime { times.append(uploadAgain - now.uptime) }
            if let change = plan.windows.obs.nextChange(after: now.wall, clock: clock) {
                times.append(change - now.wall)
            }
        }
        if plan.seedsInWindow, let change = plan.windows.bt.nextChange(after: now.wall, clock: clock) {
            times.append(change - now.wall)
        }
        return max(0, times.min() ?? 0)
    }
}
