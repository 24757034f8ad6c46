/// The plan for one task that is sent.
package struct SendPlan: Sendable, Hashable {
    /// Whether the content is only in the bucket and must be fetched first (`datasource` `obs`).
    package var fetchesFirst: Bool
    package var usesTorrent: Bool
    package var usesStore: Bool
    package var usesCDN: Bool
    /// Whether the node uploads. Otherwise the bucket is filled by other means, and is only checked.
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
}

/// Timeouts and limits of sending.
package struct SendSettings: Sendable, Hashable {
    /// Number of consecutive failed CDN probes after which the task fails.
    package var cdnFailures = 3
    package var cdnRetry = Backoff(first: 5, most: 60)
    /// Seconds between probes of a CDN that responds, and between checks of a bucket that others fill.
    package var lookAgain: Double = 300
    /// Backoff after a failed upload.
    package var uploadRetry = Backoff(first: 5, most: 600)
    package var longestSleep: Double = 30

    package init() {}
}

/// An action for the shell, for a task that is sent.
package enum SendAction: Sendable, Hashable {
    /// Fetch the content from the bucket. Report with `fetched`.
    case fetchContent
    /// Start or stop seeding the torrent. Report with `seeding`.
    case setSeeding(Bool)
    /// Upload, or pause. Report progress with `storeHolds`, and a failure with `uploadFailed`.
    case setUploading(Bool)
    /// Determine how many bytes of the content the bucket has. Report with `storeHolds`.
    case checkStore
    /// Request one byte from the CDN. Report with `cdnProbed`.
    case probeCDN
    /// Nothing is left to upload: move the task to `uploaded`.
    case moveToUploaded
    /// Receivers can use every method of the shares: notify the callback.
    case ready
    /// Seeding has ended: move the task to `history`.
    case finish
    /// Move the task to `failed`, with these details.
    case fail(SendFailure)
}

/// Why sending cannot continue: the method and the problem.
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

/// Decides the life of one task that is sent, from the queue to the end of seeding.
package struct SendMachine: Sendable {
    package let plan: SendPlan
    let clock: any WallClock
    /// Whether BitTorrent is seeding.
    package private(set) var isSeeding = false
    /// Bytes of the content in the bucket; nil before the first check.
    package private(set) var stored: Int64?
    /// Whether the CDN responded to the last probe; nil before the first.
    package private(set) var cdnAnswers: Bool?
    package private(set) var isUploaded = false
    package private(set) var isReady = false
    /// When seeding ends; nil before the upload is complete.
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
    /// Whether the task was uploaded before a restart: receivers rely on it.
    private let wasUploaded: Bool
    private var nextProbe = -Double.infinity
    private var isProbing = false
    private var nextCheck = -Double.infinity
    private var isChecking = false

    /// - Parameter serviceEnd: the end of seeding, for a task that was uploaded before a restart.
    package init(plan: SendPlan, clock: any WallClock, serviceEnd: Instant? = nil) {
        self.plan = plan
        self.clock = clock
        self.serviceEnd = serviceEnd
        isUploaded = serviceEnd != nil
        hasContent = !plan.fetchesFirst || serviceEnd != nil
        wasUploaded = serviceEnd != nil
    }

    /// Whether the bucket has all of the content.
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

    /// The content was fetched from the bucket, or cannot be.
    package mutating func fetched(failure reason: String?, at now: Moment) -> [SendAction] {
        guard failure == nil, !isFinished, !hasContent else { return [] }
        if let reason { return fail(.obs, reason) }
        hasContent = true
        return tick(at: now)
    }

    /// BitTorrent is seeding, is not seeding, or cannot.
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

    /// An upload was interrupted.
    /// - Parameter isFinal: whether a retry is useless (the keys are refused).
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

    /// The CDN answered a probe with the right byte and size, or with a problem.
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
        // When receivers rely on the task, an unavailable CDN is reported but does not end seeding.
        if cdnFailures >= plan.settings.cdnFailures, !isReady, !wasUploaded || plan.seedTime == 0 {
            return fail(.cdn, trouble)
        }
        nextProbe = now.uptime + plan.settings.cdnRetry.delay(after: cdnFailures - 1)
        return tick(at: now)
    }

    /// Seconds until `tick` has something to do; nil if nothing more will happen.
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
