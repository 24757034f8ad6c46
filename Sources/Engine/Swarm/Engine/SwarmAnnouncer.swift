import Address
import Hashing
import Logging
import PeerWire
import Reactor
import TrackerClient
import Tracking

/// Announces one info hash to the trackers, as its schedule decides. Lives on the loop.
final class SwarmAnnouncer {
    /// The progress values of an announce.
    struct Progress {
        var uploaded: Int64 = 0
        var downloaded: Int64 = 0
        var left: Int64 = 0
        /// Nothing more is wanted although something is missing (BEP 21).
        var isPaused = false
        var isUnreachable = false
        /// Peers that could not be dialled since the last announce.
        var unreached: [PeerAddress] = []
    }

    let infoHash: SHA1Digest
    private var schedule: TrackerSchedule
    private let context: EngineContext
    private let options: TransferOptions
    private let key: UInt32
    private let progress: () -> Progress
    private let found: ([PeerAddress]) -> Void
    private let warn: (String) -> Void
    /// Runs its argument with this object, on the loop.
    private let enter: @Sendable (@escaping @Sendable (SwarmAnnouncer) -> Void) -> Void
    private var wakeUp: TimerToken?
    private var warned: Set<String> = []
    /// Outstanding announces, so that a stop can wait for them.
    private(set) var underWay: [UInt64: Task<Void, Never>] = [:]

    init(
        infoHash: SHA1Digest, tiers: [[String]], context: EngineContext, options: TransferOptions,
        progress: @escaping () -> Progress, found: @escaping ([PeerAddress]) -> Void,
        warn: @escaping (String) -> Void,
        enter: @escaping @Sendable (@escaping @Sendable (SwarmAnnouncer) -> Void) -> Void
    ) {
        self.infoHash = infoHash
        self.context = context
        self.options = options
        self.progress = progress
        self.found = found
        self.warn = warn
        self.enter = enter
        var generator = SystemRandomNumberGenerator()
        key = UInt32.random(in: .min ... .max, using: &generator)
        var settings = TrackerScheduleSettings()
        if let early = options.earlyAnnounce { settings.earlyInterval = early }
        if options.blob != nil {
            settings.keepsOrder = true
            // A tracker that comes back is to be found again soon: all agents meet there.
            (settings.retry, settings.longestRetry) = (5, 60)
        }
        schedule = TrackerSchedule(tiers: tiers, settings: settings, seed: generator.next())
    }

    var ignoredTrackers: [String] { schedule.ignored }

    func start() { perform(schedule.start(at: context.loop.now)) }
    func completed() { perform(schedule.completed(at: context.loop.now)) }

    func setPeers(wanted: Int, needed: Bool) {
        perform(schedule.setPeers(wanted: wanted, needed: needed, at: context.loop.now))
    }

    /// Sends `stopped` to the trackers. The announces in ``underWay`` are what is left to wait for.
    func stop() { perform(schedule.stop(at: context.loop.now)) }

    private func perform(_ actions: [TrackerSchedule.Action]) {
        for action in actions {
            switch action {
            case .announce(let announce): ask(announce)
            case .wakeUp(let time):
                if let wakeUp { context.loop.cancel(wakeUp) }
                wakeUp = context.loop.schedule(after: time - context.loop.now) { [weak self] in
                    guard let self else { return }
                    perform(schedule.wokeUp(at: context.loop.now))
                }
            }
        }
    }

    private func ask(_ announce: TrackerSchedule.Announce) {
        let now = progress()
        let event = announce.event == .none && now.isPaused ? AnnounceEvent.paused : announce.event
        guard
            var request = AnnounceRequest(
                infoHash: infoHash, peerID: context.peerID.bytes,
                // Trackers refuse 0. Nobody listens at 1.
                port: context.listenPort ?? 1,
                uploaded: UInt64(clamping: now.uploaded), downloaded: UInt64(clamping: now.downloaded),
                left: UInt64(clamping: now.left), event: event, numWant: announce.numWant, key: key,
                advertisedAddress: options.announceAddress, isUnreachable: now.isUnreachable || !options.isDialled)
        else { return }
        if let blob = options.blob {
            var word = AgentWord(digest: blob, site: options.site)
            word.unreached = now.unreached
            word.proof = options.trackerSecret?.proof(swarm: infoHash, blob: blob)
            request.agent = word
        }
        let (client, enter, patience, sent) = (context.trackers, enter, options.trackerPatience, request)
        let filter = PeerAddressFilter(allowsLoopback: context.listenAddress.isLoopback)
        underWay[announce.id] = Task {
            do {
                let answer = try await client.announce(url: announce.url, sent, filter: filter, timeout: patience)
                enter { $0.succeeded(announce, answer) }
            } catch {
                enter { $0.failed(announce, error) }
            }
        }
    }

    private func succeeded(_ announce: TrackerSchedule.Announce, _ answer: AnnounceAnswer) {
        underWay[announce.id] = nil
        if let warning = answer.warning { tell("tracker says: \(warning)") }
        perform(schedule.succeeded(announce.id, answer: answer, at: context.loop.now))
        if announce.event != .stopped { found(answer.peers) }
    }

    private func failed(_ announce: TrackerSchedule.Announce, _ error: any Error) {
        underWay[announce.id] = nil
        let refusal = (error as? TrackerClientError)?.refusal
        if announce.event != .stopped { tell("tracker \(TrackerURL(announce.url)?.host ?? "?"): \(error)") }
        perform(schedule.failed(announce.id, refusal: refusal, at: context.loop.now))
    }

    /// Reports a problem; the same text only once.
    private func tell(_ text: String) {
        context.logger.debug("tracker trouble", metadata: ["text": "\(text)"])
        if warned.count < 32, warned.insert(text).inserted { warn(text) }
    }
}
