import Fleet
import FleetLink
import Jobs

// What this host's file does not permit: offers, and jobs of an earlier run, for which the file was another.
extension FleetAgent {
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

    /// Ends a job of an earlier run on this host, because the file does not permit it any more. Control is told; where the job had ended,
    /// what was told then is said again. Published content stays, and content that came whole for a while.
    func disown(_ file: TargetFile, _ refusal: AgentPolicy.Refusal) async {
        let record = file.now
        guard await tellEnd(of: record, refusal) else { return }  // It is tried again at the next start.
        let (wall, now) = (context.clock.now.wall.seconds, await context.controlTime)
        do throws(FileFailure) {
            try await file.changing { record in
                let before = record.life
                _ = record.life.handle(.mayNotReceive(key: refusal.key), at: now)
                _ = record.life.handle(.order(record.life.isCache ? .cancel : .end), at: now)
                record.stamp(from: before, at: wall)
            }
        } catch {
            return context.logger.error(
                "the record of a job cannot be written", metadata: ["job": "\(record.job)", "reason": "\(error)"])
        }
        await clear(record.job) { !$0.life.isKept }
    }

    /// - Returns: whether it is kept for control.
    private func tellEnd(of record: TargetRecord, _ refusal: AgentPolicy.Refusal) async -> Bool {
        guard let outcome = record.life.finalReport else {
            return await refuse(record.job, record.life.attempt, record.offer, refusal)
        }
        let now = context.clock.now.wall.seconds
        let event = AgentReport(
            job: record.job, attempt: record.life.attempt, time: now, report: outcome, detail: record.detail,
            receipt: record.receipt)
        return (try? await context.link.report(event)) != nil
    }
}
