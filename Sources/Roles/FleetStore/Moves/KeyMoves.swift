import Fleet
import Hashing
import JSON

extension ControlStore {
    /// Stores a job's one-time key. Replaces an earlier key, unless that has been used.
    /// - Returns: false if a key of the job has been used.
    package func put(_ key: OneTimeKey) async throws(StoreError) -> Bool {
        try await engine.write { session throws(StoreError) in
            try session.lock("key \(key.binding.job)")
            if let known = try Self.key(of: key.binding.job, in: session), known.used != nil { return false }
            try Self.put(key, in: session)
            return true
        }
    }

    /// A sender starts its job: the use of the key and the job's start are one transaction.
    /// - Parameters:
    ///   - request: see ``OneTimeKey/start(_:with:request:at:)``.
    ///   - body: makes the job run.
    /// - Returns: nil in place of the job where the same request started it before.
    package func start(
        _ wanted: KeyBinding, with key: [UInt8], request: String? = nil, by act: Act,
        _ body: @escaping @Sendable (inout JobSnapshot) -> Void
    ) async throws(StoreError) -> Result<JobSnapshot?, KeyRefusal> {
        let job = wanted.job
        return try await engine.write { session throws(StoreError) in
            try session.lock("key \(job)")
            try session.lock("job \(job)")
            guard var kept = try Self.key(of: job, in: session), let record = try Self.job(job, in: session) else {
                try Self.refused(job, .unknown, act, in: session)
                return .failure(.unknown)
            }
            let isFirst: Bool
            do throws(KeyRefusal) {
                isFirst = try kept.start(wanted, with: key, request: request, at: act.at)
            } catch {
                try Self.refused(job, error, act, in: session)
                return .failure(error)
            }
            if !isFirst, !record.state.hasEnded, record.course != nil { return .success(nil) }
            guard !record.state.hasEnded, record.course == nil else {
                try Self.refused(job, .used, act, in: session)
                return .failure(.used)
            }
            var snapshot = JobSnapshot(record: record)
            body(&snapshot)
            try Self.put(kept, in: session)
            snapshot.record.state = snapshot.machine?.state ?? snapshot.record.state
            snapshot.record.course = snapshot.machine?.header
            snapshot.record.revision = try session.change(
                "job", job, at: act.at,
                .object(["state": .string(snapshot.record.state.rawValue), "class": .string(record.className)]))
            try Self.put(snapshot.record, in: session)
            for (place, target) in (snapshot.machine?.targets ?? []).enumerated() {
                try Self.insert(target, place, of: snapshot.record, at: act.at, in: session)
                snapshot.details[target.node] = JobSnapshot.Detail(at: act.at, revision: snapshot.record.revision)
            }
            try session.audit(snapshot.record.revision, act, "job.start", job)
            return .success(snapshot)
        }
    }

    private static func insert(
        _ target: JobMachine.Target, _ place: Int, of job: JobRecord, at now: Double, in session: any StoreSession
    ) throws(StoreError) {
        try session.query(
            """
            INSERT INTO targets (
                job, node, place, wave, state, code, attempt, may_switch, away, retries, detail, at, revision)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, NULL, $11, $12)
            """,
            [
                .text(job.id), .text(target.node.description), .int(place), .int(target.wave), .text(target.state.name),
                .text(target.state.code), .int(target.attempt), .flag(target.maySwitch), .flag(target.isAway),
                .int(target.retries), .time(now), .int(job.revision),
            ])
    }

    private static func refused(
        _ job: String, _ refusal: KeyRefusal, _ act: Act, in session: any StoreSession
    ) throws(StoreError) {
        let doc = JSONValue.object(["code": .string(refusal.code), "by": .string(act.who)])
        let number = try session.change("notice", job, at: act.at, .object(["action": "key.refused", "doc": doc]))
        try session.audit(number, act, "key.refused", job, doc)
    }

    private static func key(of job: String, in session: any StoreSession) throws(StoreError) -> OneTimeKey? {
        guard
            let row = try session.query(
                "SELECT digest, doc, issued, lifetime, used FROM one_time_keys WHERE job = $1", [.text(job)]
            ).first, let digest = row.bytes(0).flatMap({ SHA256Digest(bytes: $0) }), let doc = row.json(1),
            let issued = row.time(2), let lifetime = row.time(3),
            let sender = doc["sender"]?.stringValue.flatMap(NodeID.init), let name = doc["class"]?.stringValue,
            let version = doc["version"]?.lenientInteger,
            let content = doc["content"].flatMap({ try? JobContent(json: $0) })
        else { return nil }
        return OneTimeKey(
            digest: digest,
            binding: KeyBinding(
                job: job, sender: sender, className: name, classVersion: Int(clamping: version), content: content,
                targets: (doc["targets"]?.arrayValue ?? []).compactMap { $0.stringValue.flatMap(NodeID.init) }),
            issued: issued, lifetime: lifetime, used: row.time(4), request: doc["request"]?.stringValue)
    }

    private static func put(_ key: OneTimeKey, in session: any StoreSession) throws(StoreError) {
        let binding = key.binding
        var doc = JSONObject([
            "sender": .string(binding.sender.description), "class": .string(binding.className),
            "version": .integer(Int64(binding.classVersion)), "content": binding.content.json,
            "targets": .array(binding.targets.map { .string($0.description) }),
        ])
        if let request = key.request { doc["request"] = .string(request) }
        try session.query(
            """
            INSERT INTO one_time_keys (job, digest, doc, issued, lifetime, used) VALUES ($1, $2, $3, $4, $5, $6)
            ON CONFLICT (job) DO UPDATE SET digest = $2, doc = $3, issued = $4, lifetime = $5, used = $6
            """,
            [
                .text(binding.job), .bytes(key.digest.bytes), .text(JSONValue.object(doc).text), .time(key.issued),
                .time(key.lifetime),
                .time(key.used),
            ])
    }
}
