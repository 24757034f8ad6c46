import Fleet
import FleetStore
import JSON

extension ControlCore {
    /// When the parts of ``tick()`` last ran, in seconds since 1970.
    struct Marks: Sendable {
        /// 0 before the first call.
        var tick = 0.0
        var second = 0.0
        var poll = 0.0
        var slow = 0.0
        var hour = 0.0
    }

    private static let step = Duration.milliseconds(200)
    private static let poll = 0.4
    /// Seconds between two calls of ``tick()`` that are no matter of work.
    private static let longestTick = 10.0
    /// Seconds without a word after which an ephemeral node is forgotten at the latest when records are tidied.
    private static let ephemeralRest = 600.0
    /// Seconds since it was seen last after which it is no news that a node is away: control was away itself.
    private static let newsAge = 3600.0
    /// If more nodes than this become away at once, one event reports all of them instead of one event each.
    private static let mostSaid = 50

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
        let last = marks.withLock { marks in
            defer { marks.tick = now }
            return marks.tick
        }
        if last > 0, now < last || now - last > Self.longestTick {
            roster.withLock { $0.clockJumped(to: now) }
            if now < last { for parked in roster.withLock({ $0.unparkAll() }) { parked.resume.resume() } }
        }
        for parked in roster.withLock({ $0.unparkDue(at: now) }) { parked.resume.resume() }
        let due = marks.withLock { marks in
            func isDue(_ last: inout Double, every seconds: Double) -> Bool {
                // If the clock was set back, the work is due at once.
                guard now - last >= seconds || now < last else { return false }
                last = now
                return true
            }
            return (
                poll: isDue(&marks.poll, every: Self.poll), second: isDue(&marks.second, every: 1),
                slow: isDue(&marks.slow, every: 10), hour: isDue(&marks.hour, every: 3600)
            )
        }
        if due.poll { await followChanges() }
        // Without a database, waiting requests are ended, so that the agents try another control.
        if !isReady { for parked in roster.withLock({ $0.unparkAll() }) { parked.resume.resume() } }
        if due.second {
            if settings.isShared { await followControls(now) }
            await findAway(now)
            await moveJobs(now)
            await closeEnded()
        }
        if due.slow {
            peers.withLock { $0.expire(at: now) }
            await write(now)
            await findLate(now)
            await catchUp(now)
        }
        if due.hour { await tidy(now) }
    }

    // MARK: Changes

    /// Applies the changes that this and other controls have made to the database.
    package func followChanges() async {
        do throws(StoreError) {
            while true {
                let page = try await store.changes(after: state.withLock { $0.change }, limit: 500)
                reached()
                guard let last = page.last else { return }
                try await take(page)
                state.withLock { $0.change = max($0.change, last.id) }
                feed.put(page)
                if page.count < 500 { return }
            }
        } catch {
            logger.warning("the database does not answer", metadata: ["error": "\(error)"])
        }
    }

    private func take(_ changes: [ChangeRecord]) async throws(StoreError) {
        var seen: Set<String> = []
        // Of several changes to one object, only the last matters.
        for change in changes.reversed() where seen.insert("\(change.kind) \(change.subject)").inserted {
            switch change.kind {
            case "node": try await takeNode(change.subject)
            case "class":
                let record = try await store.fleetClass(change.subject)
                classes.withLock { $0[change.subject] = record }
            case "job":
                noteJob(change.subject)
                let known = await lead(change.subject)?.snapshot?.record
                if let known, known.revision >= change.id { continue }
                try await reload(job: change.subject)
            case "api-token": try await access.load(store)
            default: break
            }
        }
    }

    private func takeNode(_ text: String) async throws(StoreError) {
        guard let id = NodeID(text) else { return }
        let before = roster.withLock { $0[id]?.record }
        guard let node = try await store.node(id) else {
            return roster.withLock { $0.remove(id) }?.resume.resume() ?? ()
        }
        if let before, before.revision >= node.revision { return }
        roster.withLock { $0.put(node) }
        await changed(node, before: before)
    }

    /// Informs jobs and waiting requests that a node's state has changed.
    func changed(_ node: NodeRecord, before: NodeRecord?) async {
        guard let before, before.state != node.state else { return }
        switch node.state {
        case .revoked:
            await report(.failed(code: "removed", again: false), of: [node.id])
            roster.withLock { $0.unpark(node.id) }?.resume.resume()
        case .drained, .cloned, .pending: await report(.drained, of: [node.id])
        case .active:
            await report(.back, of: [node.id])
            await tellAgain(node.id)
            roster.withLock { $0.unpark(node.id) }?.resume.resume()
        }
    }

    // MARK: Time

    private func findAway(_ now: Double) async {
        let seconds = settings.pace.awayAfter(agents: roster.withLock { $0.present })
        // Of several controls one says so: the one that heard of the node last, and for one that is gone the first that lives.
        let (found, said) = roster.withLock { roster in
            let found = roster.findAway(at: now, after: seconds)
            return (found, found.map { id in roster[id].map { ($0.heard, $0.elsewhere) } })
        }
        await leave(zip(found, said).filter { isOurs($1, now) }.map(\.0), now)
    }

    private func isOurs(_ last: (heard: Double, elsewhere: (control: String, at: Double)?)?, _ now: Double) -> Bool {
        guard let last, let elsewhere = last.elsewhere, elsewhere.at > last.heard else { return true }
        return controls.withLock { !$0.isAlive(elsewhere.control, at: now) && $0.isFirst(at: now) }
    }

    /// Nodes are away.
    private func leave(_ found: [NodeID], _ now: Double) async {
        // Of those that control has just found out at its start, the ones that went while it was away.
        let news = roster.withLock { roster in
            found.filter {
                roster[$0].map { $0.record.state == .active && $0.record.seen > now - Self.newsAge } ?? false
            }
        }
        if news.count > Self.mostSaid {
            await say("nodes.away", "", .object(["nodes": .integer(Int64(news.count))]), at: now)
        }
        await report(.away, of: found)
        // Who has come back meanwhile may have said so before.
        let back = roster.withLock { roster in found.filter { roster[$0]?.isAway == false } }
        await report(.back, of: back)
        for node in found where !back.contains(node) {
            guard let record = roster.withLock({ roster in roster[node].flatMap { $0.isAway ? $0.record : nil } })
            else { continue }
            if record.isEphemeral {
                await forget(record, "node.forget")
            } else if news.count <= Self.mostSaid, news.contains(node) {
                await say("node.away", node.description, .object(["name": .string(record.name)]), at: now)
            }
        }
    }

    private func forget(_ node: NodeRecord, _ action: String) async {
        do throws(StoreError) {
            _ = try await store.remove(node.id, by: .control(at: now()), action)
            await report(.failed(code: "removed", again: false), of: [node.id])
            roster.withLock { $0.remove(node.id) }?.resume.resume()
        } catch {
            logger.warning("a node was not forgotten", metadata: ["node": "\(node.id)", "error": "\(error)"])
        }
    }

    /// Advances jobs whose next wave, start or expiry is due.
    private func moveJobs(_ now: Double) async {
        for (id, lead) in jobs.withLock({ $0.leads }) {
            guard let machine = await standing(lead)?.machine, let due = machine.due, due <= now else { continue }
            do throws(StoreError) {
                let moved = try await lead.move(by: .control(at: now)) { machine, _ in .go(machine.tick(now)) }
                if machine.state == .planned, let snapshot = moved.value, snapshot.record.state != .planned {
                    await supersede(by: snapshot)
                }
            } catch {
                logger.warning("a job did not move", metadata: ["job": "\(id)", "error": "\(error)"])
            }
        }
    }

    /// Writes when nodes and API tokens were last seen. A crash may lose the latest of it, so it is written only from
    /// time to time.
    private func write(_ now: Double) async {
        do throws(StoreError) {
            let seen = roster.withLock { $0.takeUnwritten(most: 2000, at: now) }
            try await store.seen(seen, by: settings.id)
            try await store.seen(apiTokens: access.takeUses())
        } catch {
            logger.warning("presence was not written", metadata: ["error": "\(error)"])
        }
    }

    /// Ends jobs whose sender never said what they are: it went away while it hashed.
    private func failUnbegun(_ now: Double) async {
        let open = (try? await store.jobs(before: nil, limit: 1000, isOpen: true, oldestFirst: true)) ?? []
        for job in open where job.course == nil && job.expires < now {
            _ = try? await change(job, "job.expire") { job in
                guard job.course == nil, !job.state.hasEnded else { return false }
                job.state = .failed
                job.reason = "its sender did not come back with the content in time"
                return true
            }
        }
    }

    private func tidy(_ now: Double) async {
        let pending = roster.withLock { roster in
            roster.seats.values.map(\.record).filter {
                $0.state == .pending && ($0.pendingUntil ?? .infinity) < now
            }
        }
        for node in pending { await forget(node, "node.expire") }
        // Those that no control saw go away: they never came after they joined, or went while controls were down.
        let nodes = (try? await store.nodes()) ?? []
        for node in nodes where node.isEphemeral {
            let heard =
                roster.withLock { roster in
                    roster[node.id].map { max($0.heard, $0.elsewhere?.at ?? 0, $0.awaitedSince ?? 0) }
                } ?? 0
            guard max(node.seen, node.joined, heard) < now - Self.ephemeralRest else { continue }
            await forget(node, "node.forget")
        }
        await failUnbegun(now)
        do throws(StoreError) { try await store.tidy(at: now) } catch {
            logger.warning("old records were not removed", metadata: ["error": "\(error)"])
        }
    }
}
