import Fleet
import FleetLink
import JSON
import Jobs
import Threads

// The jobs that this host sends.
extension FleetAgent {
    /// Checks an order without creating a job: what the send would do.
    package func plan(_ order: SendOrder) async throws(SendProblem) -> SendPlan {
        _ = try await allowed(order)
        do throws(LinkRefusal) { return try await context.link.plan(order, dryRun: true) } catch {
            throw SendProblem(error)
        }
    }

    /// Starts to send.
    package func send(_ order: SendOrder) async throws(SendProblem) -> (plan: SendPlan, runner: SendRunner) {
        let path = try await allowed(order)
        let plan: SendPlan
        do throws(LinkRefusal) { plan = try await context.link.plan(order, dryRun: false) } catch {
            throw SendProblem(error)
        }
        guard TargetRecord.isName(plan.job) else {
            throw SendProblem(.failed, "job", "control's name of the job cannot be used")
        }
        return (plan, try await begin(order, plan, path))
    }

    private func begin(_ order: SendOrder, _ plan: SendPlan, _ path: String) async throws(SendProblem) -> SendRunner {
        let record = SendRecord(
            job: plan.job, order: order, classVersion: plan.classVersion, terms: plan.terms, path: path,
            targets: plan.targets)
        let runner = SendRunner(record, context: context) { [weak self] in await self?.addresses ?? [] }
        do throws(FileFailure) { try await runner.keep() } catch {
            try? await context.link.abandon(plan.job, reason: error.description)
            throw SendProblem(.disk, "disk", error.description)
        }
        // After the agent's stop the next run begins it.
        guard !isStopped else { return runner }
        senders[plan.job] = runner
        await runner.start()
        return runner
    }

    /// The path with all symbolic links resolved, if the agent's configuration file permits to send it.
    private func allowed(_ order: SendOrder) async throws(SendProblem) -> String {
        let wanted = order.path
        let real = await Threads.offload { PathFiles.resolved(wanted) }
        let policy = context.policy
        // The answer must not reveal whether a path outside the permitted directories exists.
        guard let real else {
            guard policy.maySend(AbsolutePath.normal(wanted) ?? "") else { throw notAllowed(wanted) }
            throw SendProblem(.notFound, "not_found", "there is nothing at \(wanted)")
        }
        guard policy.maySend(real) else { throw notAllowed(wanted) }
        // Said now, and not after a job was made.
        try await Threads.offload { () throws(SendProblem) in _ = try SendFilter(real, .init(), order.exclude) }
        return real
    }

    private func notAllowed(_ path: String) -> SendProblem {
        let file = context.policy.configuration.file
        return SendProblem(
            .refused, "send.roots", "\(path) is below no directory of 'send.roots' in \(file)",
            advice: "add the directory to send.roots in \(file)")
    }

    /// Carries out an order that was given over the API.
    /// - Returns: false if control did not answer, so that the order must come again.
    func sendByOrder(_ order: SendOrder, job: String) async -> Bool {
        let name = order.job ?? job
        guard TargetRecord.isName(name), senders[name] == nil else { return true }
        do throws(SendProblem) {
            let path = try await allowed(order)
            let plan: SendPlan
            do throws(LinkRefusal) { plan = try await context.link.plan(order, dryRun: false) } catch {
                guard error.mayPass, error.status != 500 else { throw SendProblem(error) }
                context.logger.warning(
                    "an order to send waits for control", metadata: ["job": "\(name)", "reason": "\(error.text)"])
                // Control gives the order again at once.
                await context.clock.sleep(seconds: context.settings.sendBegin)
                return false
            }
            _ = try await begin(order, plan, path)
        } catch {
            context.logger.warning("an order to send is refused", metadata: ["job": "\(name)", "reason": "\(error)"])
            try? await context.link.abandon(name, reason: error.description)
        }
        return true
    }

    /// Continues the sends of the agent's previous run.
    func resumeSends() async {
        let places = context.places
        let records = await Threads.offload {
            PathFiles.names(in: places.sends).filter(TargetRecord.isName).compactMap { Self.sent($0, places) }
        }
        for record in records where !record.isOver && !isStopped { await runner(record).start() }
    }

    /// Gives once more what this host has sent, where it did.
    func resumeSend(_ job: String) async {
        if let runner = senders[job] {
            await runner.resume()
            // It may have been let go a moment before, when its job was over.
            if senders[job] == nil, runner.progress.phase != .over { senders[job] = runner }
            return
        }
        let places = context.places
        guard TargetRecord.isName(job),
            let record = await Threads.offload({ Self.sent(job, places) }), record.isOver, record.hasStarted
        else { return }
        await runner(record).resume()
    }

    private func runner(_ record: SendRecord) -> SendRunner {
        let runner = SendRunner(record, context: context) { [weak self] in await self?.addresses ?? [] }
        senders[record.job] = runner
        return runner
    }

    /// Blocks.
    private static func sent(_ name: String, _ places: AgentPlaces) -> SendRecord? {
        guard let bytes = try? PathFiles.read("\(places.sends)/\(name)/send.json", limit: 64 << 20),
            let value = try? JSONValue.parse(bytes)
        else { return nil }
        return try? SendRecord(json: value)
    }
}
