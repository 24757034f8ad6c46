import Fleet
import FleetLink
import Jobs
import Threads

// Offers of control, which this host takes or refuses.
extension FleetAgent {
    func offered(_ job: String, _ attempt: Int64, _ offer: JobOffer, restores: String?) async -> Bool {
        guard TargetRecord.isName(job), restores.map(TargetRecord.isName) ?? true else { return true }
        if let runner = targets[job] {
            let isHandled = await runner.obey(.offered(attempt: attempt))
            // A runner that had just ended does nothing more. Control sends the offer again.
            return isHandled && targets[job] === runner
        }
        // Control sends it again. It is not waited for here: the files of an earlier run take minutes to delete, and all that control
        // says to this host comes behind this.
        guard isIdle(job) else { return false }
        accepting.insert(job)
        defer { accepting.remove(job) }
        let placement: AgentPolicy.Placement
        do throws(AgentPolicy.Refusal) { placement = try context.policy.place(offer) } catch {
            return await refuse(job, attempt, offer, error)
        }
        var record = TargetRecord(
            job: job, offer: offer,
            life: TargetLife(
                attempt: attempt, hasHook: placement.hook != nil, isCache: offer.isCache,
                seedTime: Double(placement.terms.seedTime)),
            root: placement.root, destination: placement.destination, accepted: context.clock.now.wall.seconds)
        (record.restores, record.publish) = (restores, placement.terms.publish)
        let directory = context.places.job(job)
        let (made, published, publish) = (record, context.published, placement.terms.publish)
        let found = await Threads.offload { () -> (file: TargetFile, isNew: Bool)? in
            if let old = TargetFile.read(directory) {
                // The offer was accepted before, and its job has ended: only a higher attempt starts it again.
                if old.now.life.attempt >= made.life.attempt { return (old, true) }
                // Published content is left where it is. Stored before it runs: what has ended is let go of at any time.
                let places = TargetPlaces(old.now, publish: publish, isSingleFile: old.now.offer.content.files == 1)
                if old.now.offer.content == made.offer.content, (old.now.publish ?? publish) == publish,
                    published.shows(old.now, publish: publish) || (old.now.life.isKept && places.isComplete)
                {
                    return (try? old.beginAgain(made.offer)).map { _ in (old, false) }
                }
            }
            guard (try? PathFiles.makeDirectory(directory)) != nil else { return nil }
            let file = TargetFile(made, in: directory)
            return (try? file.save()).map { _ in (file, true) }
        }
        guard let found else { return false }
        await run(found.file, placement, isNew: found.isNew)
        return await targets[job]?.obey(found.isNew ? .resumed : .offered(attempt: attempt)) ?? false
    }
}

extension TargetFile {
    /// Stores that control has offered the job again after its end, so that it is not let go of before its runner begins.
    fileprivate func beginAgain(_ offer: JobOffer) throws(FileFailure) {
        try change { record in
            record.offer = offer
            record.life.isOver = false
        }
    }
}
