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
    package nonisolated let context: AgentContext
    var targets: [String: TargetRunner] = [:]
    var senders: [String: SendRunner] = [:]
    private var told: [String: TargetState.WaitReason] = [:]
    /// When a job that lacks disk space is tried again, in seconds of the monotonic clock.
    private var spaceAgain: [String: Double] = [:]
    /// When records of old sends were last removed, in seconds of the monotonic clock.
    var sendsSwept: Double?
    private var poll: Task<Void, Never>?
    /// Bytes that jobs of an earlier run, which have not begun again, have on the disk.
    var usedBefore: [String: Int64] = [:]
    /// Ended jobs whose runner is still being stopped, or whose files are being deleted.
    package var ending: Set<String> = []
    /// Runners of ended jobs that are being stopped.
    private var stopping: [String: Task<Void, Never>] = [:]
    /// Jobs for which an offer is being accepted, and that have no runner yet.
    var accepting: Set<String> = []
    /// Number of jobs whose kept content is being deleted, and of searches for such.
    var keptGoing = 0
    /// When records of old jobs are looked for next, in seconds of uptime.
    var tidiesAt = 0.0
    private(set) var isStopped = false
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
        await tidy()
        await resumeSends()
        guard !isStopped else { return }
        poll = Task { [weak self, context] in
            while !Task.isCancelled {
                guard let self else { return }
                await self.look()
                if context.clock.now.uptime >= (await self.tidiesAt) { await self.tidy() }
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
        let (targets, senders, stopping) = (targets, senders, stopping)
        await withTaskGroup(of: Void.self) { group in
            // Those write records too: none after this returns, when the next run may have begun.
            for task in stopping.values { group.addTask { await task.value } }
            for runner in targets.values { group.addTask { await runner.stop() } }
            for runner in senders.values { group.addTask { await runner.stop() } }
        }
        await context.publications.finishBackground()
        await context.stores.shutdown()
        await ownLibrary?.stop()
    }

    private func resume(_ file: TargetFile) async {
        let record = file.now
        guard !(record.life.isOver && record.life.stage == .ended) else {
            // How it ended is told first.
            guard !record.owesReceipt else {
                return await run(file, context.policy.placement(of: record), isNew: false)
            }
            await clear(record.job) { !$0.life.isKept }
            return
        }
        do throws(AgentPolicy.Refusal) {
            await run(file, try context.policy.place(record.offer), isNew: false)
        } catch {
            switch record.life.stage {
            case .receiving, .delivered, .ended: await disown(file, error)
            // The content is in place, and its hook may run: how that ends is told, whatever the file says now.
            case .switched, .hook: await run(file, context.policy.placement(of: record), isNew: false)
            }
        }
    }

    func run(_ file: TargetFile, _ placement: AgentPolicy.Placement, isNew: Bool) async {
        // Nobody would stop it: its record is found at the next start.
        guard !isStopped else { return }
        let runner = TargetRunner(
            file, placement: placement, context: context, addresses: { [weak self] in await self?.addresses ?? [] },
            vacate: { [weak self] final in await self?.vacate(final, for: file.now.job) })
        targets[file.now.job] = runner
        await runner.start(isNew: isNew)
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
        guard await handle(command) else {
            // It comes again at once, and what is in its way needs a while.
            await context.clock.sleep(seconds: context.settings.tick)
            return false
        }
        await look()
        return true
    }

    private func handle(_ command: FleetCommand) async -> Bool {
        switch command.action {
        case .offer(let offer): return await offered(command.job, command.attempt, offer, restores: nil)
        case .restore(let offer, let version):
            return await offered(command.job, command.attempt, offer, restores: version)
        case .switches(let moment): guard await give(.switches(at: moment), to: command.job) else { return false }
        case .pause: guard await give(.pause, to: command.job) else { return false }
        case .resume:
            guard await give(.resume, to: command.job) else { return false }
            await resumeSend(command.job)
        case .cancel:
            guard await give(.cancel, to: command.job), await cancelKept(command.job) else { return false }
            await senders[command.job]?.end()
        case .end:
            guard await give(.end, to: command.job) else { return false }
            await senders[command.job]?.end()
        case .send(let order): return await sendByOrder(order, job: command.job)
        }
        return true
    }

    /// Gives an order to a job that this host receives.
    /// - Returns: false if it was not handled: the job's runner is being started or stopped.
    private func give(_ order: TargetLife.Order, to job: String) async -> Bool {
        guard let runner = targets[job] else { return !accepting.contains(job) }
        return await runner.obey(.order(order))
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
            if record.life.isOver, record.life.stage == .ended, !record.owesReceipt {
                targets[job] = nil
                told[job] = nil
                spaceAgain[job] = nil
                usedBefore[job] = nil
                ending.insert(job)
                stopping[job] = Task {
                    await runner.stop()
                    ending.remove(job)
                    stopping[job] = nil
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
        let makesRoom = await makeRoom(Array(lacking.values))
        for job in lacking.keys {
            spaceAgain[job] = now + (makesRoom ? min(5, context.settings.spaceRetry) : context.settings.spaceRetry)
            tell(job, false, .space)
        }
        candidates.removeAll { lacking[$0.job] != nil }
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
