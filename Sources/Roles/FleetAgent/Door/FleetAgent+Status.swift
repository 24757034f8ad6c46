import Fleet
import FleetLink
import JSON
import Jobs
import Threads

// The status that `swoop status` shows.
extension FleetAgent {
    /// - Parameter name: only jobs of this class; nil for all.
    package func status(class name: String?) async -> JSONValue {
        let link = context.link
        var jobs: [JSONValue] = []
        for (job, runner) in targets.sorted(by: { $0.value.file.now.accepted > $1.value.file.now.accepted }) {
            let (record, now) = (runner.file.now, runner.board.now)
            guard name == nil || record.offer.className == name else { continue }
            var object = JSONObject([
                "job": .string(job), "class": .string(record.offer.className), "name": .string(record.offer.name),
                "state": .string(record.life.outcome?.name ?? record.life.stage.rawValue),
                "done": .integer(record.life.hasContent ? record.offer.content.bytes : now.done),
                "total": .integer(record.offer.content.bytes), "down": .double(now.down), "up": .double(now.up),
                "seeding": .bool(now.isSeeding), "attempt": .integer(record.life.attempt),
            ])
            if record.life.isPaused { object["paused"] = true }
            object.set("detail", record.detail ?? (now.notes.isEmpty ? nil : now.notes))
            object.set("path", now.final)
            jobs.append(.object(object))
        }
        var sends: [JSONValue] = []
        for (job, runner) in senders.sorted(by: { $0.key < $1.key }) {
            let order = await runner.order
            guard name == nil || order.className == name else { continue }
            var object = JSONObject([
                "job": .string(job), "class": .string(order.className), "path": .string(order.path),
                "state": .string(runner.progress.phase.name),
            ])
            if case .failed(let problem) = runner.progress.phase { object["detail"] = .string(problem.description) }
            sends.append(.object(object))
        }
        let difference = await link.difference
        var state = JSONObject()
        if let news {
            state["state"] = .string(news.state.rawValue)
            state["control"] = .string(news.control.description)
            state.set("site", news.site)
        }
        state.set("problem", trouble)
        return [
            "link": .object(state),
            "event": "status", "node": .string(link.node.description), "jobs": .array(jobs), "sends": .array(sends),
            "ended": .array(await ended(class: name)),
            "tasks": .array(name == nil ? await tasks().map(\.json) : []),
            "ahead": .double(difference.seconds),
            "receives": .bool(!context.policy.configuration.receive.roots.isEmpty),
            "addresses": .array(await addresses.map { .string($0.description) }),
        ]
    }

    /// Most jobs that have ended and are shown, and most records that are read to find them.
    private static let mostEnded = (shown: 10, read: 50)

    /// Jobs that have ended and are seeded no more, the last ones first.
    private func ended(class name: String?) async -> [JSONValue] {
        let (places, open) = (context.places, Set(targets.keys))
        return await Threads.offload {
            // A job's id begins with the time at which it was made.
            let jobs = PathFiles.names(in: places.jobs).filter { TargetRecord.isName($0) && !open.contains($0) }
            let records = jobs.sorted(by: >).prefix(Self.mostEnded.read).lazy.compactMap {
                TargetFile.read(places.job($0))?.now
            }
            return records.filter { name == nil || $0.offer.className == name }.prefix(Self.mostEnded.shown).map {
                record in
                var object = JSONObject([
                    "job": .string(record.job), "class": .string(record.offer.className),
                    "name": .string(record.offer.name),
                    "state": .string(record.life.outcome?.name ?? record.life.stage.rawValue),
                    "done": .integer(record.life.hasContent ? record.offer.content.bytes : 0),
                    "total": .integer(record.offer.content.bytes), "attempt": .integer(record.life.attempt),
                ])
                if let ended = record.ended { object["ended"] = .integer(Int64(exactly: ended.rounded(.down)) ?? 0) }
                object.set("detail", record.detail)
                return .object(object)
            }
        }
    }

    /// The progress of a job at control.
    func view(of job: String) async throws(LinkRefusal) -> JobView { try await context.link.view(of: job) }
}

extension TargetLife.Outcome {
    var name: String {
        switch self {
        case .done: "done"
        case .failed(let code, _): "failed(\(code))"
        case .refused(let key): "refused(\(key))"
        case .hookUnknown: "hook_unknown"
        case .cancelled: "cancelled"
        }
    }
}

extension SendRunner.Progress.Phase {
    var name: String {
        switch self {
        case .hashing: "hashing"
        case .starting: "starting"
        case .running: "running"
        case .over: "over"
        case .failed: "failed"
        }
    }
}
