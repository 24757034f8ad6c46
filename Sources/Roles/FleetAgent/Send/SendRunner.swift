import Address
import Fleet
import FleetLink
import JSON
import Jobs
import Metainfo
import Storage
import Swarm
import SwarmCore
import Synchronization
import Text
import Threads

/// A job that this host sends: hashes the content, starts the job, and seeds until the job has ended.
package actor SendRunner {
    package struct Progress: Sendable {
        package enum Phase: Sendable, Hashable {
            case hashing, starting, running
            /// The job has ended.
            case over
            case failed(SendProblem)
        }

        package var phase = Phase.hashing
        /// Hashed bytes, and all bytes of the content.
        package var done: Int64 = 0
        package var total: Int64 = 0
        package var view: JobView?
    }

    nonisolated let job: String
    let context: AgentContext
    private let addresses: @Sendable () async -> [PeerAddress]
    private let board = Mutex(Progress())
    private let directory: String
    private let writer: SendFile
    var record: SendRecord
    /// Number of times that the record was to be stored.
    private var saves = 0
    private var torrent: Torrent?
    private var transfer: Transfer?
    private var main: Task<Void, Never>?
    /// The end of the job that is under way here.
    private var ending: Task<Void, Never>?
    /// Why nothing is given to peers now, such as a disk that is not mounted.
    private var trouble: SendProblem?
    /// When to try again to give it, in seconds of the monotonic clock; nil while it is given or checked.
    private var again: Double?
    private var tries = 0
    /// Maximum seconds between two tries: each may read all of the content.
    private static let longestPause = 600.0
    /// Where the class has a bucket for which this host has keys.
    var giver: BucketGiver?
    var upload: Task<Void, Never>?
    /// When URLs are signed again, by the monotonic clock.
    var nextGrant = 0.0

    init(_ record: SendRecord, context: AgentContext, addresses: @escaping @Sendable () async -> [PeerAddress]) {
        self.record = record
        self.context = context
        self.addresses = addresses
        job = record.job
        directory = "\(context.places.sends)/\(record.job)"
        writer = SendFile(directory: directory)
    }

    var order: SendOrder { record.order }

    package nonisolated var progress: Progress { board.withLock { $0 } }

    func start() {
        guard main == nil else { return }
        main = Task { await run() }
    }

    /// Whether it gives the content to peers.
    package var isServing: Bool { transfer != nil }

    /// Stops. The next run of the agent continues.
    func stop() async {
        main?.cancel()
        upload?.cancel()
        await ending?.value
        await main?.value
        await upload?.value
        await transfer?.stop()
        transfer = nil
    }

    /// The job goes on after its end: targets that failed are tried again.
    package func resume() async {
        // What is being stopped for the end is not given on, and what begins anew is not stopped with it.
        await ending?.value
        guard record.isOver, record.hasStarted else { return }
        record.isOver = false
        show(.running)
        main?.cancel()
        await main?.value
        main = nil
        guard !record.isOver else { return }
        try? await save()
        start()
    }

    /// Call when the job has ended. May be called by several at a time: control's order, and whoever looks at the job.
    func end() async {
        record.isOver = true
        let task = ending ?? Task { await finish() }
        ending = task
        await task.value
    }

    private func finish() async {
        try? await save()
        main?.cancel()
        upload?.cancel()
        let served = transfer
        transfer = nil
        await served?.stop()
        show(.over)
        ending = nil
    }

    private func show(_ phase: Progress.Phase) { board.withLock { $0.phase = phase } }

    /// Gets the progress of the job from control.
    package func look() async throws(LinkRefusal) -> JobView {
        let view = try await context.link.view(of: job)
        board.withLock { $0.view = view }
        if view.state.hasEnded, record.hasStarted, !record.isOver { await end() }
        return view
    }

    private func run() async {
        do throws(SendProblem) {
            try await prepare()
            guard !Task.isCancelled else { return }
            try await serve()
        } catch {
            guard !Task.isCancelled else { return }
            isInTrouble(error)
            guard record.hasStarted else { return await giveUp(error) }
        }
        // Seeds until control has ended the job. Control's command may get lost, so the agent also asks.
        var event: String? = "started"
        var next = 0.0
        while !Task.isCancelled, !record.isOver {
            let now = context.clock.now.uptime
            if now >= next, trouble == nil {
                let request = AnnounceRequest(job: job, addresses: await addresses(), left: 0, event: event)
                if let reply = try? await context.link.announce(request) {
                    event = nil
                    next = now + reply.interval
                    await transfer?.addPeers(reply.peers)
                }
            }
            await grant()
            _ = try? await look()
            await context.clock.sleep(seconds: context.settings.sendLook)
            if let again, context.clock.now.uptime >= again, !Task.isCancelled, !record.isOver { await serveAgain() }
        }
    }

    /// Targets wait for the content, and its disk may be mounted later.
    private func serveAgain() async {
        again = nil
        let served = transfer
        transfer = nil
        await served?.stop()
        guard !record.isOver, !Task.isCancelled else { return }
        do throws(SendProblem) {
            if torrent == nil { try await loadTorrent() }
            try await serve()
        } catch { isInTrouble(error) }
    }

    private func isInTrouble(_ problem: SendProblem) {
        guard !record.isOver else { return }
        show(.failed(problem))
        again =
            context.clock.now.uptime + min(Self.longestPause, context.settings.sendLook * Double(1 << min(tries, 10)))
        tries += 1
        guard trouble != problem else { return }
        trouble = problem
        context.logger.error("content is not sent", metadata: ["job": "\(job)", "reason": "\(problem)"])
    }

    private func isServed() {
        guard !record.isOver else { return }
        (trouble, again, tries) = (nil, nil, 0)
        show(.running)
    }

    private func giveUp(_ problem: SendProblem) async {
        record.isOver = true
        try? await save()
        try? await context.link.abandon(job, reason: problem.description)
    }

    private func prepare() async throws(SendProblem) {
        let terms = try SentContent.Terms(record.terms)
        guard !record.hasStarted else {
            try await loadTorrent()
            if let torrent { await prepareBucket(terms.sources, torrent) }
            return
        }
        let (path, order) = (record.path, record.order)
        let content = try await SentContent.make(path, name: order.name, terms: terms, own: order.exclude) {
            [weak self] progress in
            self?.board.withLock { ($0.done, $0.total) = (progress.done, progress.total) }
        }
        guard !Task.isCancelled else { return }
        show(.starting)
        await prepareBucket(terms.sources, content.torrent)
        while true {
            do throws(LinkRefusal) { return try await begin(content) } catch {
                // What was hashed is not thrown away because control is not reached for a moment.
                guard error.mayPass, error.status != 500, !Task.isCancelled else { throw SendProblem(error) }
                context.logger.warning(
                    "a job waits for control", metadata: ["job": "\(job)", "reason": "\(error.text)"])
                await context.clock.sleep(seconds: context.settings.sendBegin)
            }
        }
    }

    private func begin(_ made: SentContent) async throws(LinkRefusal) {
        let content = JobContent(made.torrent)
        // What an earlier agent asked for and may have had no answer to is asked for once more, and has the same answer.
        if let start = record.start, start.content == content {
            do throws(LinkRefusal) {
                let reply = try await context.link.start(job, start)
                await keepTorrent(made.torrent)
                await grant()
                return await hasStarted(reply)
            } catch {
                guard error.code == "key_expired" || error.code == "key_unknown" || error.code == "no_metainfo" else {
                    throw error
                }
            }
        }
        let key = try await context.link.key(for: job, KeyRequest(content: content))
        // Before the first target asks.
        await grant()
        try await context.link.keep(metainfo: made.torrent.encode(), of: job)
        await keepTorrent(made.torrent)
        if !made.digests.isEmpty, made.digests.count == content.files, content.files <= FileDigests.mostFiles {
            // Without them everything is transferred.
            try? await context.link.keep(digests: FileDigests(sha1: made.digests), of: job)
        }
        let start = StartRequest(
            key: key.key, content: content, classVersion: record.classVersion, targets: key.targets,
            addresses: await addresses(), sums: made.sums.check == .none ? nil : made.sums.digest,
            request: Hexadecimal.encode((0..<16).map { _ in UInt8.random(in: 0 ... .max) }))
        record.start = start
        try? await save()
        await hasStarted(try await context.link.start(job, start))
    }

    private func keepTorrent(_ made: Torrent) async {
        torrent = made
        let directory = directory
        await Threads.offload {
            try? PathFiles.makeDirectory(directory)
            try? PathFiles.write(made.encode(), to: "\(directory)/content.torrent", mode: 0o600)
        }
    }

    private func hasStarted(_ reply: StartReply) async {
        record.hasStarted = true
        record.start = nil
        record.secret = reply.secret
        record.trackers = reply.trackers.map { JobTicket.url($0, reply.ticket) }
        try? await save()
    }

    private func loadTorrent() async throws(SendProblem) {
        let path = "\(directory)/content.torrent"
        var bytes = await Threads.offload { try? PathFiles.read(path, limit: MetainfoFetch.most) }
        let isMissing = bytes == nil
        if isMissing {
            bytes = try? await context.link.metainfo(of: job)
        }
        let (found, isNew) = (bytes, isMissing)
        let read = await Threads.offload { () -> Torrent? in
            if isNew, let found { try? PathFiles.write(found, to: path, mode: 0o600) }
            return found.flatMap { try? Torrent.parse($0) }
        }
        guard let read else {
            throw SendProblem(.disk, "torrent", "the torrent of the job is neither at \(path) nor at control")
        }
        torrent = read
    }

    private func serve() async throws(SendProblem) {
        guard var torrent, transfer == nil else { return }
        torrent.trackers = record.trackers.map { [$0] }
        var options = context.transferOptions
        options.fast = true
        if record.leavesCopiesToTargets { options.egress = .preference }
        options.swarmSecret = record.secret.flatMap(SwarmSecret.init(link:))
        options.uploadLimit = record.terms["limits"]?["sender"].flatMap { ByteText.rate($0) }
        let started: Transfer
        do {
            started = try await context.swarm.seed(torrent: torrent, path: record.path, options: options)
        } catch {
            throw SendProblem(.failed, "seed", "\(error)")
        }
        // The job may have ended meanwhile.
        guard !record.isOver, !Task.isCancelled else { return await started.stop() }
        transfer = started
        if trouble == nil { show(.running) }
        Task { [weak self] in
            for await event in started.events { await self?.heard(event, of: started) }
        }
    }

    private func heard(_ event: TransferEvent, of one: Transfer) {
        // What an earlier try has to say is over.
        guard one === transfer else { return }
        switch event {
        case .complete: isServed()
        case .failed(let error): isInTrouble(SendProblem(.failed, "seed", error.description))
        default: break
        }
    }

    private func save() async throws(FileFailure) {
        saves += 1
        let (writer, json, number) = (writer, record.json, saves)
        try await Threads.offload { () throws(FileFailure) in try writer.write(json, number) }
    }

    /// Stores the record for the first time.
    func keep() async throws(FileFailure) { try await save() }
}
