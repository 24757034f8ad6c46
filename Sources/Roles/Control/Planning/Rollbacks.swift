import Fleet
import FleetLink
import FleetStore

/// Rollbacks: jobs without a transfer, which make targets publish an earlier version that is still on their disks.
/// Decides which versions may still be there, and starts the job. Owns nothing.
struct Rollbacks: Sendable {
    let database: ControlDatabase
    let nodes: Nodes
    let classes: FleetClasses
    let selector: TargetSelector
    let ids: JobIDs
    let loader: JobLoader

    // MARK: Versions

    /// The jobs whose content some target may still have: each keeps the last versions of a destination, in the order
    /// in which they became current there.
    /// - Parameters:
    ///   - history: jobs that are done, newest first.
    ///   - settings: of the destination.
    func mayBeKept(history: [JobRecord], like settings: FleetClass) async throws(LinkRefusal) -> Set<String> {
        var isAlike: [Int: Bool] = [:]
        var versions: [(id: String, isRollback: Bool)] = []
        // A job for some targets says nothing of the others.
        for job in history.reversed() where job.order.to.isEmpty {
            if isAlike[job.classVersion] == nil {
                let other = try await classes.version(of: job).settings
                isAlike[job.classVersion] = other.publish == .versions && other.destination == settings.destination
            }
            if isAlike[job.classVersion] == true { versions.append((job.restores ?? job.id, job.restores != nil)) }
        }
        // A rollback may have been for some of them.
        let all = Self.kept(versions.map { $0.id }, settings.keep)
        let some = Self.kept(versions.filter { !$0.isRollback }.map { $0.id }, settings.keep)
        return all.union(some).union(history.filter { !$0.order.to.isEmpty }.map(\.id))
    }

    private static func kept(_ versions: [String], _ keep: Int) -> Set<String> {
        var kept: [String] = []
        for version in versions {
            kept.removeAll { $0 == version }
            kept.append(version)
            kept = kept.suffix(keep + 1)
        }
        return Set(kept)
    }

    // MARK: The job

    /// Has targets publish the content of an earlier job.
    /// - Parameters:
    ///   - version: the earlier job, of which `record` is the class.
    ///   - inWaves: whether the targets switch in the waves of the class; all together if not.
    /// - Returns: the id of the new job, and the job; nil if it did not start.
    func start(
        _ version: JobRecord, on targets: [NodeID], _ record: ClassRecord, _ settings: FleetClass, inWaves: Bool,
        by act: Act
    ) async throws(StoreError) -> (id: String, snapshot: JobSnapshot?) {
        let now = database.now()
        let id = ids.next()
        var job = JobRecord(
            id: id, className: record.name, classVersion: version.classVersion, order: version.order,
            sender: version.sender, who: act.who, name: version.name, priority: 9, made: now)
        job.content = version.content
        job.restores = version.id
        job.expires = now + settings.course.expires
        job.started = now
        var course = settings.course
        if !inWaves { course.waves = [.percent(100)] }
        let waves = selector.waves(targets, sizes: course.waves, job: id)
        // As at the start of other jobs: who is away or takes nothing new is not waited for.
        let absent = nodes.absent(of: targets)
        _ = try await database.store.add(job, by: act)
        let moved = try await database.store.move(id, known: nil, course: course, by: act, "job.rollback") {
            job -> MoveDecision<Bool> in
            var machine = JobMachine(id: id, waves: waves, course: settings.course, at: now)
            for node in absent.away { _ = machine.report(.away, of: node, at: now) }
            for node in absent.drained { _ = machine.report(.drained, of: node, at: now) }
            job.machine = machine
            return .go(true)
        }
        guard let snapshot = moved.value?.snapshot, snapshot.machine != nil else { return (id, nil) }
        await loader.begin(snapshot, record, settings)
        return (id, snapshot)
    }
}
