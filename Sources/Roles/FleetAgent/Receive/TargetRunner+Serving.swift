import Fleet
import Jobs
import Policy
import SwarmCore
import Threads

// After the content is complete: publication, seeding, and the periodic check.
extension TargetRunner {
    /// Handles an event of the Jobs module.
    func heard(_ event: JobEvent) async {
        await noteReceived(runner)
        if let status = runner?.status { board.take(status) }
        switch event {
        case .complete:
            await noteInLibrary()
            if record.life.isCache { return await happened(.arrived) }
            guard placement.terms.publish == .replace else { return await happened(.arrived) }
            if let final = places?.final {
                let (published, job) = (context.published, job)
                let isNoted = await Threads.offload { (try? published.note(final, job: job)) != nil }
                guard isNoted else {
                    // Whoever comes later would take the content for that of others.
                    let (inbox, clock) = (inbox, context.clock)
                    Task {
                        await clock.sleep(seconds: 5)
                        inbox.yield(.engine(.complete))
                    }
                    return
                }
            }
            await happened(.published)
        case .finished: await stopEngine()
        case .failed(let failure):
            runner = nil
            try? await file.changing { $0.detail = failure.description.prefix(bytes: 900) }
            switch failure.cause {
            case .wrongContent: await happened(.failed(code: "content", again: true))
            case .noMethod: await happened(.failed(code: "source", again: true))
            case .cannotPublish: await happened(.failed(code: "publish", again: true))
            }
        }
    }

    /// Publishes the content.
    func publish() async {
        guard let places, let destination = record.destination else { return }
        guard placement.terms.publish == .versions || record.restores != nil else {
            if let final = places.final { await vacate(final) }
            // If no `JobRunner` runs, a new one is started. It finds the gate open and publishes.
            if runner == nil, let torrent { await startRunner(torrent, places) }
            return gate.open()
        }
        let (published, version, keep) = (context.published, record.restores ?? job, placement.terms.keep)
        let problem = await Threads.offload { () -> FileFailure? in
            do throws(FileFailure) {
                try PublishedPlaces.point(destination, to: version)
                try published.switched(destination, to: version, keep: keep)
                return nil
            } catch {
                return error
            }
        }
        if let problem, PublishedPlaces.current(destination) != version {
            try? await file.changing { $0.detail = problem.description.prefix(bytes: 900) }
            return await happened(.failed(code: "publish", again: true))
        }
        await happened(.published)
    }

    /// Starts to seed again after a restart, until the job ends.
    func serveAgain() async {
        let life = record.life
        // What was seeded as long as it is seeded has nothing left with which it could be again.
        guard runner == nil, record.restores == nil, !life.isOver, !life.isPaused, life.hasContent,
            record.engineState != .over, record.engineState == .serving || life.stage == .delivered, let torrent,
            let places
        else { return }
        await startRunner(torrent, places)
    }

    /// Stops seeding if other content is about to replace this job's at a path.
    func yieldPlace(_ final: String) async {
        guard board.now.final == final, record.life.isVisible else { return }
        await stopEngine()
    }

    var windowNow: WindowSchedule.Now {
        let windows = WindowSchedule(placement.terms.windows, context.policy.configuration.windows)
        let clock = context.clock
        return windows.look(at: clock.calendar.local(clock.now.wall))
    }

    // MARK: Periodic check

    /// Switches at the moment that control has named, not at the next check after it. Only the last stretch is slept through: the
    /// clock's difference may be measured anew until then.
    func wakeAtMoment() async {
        guard let due = record.life.due else { return }
        let left = due - (await context.controlTime)
        guard left > 0 else { return await happened(.time) }
        guard left <= context.settings.tick, !isWaking else { return }
        isWaking = true
        let (inbox, clock) = (inbox, context.clock)
        Task {
            await clock.sleep(seconds: left)
            inbox.yield(.moment)
        }
    }

    func look() async {
        let window = windowNow
        let life = record.life
        board.update { $0.isOpen = window.isOpen }
        await wakeAtMoment()
        if !window.isOpen, life.stage == .receiving, runner != nil {
            mayReceive = false
            await stopEngine()
            return await happened(.waits(.window))
        }
        if life.hasContent, placement.terms.seedsInWindow, !window.isOpen, life.stage == .ended, runner != nil {
            return await stopEngine()
        }
        guard let runner else {
            if life.hasContent, !life.isPaused, window.isOpen || !placement.terms.seedsInWindow,
                life.stage == .delivered || placement.terms.seedsInWindow
            {
                await serveAgain()
            }
            return
        }
        if life.keptUntil == nil { announceIfDue() }
        let status = runner.status
        board.take(status)
        guard life.stage == .receiving else { return }
        if [placement.down, window.limit].compactMap(\.self).min() != rate, let torrent, let places {
            await stopEngine()
            return await startRunner(torrent, places)
        }
        await watchProgress(status, runner)
    }

    private func watchProgress(_ status: JobStatus, _ runner: JobRunner) async {
        let now = context.clock.now.uptime
        let received = status.received.all.reduce(status.localBytes, +)
        if received != lastReceived || received >= status.totalBytes {
            (lastReceived, lastByte) = (received, now)
            return await happened(.bytesCome)
        }
        if status.notes.contains("No space left") || status.notes.contains("Disk quota") {
            lastByte = now
            return await waits(.space)
        }
        // Without anybody who has what is missing, it waits; where they are there and nothing comes, it fails in the end.
        let schedule = await runner.schedule()
        let hasNoSource =
            schedule?.hasNoSource == true
            || (placement.terms.sources.isEmpty && status.efficiency?.limit == .noSource)
        // Outside the hours of the source that has the rest, nothing is to come.
        if schedule?.waitsForWindow == true {
            lastByte = now
            return await waits(.window)
        }
        if hasNoSource, now - lastByte > min(30, Double(placement.terms.timeout)) { return await waits(.source) }
        if !hasNoSource, now - lastByte > Double(placement.terms.timeout) {
            await stopEngine()
            mayReceive = false
            try? await file.changing { [timeout = placement.terms.timeout] in
                $0.detail = "no byte came for \(timeout) seconds"
            }
            await happened(.failed(code: "timeout", again: true))
        }
    }

    /// Reports a reason for waiting, once.
    private func waits(_ reason: TargetState.WaitReason) async {
        guard record.life.hasBegun else { return }
        await happened(.waits(reason))
    }
}

extension DeliveryMachine {
    /// Whether no method that may be used has a source.
    fileprivate var hasNoSource: Bool { plan.usable.allSatisfy { status($0).noSource != nil } }

    /// Whether all that is missing is of methods whose window is closed.
    fileprivate var waitsForWindow: Bool {
        let busy = plan.usable.map { status($0) }.filter { !$0.files.isEmpty }
        return !busy.isEmpty && busy.allSatisfy { !$0.isOpen }
    }
}
