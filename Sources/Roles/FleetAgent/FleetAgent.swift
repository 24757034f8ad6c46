// FleetAgent: the agent on a host of a fleet.
//
// Purpose: gets commands from control; receives, publishes, seeds and sends content; runs hooks; reports events. Its
// own configuration file limits what it may do. Must never: run a shell, write outside its roots, or exceed the limits
// of its file.

import Address
import Fleet
import FleetLink
import HashLibrary
import Hashing
import Jobs
import Logging
import Policy
import Swarm
import Text
import Threads

/// The agent of a host: the jobs that it receives, and those that it sends.
package actor FleetAgent {
    nonisolated let context: AgentContext
    var targets: [String: TargetRunner] = [:]
    var senders: [String: SendRunner] = [:]
    private var told: [String: TargetState.WaitReason] = [:]
    /// When a job that lacks disk space is tried again, in seconds of the monotonic clock.
    private var spaceAgain: [String: Double] = [:]
    /// When records of old sends were last removed, in seconds of the monotonic clock.
    var sendsSwept: Double?
    private var poll: Task<Void, Never>?
    /// Bytes that jobs of an earlier run, which have not begun again, have on the disk.
    private var usedBefore: [String: Int64] = [:]
    /// Runners of jobs that have ended, which may still remove what they received.
    private var ending: [String: Task<Void, Never>] = [:]
    /// When records of old jobs are looked for next, in seconds of uptime.
    private var tidiesAt = 0.0
    private var isStopped = false
    /// BFT tasks of a delivery node in this process: shown, and left to that node.
    let tasks: @Sendable () async -> [HostTask]
    private let ownLibrary: HashLibrary?
    /// What the link said last.
    var news: LinkNews?
    var trouble: String?

    /// - Parameters:
    ///   - swarm: the engine of this process; its owner ends it.
    ///   - tasks: those of a delivery node in this process.
    ///   - library: used in place of one of the agent's own, which knows what jobs brought and reads nothing else.
    package init(
        configuration: AgentConfiguration, places: AgentPlaces, link: any AgentLink, swarm: SwarmNode, logger: Logger,
        clock: any JobClock = SystemJobClock(), settings: AgentTunables = AgentTunables(),
        tasks: @escaping @Sendable () async -> [HostTask] = { [] }, library: (any ContentLibrary)? = nil
    ) {
        self.tasks = tasks
        let own = library == nil ? Self.makeLibrary(places, logger) : nil
        ownLibrary = own
        let library: any ContentLibrary = library ?? own.map { LibraryBridge(library: $0) } ?? NoLibrary()
        context = AgentContext(
            places: places, policies: PolicyHolder(AgentPolicy(configuration)), link: link, swarm: swarm, clock: clock,
            logger: logger,
            settings: settings, publications: Turns(atOnce: 64), checks: Turns(atOnce: Threads.processors),
            published: PublishedPlaces(directory: places.versions), stores: AgentStores(configuration.stores),
            site: SiteMemory(path: places.site), library: library)
    }

    private static func makeLibrary(_ places: AgentPlaces, _ logger: Logger) -> HashLibrary? {
        var options = LibraryOptions()
        (options.watches, options.rescanInterval) = (false, nil)
        return try? HashLibrary(tablePath: places.library, roots: [], options: options, logger: logger)
    }

    /// Starts the agent, and continues the jobs of its previous run.
    /// - Throws: `FileFailure` if the agent's directories cannot be created; ``AgentListenProblem`` if the address that its file
    ///   names is taken.
    package func start() async throws {
        let places = context.places
        let found = try await Threads.offload { () throws(FileFailure) -> [TargetFile] in
            for path in [places.data, places.jobs, places.sends, places.versions] {
                try PathFiles.makeDirectory(path)
            }
            return PathFiles.names(in: places.jobs).filter(TargetRecord.isName).compactMap {
                TargetFile.read(places.job($0))
            }
        }
        await context.site.load()
        do { try await ownLibrary?.start() } catch {
            // Without the library everything works, and more is transferred.
            context.logger.warning("the library of hashes cannot be used", metadata: ["reason": "\(error)"])
        }
        // So that control can be told where peers reach this host.
        do { try await context.swarm.serve(EmptyShelf(), options: context.transferOptions) } catch {
            // Where the file names no address, the host goes on without one: it dials its peers.
            guard case .address(let address) = context.policy.configuration.listen else { return await begin(found) }
            throw AgentListenProblem(address: address, reason: "\(error)")
        }
        await begin(found)
    }

    private func begin(_ found: [TargetFile]) async {
        for file in found { await resume(file) }
        await forget(found.map(\.now))
        await dropKept(found.map(\.now), before: context.clock.now.wall.seconds - Self.keeping)
        tidiesAt = context.clock.now.uptime + Self.tidying
        await resumeSends()
        poll = Task { [weak self, context] in
            while !Task.isCancelled {
                guard let self else { return }
                await self.look()
                await self.tidyIfDue()
                await context.clock.sleep(seconds: context.settings.tick)
            }
        }
    }

    /// Stops everything. Unfinished jobs continue at the next start. Running hooks are not interrupted.
    package func stop() async {
        guard !isStopped else { return }
        isStopped = true
        poll?.cancel()
        await poll?.value
        let (targets, senders) = (targets, senders)
        await withTaskGroup(of: Void.self) { group in
            for runner in targets.values { group.addTask { await runner.stop() } }
            for runner in senders.values { group.addTask { await runner.stop() } }
        }
        await context.stores.shutdown()
        await ownLibrary?.stop()
    }

    /// Seconds for which the record of an ended job is kept, content that was delivered and never published, and between two
    /// searches for older ones.
    private static let memory = 30 * 86_400.0
    private static let keeping = 7 * 86_400.0
    private static let tidying = 6 * 3600.0

    private func tidyIfDue() async {
        let now = context.clock.now.uptime
        guard now >= tidiesAt else { return }
        tidiesAt = now + Self.tidying
        let records = await self.records()
        await forget(records)
        await dropKept(records, before: context.clock.now.wall.seconds - Self.keeping)
    }

    private func records() async -> [TargetRecord] {
        let directory = context.places.jobs
        return await Threads.offload {
            PathFiles.names(in: directory).compactMap { TargetFile.read("\(directory)/\($0)")?.now }
        }
    }

    /// Deletes content of ended jobs that was delivered and never published.
    /// - Parameters:
    ///   - time: of the end of jobs up to which it is deleted, by this host's clock; nil for all.
    ///   - roots: below which; nil for all.
    /// - Returns: whether there was any.
    @discardableResult
    private func dropKept(_ records: [TargetRecord], before time: Double? = nil, in roots: Set<String>? = nil) async
        -> Bool
    {
        var found = false
        for record in records where record.life.isKept && targets[record.job] == nil {
            guard roots?.contains(record.root) != false, time.map({ (record.ended ?? record.accepted) < $0 }) != false,
                await clear(record)
            else { continue }
            context.logger.notice(
                "content that was delivered and never published is deleted", metadata: ["job": "\(record.job)"])
            found = true
        }
        return found
    }

    /// Deletes the records of jobs that ended long ago.
    private func forget(_ records: [TargetRecord]) async {
        let before = context.clock.now.wall.seconds - Self.memory
        let old = records.filter { $0.life.isOver && $0.life.stage == .ended && ($0.ended ?? $0.accepted) < before }
        let tree = OwnTree(path: context.places.jobs)
        await Threads.offload { for record in old { tree.remove("\(tree.path)/\(record.job)") } }
    }

    private func resume(_ file: TargetFile) async {
        let record = file.now
        guard !(record.life.isOver && record.life.stage == .ended) else {
            if !record.life.isKept { await clear(record) }
            return
        }
        do throws(AgentPolicy.Refusal) {
            await run(file, try context.policy.place(record.offer), isNew: false)
        } catch {
            guard record.life.stage == .receiving || record.life.stage == .delivered else { return }
            await refuse(record.job, record.life.attempt, record.offer, error)
        }
    }

    /// Deletes what an ended job has received and not published: an agent that was killed while it ended the job has left that, or
    /// it was kept. Published content stays.
    /// - Returns: false if there is nothing.
    @discardableResult
    private func clear(_ record: TargetRecord) async -> Bool {
        let (job, own) = (record.job, "\(record.root)/\(AgentPolicy.stagingName)/\(record.job)")
        guard ending[job] == nil, await Threads.offload({ PathFiles.status(own) != nil }) else { return false }
        let publish = (try? context.policy.place(record.offer))?.terms.publish ?? .replace
        let places = TargetPlaces(record, publish: publish, isSingleFile: record.offer.content.files == 1)
        let isVisible = record.life.isVisible
        // A large tree takes minutes. Until then the job is not taken again.
        ending[job] = Task {
            await Threads.offload { places.discard(keepsVersion: isVisible) }
            ending[job] = nil
        }
        return true
    }

    func run(_ file: TargetFile, _ placement: AgentPolicy.Placement, isNew: Bool) async {
        let runner = TargetRunner(
            file, placement: placement, context: context, addresses: { [weak self] in await self?.addresses ?? [] },
            vacate: { [weak self] final in await self?.vacate(final, for: file.now.job) })
        targets[file.now.job] = runner
        await runner.start(isNew: isNew)
    }

    /// Tells control that this host does not take an offer, with a receipt of that.
    /// - Returns: false if that could not be kept for control, so that the offer must come again.
    @discardableResult
    func refuse(_ job: String, _ attempt: Int64, _ offer: JobOffer, _ refusal: AgentPolicy.Refusal) async -> Bool {
        let now = context.clock.now.wall.seconds
        let difference = await context.link.difference
        let receipt = try? await context.link.sign(
            Receipt.payload(
                of: TargetRecord(refused: offer, job: job, attempt: attempt, key: refusal.key, at: now),
                node: context.link.node, path: nil, ahead: difference.seconds, efficiency: nil))
        do {
            try await context.link.report(
                AgentReport(
                    job: job, attempt: attempt, time: now, report: .refused(key: refusal.key), detail: refusal.text,
                    receipt: receipt))
            return true
        } catch {
            context.logger.error("a refusal cannot be kept", metadata: ["job": "\(job)", "reason": "\(error)"])
            return false
        }
    }

    /// Stops other jobs from seeding content at a path, because it is about to be replaced.
    private func vacate(_ final: String, for job: String) async {
        for (name, runner) in targets where name != job { await runner.yieldPlace(final) }
    }

    // MARK: Commands

    /// Carries out a command of control. Returns when the command is stored durably, so that it survives a restart.
    /// - Returns: false if the command could not be stored. Control must send it again.
    package func carryOut(_ command: FleetCommand) async -> Bool {
        guard !isStopped else { return false }
        switch command.action {
        case .offer(let offer): return await offered(command.job, command.attempt, offer, restores: nil)
        case .restore(let offer, let version):
            return await offered(command.job, command.attempt, offer, restores: version)
        case .switches(let moment): await targets[command.job]?.obey(.order(.switches(at: moment)))
        case .pause: await targets[command.job]?.obey(.order(.pause))
        case .resume:
            await targets[command.job]?.obey(.order(.resume))
            await resumeSend(command.job)
        case .cancel:
            await targets[command.job]?.obey(.order(.cancel))
            await senders[command.job]?.end()
        case .end:
            await targets[command.job]?.obey(.order(.end))
            await senders[command.job]?.end()
        case .send(let order): guard await sendByOrder(order, job: command.job) else { return false }
        }
        await look()
        return true
    }

    // MARK: Choice of receiving jobs

    func look() async {
        guard !isStopped else { return }
        await forgetSends()
        var candidates: [ReceivingTurns.Candidate] = []
        var records: [String: TargetRecord] = [:]
        let now = context.clock.now.uptime
        for (job, runner) in targets {
            let record = runner.file.now
            records[job] = record
            if record.life.isOver, record.life.stage == .ended {
                targets[job] = nil
                told[job] = nil
                spaceAgain[job] = nil
                usedBefore[job] = nil
                ending[job] = Task {
                    await runner.stop()
                    ending[job] = nil
                }
                continue
            }
            runner.inbox.yield(.tick)
            guard record.life.wantsTurn, runner.board.now.isOpen else { continue }
            if record.restores != nil {
                runner.inbox.yield(.turn(true, because: nil))
                continue
            }
            if let again = spaceAgain[job], now < again { continue }
            candidates.append(
                ReceivingTurns.Candidate(
                    job: job, priority: record.offer.priority, deadline: record.offer.deadline,
                    accepted: record.accepted, isReceiving: record.life.hasBegun))
        }
        let lacking = await lackSpace(candidates.map(\.job), records)
        // Kept content is there only for as long as nothing else needs its room.
        let full = Set(lacking.compactMap { records[$0]?.root })
        let makesRoom = full.isEmpty ? false : await dropKept(await self.records(), in: full)
        for job in lacking {
            spaceAgain[job] = now + (makesRoom ? min(5, context.settings.spaceRetry) : context.settings.spaceRetry)
            tell(job, false, .space)
        }
        candidates.removeAll { lacking.contains($0.job) }
        let chosen = ReceivingTurns.choose(candidates, most: context.policy.configuration.receive.parallel)
        for candidate in candidates {
            spaceAgain[candidate.job] = nil
            tell(candidate.job, chosen.contains(candidate.job), .slot)
        }
    }

    private func tell(_ job: String, _ may: Bool, _ reason: TargetState.WaitReason) {
        guard may || told[job] != reason else { return }
        told[job] = may ? nil : reason
        targets[job]?.inbox.yield(.turn(may, because: may ? nil : reason))
    }

    /// The jobs for which there is too little space on their disks, in addition to the reserve and to what other jobs
    /// are about to use.
    private func lackSpace(_ jobs: [String], _ records: [String: TargetRecord]) async -> Set<String> {
        let reserve = context.policy.configuration.receive.reserve
        var wanted: [(job: String, root: String, bytes: Int64)] = []
        for job in jobs {
            guard let record = records[job], let runner = targets[job] else { continue }
            var done = runner.board.now.done
            // Nothing is known yet of a job that an earlier run of the agent has begun.
            if done == 0 {
                let place = TargetPlaces.incoming(of: job, below: record.root)
                let known = usedBefore[job]
                done = if let known { known } else { await Threads.offload { DiskSpace.used(by: place) } }
                usedBefore[job] = done
            } else {
                usedBefore[job] = nil
            }
            wanted.append((job, record.root, max(0, record.offer.content.bytes - done)))
        }
        let list = wanted
        // The size limit of the cache also counts content that it already holds.
        let cached = records.values.filter { $0.life.isCache && !$0.life.isOver && !jobs.contains($0.job) }
            .reduce(Int64(0)) { $0 &+ $1.offer.content.bytes }
        let cache = context.policy.configuration.cache
        return await Threads.offload {
            var free: [String: Int64] = [:]
            var lacking: Set<String> = []
            for (job, root, bytes) in list {
                var found = free[root] ?? DiskSpace.free(root).map { $0 - reserve }
                if free[root] == nil, root == cache?.directory, let size = cache?.size {
                    found = min(found ?? .max, size - cached)
                }
                guard let space = found else { continue }
                if bytes > space { lacking.insert(job) } else { free[root] = space - bytes }
            }
            return lacking
        }
    }

    /// Whether nothing of an earlier run of a job is at work, after a short wait: a large tree takes minutes to remove.
    func hasEnded(_ job: String) async -> Bool {
        for _ in 0..<20 where ending[job] != nil { await context.clock.sleep(seconds: 0.1) }
        return ending[job] == nil
    }

    // MARK: The file

    /// The agent's file was read again. What it says holds from now on, for jobs that come; those that were accepted go on as
    /// they were. Where this host listens, its proxy and its keys of stores stay as they are until a restart.
    /// - Returns: keys that differ and need one.
    package func reload(_ configuration: AgentConfiguration) async -> [String] {
        let old = context.policy.configuration
        var new = configuration
        var late: [String] = []
        if new.listen != old.listen { late.append("listen") }
        if new.proxy != old.proxy { late.append("proxy") }
        if new.stores != old.stores { late.append("stores") }
        (new.listen, new.proxy, new.stores) = (old.listen, old.proxy, old.stores)
        context.policies.set(AgentPolicy(new))
        await context.swarm.setLimits(
            up: new.limits.up.map { Int(clamping: $0) }, down: new.limits.down.map { Int(clamping: $0) })
        return late
    }

    // MARK: The link

    /// Control answered.
    func heard(_ news: LinkNews) async {
        (self.news, trouble) = (news, nil)
        await context.site.learn(news.site)
        for (job, share) in news.shares { targets[job]?.inbox.yield(.share(share)) }
    }

    /// Call when control does not answer.
    func lost(_ problem: String) { trouble = problem }
}

/// Peers cannot reach this host where its file says that they do.
package struct AgentListenProblem: Error, CustomStringConvertible {
    let address: PeerAddress
    let reason: String

    package var description: String { "peers cannot reach this host at \(address): \(reason)" }
}

/// A shelf without content. It makes the engine listen before there is a job.
private struct EmptyShelf: Shelf {
    func mayHave(_ hash: SHA1Digest) -> Bool { false }
    func open(_ hash: SHA1Digest) throws -> ShelvedContent? { nil }
}
