import Fleet
import Jobs
import Threads

// What ended jobs have left: records, content that was delivered and never published, and what was not deleted in time.
extension FleetAgent {
    /// Seconds for which the record of an ended job is kept, content that was delivered and never published, and between two
    /// searches for older ones.
    private static let memory = 30 * 86_400.0
    private static let keeping = 7 * 86_400.0
    private static let tidying = 6 * 3600.0

    func tidy() async {
        tidiesAt = context.clock.now.uptime + Self.tidying
        let (records, now) = (await self.records(), context.clock.now.wall.seconds)
        await forget(records, before: now - Self.memory)
        for record in records where record.life.isKept && (record.ended ?? record.accepted) < now - Self.keeping {
            await dropKept(record.job)
        }
    }

    private func records() async -> [TargetRecord] {
        let directory = context.places.jobs
        return await Threads.offload {
            PathFiles.names(in: directory).filter(TargetRecord.isName).compactMap {
                TargetFile.read("\(directory)/\($0)")?.now
            }
        }
    }

    /// Whether neither a runner, nor an offer, nor a removal of a job is at work.
    package func isIdle(_ job: String) -> Bool {
        targets[job] == nil && !ending.contains(job) && !accepting.contains(job)
    }

    /// Deletes the records of jobs that ended long ago. That of kept content stays until the content is deleted: nothing else says
    /// where it lies.
    private func forget(_ records: [TargetRecord], before time: Double) async {
        for record in records where record.life.mayBeForgotten && (record.ended ?? record.accepted) < time {
            let job = record.job
            guard isIdle(job) else { continue }
            ending.insert(job)
            let tree = OwnTree(path: context.places.jobs)
            await Threads.offload {
                guard TargetFile.read("\(tree.path)/\(job)")?.now.life.mayBeForgotten != false else { return }
                tree.remove("\(tree.path)/\(job)")
            }
            ending.remove(job)
        }
    }

    // MARK: Kept content

    /// Deletes kept content where a job would fit with its room. The oldest goes first, and nothing goes that would not suffice.
    /// - Returns: whether there will be more room soon.
    func makeRoom(_ lacks: [KeptContent.Lack]) async -> Bool {
        guard lacks.contains(where: { $0.device != nil }) else { return false }
        // What goes now may suffice.
        guard keptGoing == 0 else { return true }
        keptGoing += 1
        defer { keptGoing -= 1 }
        let (records, policy) = (await self.records().filter(\.life.isKept), context.policy)
        let kept = await Threads.offload {
            records.compactMap { record -> KeptContent? in
                let place = TargetPlaces(ended: record, policy).complete
                guard let device = PathFiles.device(of: place) else { return nil }
                return KeptContent(
                    job: record.job, ended: record.ended ?? record.accepted, device: device,
                    bytes: DiskSpace.used(by: place))
            }
        }
        var makesRoom = false
        for job in KeptContent.choose(kept.filter { isIdle($0.job) }, for: lacks) {
            if await dropKept(job) { makesRoom = true }
        }
        return makesRoom
    }

    /// - Returns: whether there was any, which is being deleted now.
    @discardableResult
    private func dropKept(_ job: String) async -> Bool {
        guard await clear(job, if: \.life.isKept) == .begun else { return false }
        context.logger.notice("content that was delivered and never published is deleted", metadata: ["job": "\(job)"])
        return true
    }

    /// Control cancels a job that has no runner: content that was kept when it ended is wanted no more.
    /// - Returns: false if that could not be stored.
    func cancelKept(_ job: String) async -> Bool {
        guard TargetRecord.isName(job), targets[job] == nil else { return true }
        let directory = context.places.job(job)
        let isKept = await Threads.offload { TargetFile.read(directory)?.now.life.isKept == true }
        guard isKept else { return isIdle(job) || ending.contains(job) }
        // Where its runner is still about to stop, control says it again.
        switch await clear(job, if: \.life.isKept) {
        case .begun, .nothing: return true
        case .busy, .notStored: return false
        }
    }

    // MARK: Removal

    enum Clearing: Sendable {
        /// The files are being deleted.
        case begun
        case nothing
        /// Something of the job is at work.
        case busy
        case notStored
    }

    /// Deletes what an ended job has received and not published: an agent that was killed while it ended the job has left that, or
    /// it was kept. Published content stays. Returns when it is known, and stored, that it goes.
    /// - Parameter mayGo: asked about the job's record as it is then.
    @discardableResult
    func clear(_ job: String, if mayGo: @escaping @Sendable (TargetRecord) -> Bool) async -> Clearing {
        guard isIdle(job) else { return .busy }
        // Before anything is waited for: until the end the job is not taken again.
        ending.insert(job)
        let (directory, policy) = (context.places.job(job), context.policy)
        let found = await Threads.offload { () -> (clearing: Clearing, isKept: Bool, places: TargetPlaces?) in
            guard let file = TargetFile.read(directory), file.now.life.isLongOver, mayGo(file.now) else {
                return (.nothing, false, nil)
            }
            let (places, isKept) = (TargetPlaces(ended: file.now, policy), file.now.life.isKept)
            do throws(FileFailure) {
                // First, so that a part of it is never taken for the whole.
                if isKept { try file.change { _ = $0.life.handle(.order(.cancel), at: 0) } }
            } catch { return (.notStored, isKept, nil) }
            guard places.isAnythingLeft(keepsVersion: file.now.life.isVisible) else { return (.nothing, isKept, nil) }
            return (.begun, isKept, places)
        }
        guard let places = found.places else {
            if found.clearing == .notStored {
                context.logger.error("the record of a job cannot be written", metadata: ["job": "\(job)"])
            }
            ending.remove(job)
            return found.clearing
        }
        if found.isKept { keptGoing += 1 }
        // A large tree takes minutes.
        Task { [context] in
            await places.discard(keepsVersion: places.wasVisible, context.publications)
            if found.isKept { keptGoing -= 1 }
            ending.remove(job)
        }
        return .begun
    }
}

extension TargetLife {
    fileprivate var isLongOver: Bool { isOver && stage == .ended }
    fileprivate var mayBeForgotten: Bool { isLongOver && !isKept }
}

extension TargetPlaces {
    /// Of a job that has ended, whose class may not be in the agent's file any more. Blocks.
    init(ended record: TargetRecord, _ policy: AgentPolicy) {
        let publish = record.publish ?? (try? policy.place(record.offer))?.terms.publish ?? .replace
        self.init(record, publish: publish, isSingleFile: record.offer.content.files == 1)
    }
}
