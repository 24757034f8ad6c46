import Address
import Fleet
import FleetLink
import JSON
import Jobs
import Metainfo
import Settings
import Storage
import Swarm
import Synchronization
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
    private let context: AgentContext
    private let addresses: @Sendable () async -> [PeerAddress]
    private let board = Mutex(Progress())
    private let directory: String
    private var record: SendRecord
    private var torrent: Torrent?
    private var transfer: Transfer?
    private var main: Task<Void, Never>?

    /// Seconds between two checks of the job's state at control.
    private static let lookEvery = 10.0

    init(_ record: SendRecord, context: AgentContext, addresses: @escaping @Sendable () async -> [PeerAddress]) {
        self.record = record
        self.context = context
        self.addresses = addresses
        job = record.job
        directory = "\(context.places.sends)/\(record.job)"
    }

    var order: SendOrder { record.order }

    package nonisolated var progress: Progress { board.withLock { $0 } }

    func start() {
        guard main == nil else { return }
        main = Task { await run() }
    }

    /// Stops. The next run of the agent continues.
    func stop() async {
        main?.cancel()
        await main?.value
        await transfer?.stop()
        transfer = nil
    }

    /// Call when the job has ended.
    func end() async {
        record.isOver = true
        try? save()
        main?.cancel()
        await transfer?.stop()
        transfer = nil
        let directory = directory
        await Threads.offload { PathFiles.removeFile("\(directory)/content.torrent") }
        show(.over)
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
            show(.failed(error))
            context.logger.error("content is not sent", metadata: ["job": "\(job)", "reason": "\(error)"])
            record.isOver = true
            try? save()
            try? await context.link.abandon(job, reason: error.description)
            return
        }
        // Seeds until control has ended the job. Control's command may get lost, so the agent also asks.
        var event: String? = "started"
        var next = 0.0
        while !Task.isCancelled, !record.isOver {
            let now = context.clock.now.uptime
            if now >= next {
                let request = AnnounceRequest(job: job, addresses: await addresses(), left: 0, event: event)
                if let reply = try? await context.link.announce(request) {
                    event = nil
                    next = now + reply.interval
                    await transfer?.addPeers(reply.peers)
                }
            }
            _ = try? await look()
            await context.clock.sleep(seconds: Self.lookEvery)
        }
    }

    private func prepare() async throws(SendProblem) {
        guard !record.hasStarted else { return try await loadTorrent() }
        let terms = try SentContent.Terms(record.terms)
        let (path, order) = (record.path, record.order)
        let content = try await SentContent.make(path, name: order.name, terms: terms, own: order.exclude) {
            [weak self] progress in
            self?.board.withLock { ($0.done, $0.total) = (progress.done, progress.total) }
        }
        guard !Task.isCancelled else { return }
        show(.starting)
        do throws(LinkRefusal) { try await begin(content) } catch { throw SendProblem(error) }
    }

    private func begin(_ made: SentContent) async throws(LinkRefusal) {
        let content = JobContent(made.torrent)
        let key = try await context.link.key(for: job, KeyRequest(content: content))
        let bytes = made.torrent.encode()
        try await context.link.keep(metainfo: bytes, of: job)
        try? PathFiles.makeDirectory(directory)
        try? PathFiles.write(bytes, to: "\(directory)/content.torrent", mode: 0o600)
        torrent = made.torrent
        let sums = made.sums.check == .none ? nil : made.sums.digest
        let reply = try await context.link.start(
            job,
            StartRequest(
                key: key.key, content: content, classVersion: record.classVersion, targets: key.targets,
                addresses: await addresses(), sums: sums))
        record.hasStarted = true
        record.secret = reply.secret
        record.trackers = reply.trackers
        try? save()
    }

    private func loadTorrent() async throws(SendProblem) {
        let path = "\(directory)/content.torrent"
        let bytes = await Threads.offload { try? PathFiles.read(path, limit: MetainfoFetch.most) }
        guard let bytes, let read = try? Torrent.parse(bytes) else {
            throw SendProblem(.disk, "torrent", "the torrent of the job is gone from \(path)")
        }
        torrent = read
    }

    private func serve() async throws(SendProblem) {
        guard var torrent, transfer == nil else { return }
        torrent.trackers = record.trackers.map { [$0] }
        var options = context.transferOptions
        options.fast = true
        options.swarmSecret = record.secret.flatMap(SwarmSecret.init(link:))
        options.uploadLimit = record.terms["limits"]?["sender"].flatMap { ByteText.rate($0) }
        do {
            transfer = try await context.swarm.seed(torrent: torrent, path: record.path, options: options)
        } catch {
            throw SendProblem(.failed, "seed", "\(error)")
        }
        show(.running)
    }

    private func save() throws(FileFailure) {
        try PathFiles.makeDirectory(directory)
        try PathFiles.write(record.json.encode(), to: "\(directory)/send.json", mode: 0o600)
    }

    /// Stores the record for the first time.
    func keep() throws(FileFailure) { try save() }
}

extension SentContent.Terms {
    /// From the terms of a ``SendPlan``.
    init(_ terms: JSONValue) throws(SendProblem) {
        guard let object = terms.objectValue else {
            self.init()
            return
        }
        do throws(SettingsError) {
            let read = try ClassSettings.table.read(SettingsSource(object), into: FleetClass()).0
            self.init(include: read.include, exclude: read.exclude, check: read.check, block: read.block)
            verify = read.verify
        } catch {
            throw SendProblem(.failed, "version", "this agent does not understand the class: \(error)")
        }
    }
}

extension ByteText {
    /// A rate in bytes a second, as in a class; nil for no limit.
    static func rate(_ value: JSONValue) -> Int? {
        value.lenientText.flatMap { bytes($0) }.flatMap { $0 > 0 ? Int(exactly: $0) : nil }
    }
}
