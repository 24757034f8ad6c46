import Fleet
import JSON

extension ControlStore {
    /// Stores a planned job.
    package func add(_ job: JobRecord, by act: Act) async throws(StoreError) -> JobRecord {
        try await engine.write { session throws(StoreError) in
            var job = job
            job.revision = try session.change("job", job.id, at: act.at)
            try Self.put(job, in: session)
            try session.audit(
                job.revision, act, "job.create", job.id,
                .object([
                    "class": .string(job.className), "version": .integer(Int64(job.classVersion)),
                    "path": .string(job.order.path), "sender": .string(job.sender.description),
                ]))
            return job
        }
    }

    /// Changes a job. `body` changes the snapshot, and the result is stored.
    /// - Parameters:
    ///   - known: the caller's snapshot in memory. Only targets that have changed since are read.
    ///   - course: from the class, for a job that is not in memory.
    ///   - receipts: stored in the same transaction, as far as they are of the job's nodes and attempts.
    ///   - action: for the audit log.
    ///   - body: makes the change or refuses it. It may run more than once.
    package func move<Result: Sendable>(
        _ id: String, known: JobSnapshot?, course: JobCourse, expecting: Int64? = nil, by act: Act,
        _ action: String? = nil, receipts: [ReceiptRecord] = [],
        _ body: @escaping @Sendable (inout JobSnapshot) -> MoveDecision<Result>
    ) async throws(StoreError) -> ChangeOutcome<Moved<Result>> {
        try await engine.write { session throws(StoreError) in
            try session.lock("job \(id)")
            guard var job = try Self.snapshot(id, known: known, course: course, in: session) else {
                try Self.keep(receipts, of: id, in: session)
                return .unknown
            }
            if let expecting, expecting != job.record.revision { return .stale(revision: job.record.revision) }
            let before = job
            let result: Result
            switch body(&job) {
            case .go(let value): result = value
            case .refused(let code, let text): return .refused(code: code, text)
            }
            try Self.keep(receipts.filter { Self.isPart($0, of: job) }, of: id, in: session)
            guard job.record != before.record || job.machine != before.machine else {
                return .done(Moved(snapshot: job, result: result))
            }
            if let machine = job.machine {
                job.record.state = machine.state
                job.record.course = machine.header
            }
            if job.record.state.hasEnded, job.record.ended == nil { job.record.ended = act.at }
            if !job.record.state.hasEnded { job.record.ended = nil }
            job.record.revision = try session.change(
                "job", id, at: act.at,
                .object(["state": .string(job.record.state.rawValue), "class": .string(job.record.className)]))
            try Self.put(job.record, in: session)
            try Self.putTargets(of: &job, before: before.machine, at: act.at, in: session)
            if let action {
                try session.audit(
                    job.record.revision, act, action, id,
                    .object([
                        "before": .object(["state": .string(before.record.state.rawValue)]),
                        "after": .object(["state": .string(job.record.state.rawValue)]),
                    ]))
            }
            return .done(Moved(snapshot: job, result: result))
        }
    }

    private static func putTargets(
        of job: inout JobSnapshot, before: JobMachine?, at now: Double, in session: any StoreSession
    ) throws(StoreError) {
        guard let machine = job.machine else { return }
        let old = before?.targets ?? []
        for (place, target) in machine.targets.enumerated() {
            let isNew = place >= old.count
            guard isNew || old[place] != target else { continue }
            var detail = job.details[target.node] ?? JobSnapshot.Detail(at: now, revision: 0)
            detail.at = now
            detail.revision = job.record.revision
            if !target.state.isFailure, detail.text != nil, !isNew { detail.text = nil }
            job.details[target.node] = detail
            try session.query(
                """
                INSERT INTO targets (
                    job, node, place, wave, state, code, attempt, may_switch, away, retries, detail, at, revision, sources)
                VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
                ON CONFLICT (job, node) DO UPDATE SET state = $5, code = $6, attempt = $7, may_switch = $8, away = $9,
                    retries = $10, detail = $11, at = $12, revision = $13, sources = $14
                """,
                [
                    .text(job.record.id), .text(target.node.description), .int(place), .int(target.wave),
                    .text(target.state.name), .text(target.state.code), .int(target.attempt), .flag(target.maySwitch),
                    .flag(target.isAway), .int(target.retries), .text(detail.text), .time(now),
                    .int(job.record.revision), .text(detail.sources.text),
                ])
        }
    }

    /// How many attempts more a node may know than control, which may come from a backup.
    private static let attemptsAhead = 100

    /// Whether a receipt is of a target or a cache of a job, and of an attempt that there can have been.
    private static func isPart(_ receipt: ReceiptRecord, of job: JobSnapshot) -> Bool {
        guard let machine = job.machine else { return true }
        if let target = machine.target(receipt.node) { return receipt.attempt <= target.attempt + attemptsAhead }
        return job.record.caches.contains(receipt.node) && receipt.attempt <= attemptsAhead
    }

    private static func keep(
        _ receipts: [ReceiptRecord], of job: String, in session: any StoreSession
    ) throws(StoreError) {
        for receipt in receipts {
            try session.query(
                """
                INSERT INTO receipts (job, node, attempt, state, jws, public_key, at)
                VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (job, node, attempt) DO NOTHING
                """,
                [
                    .text(job), .text(receipt.node.description), .int(receipt.attempt), .text(receipt.state),
                    .text(receipt.jws), .bytes(receipt.publicKey), .time(receipt.at),
                ])
        }
    }

    /// Stores receipts of a job that is not open. Those of nodes that are no part of it, or of a job that is not in the database, are
    /// `unknown`.
    package func keepLate(_ receipts: [ReceiptRecord], of job: String) async throws(StoreError) {
        try await engine.write { session throws(StoreError) in
            let record = try Self.job(job, in: session)
            var kept: [ReceiptRecord] = []
            for receipt in receipts {
                let isPart = if let record { try Self.isPart(receipt.node, of: record, in: session) } else { false }
                kept.append(isPart ? receipt : receipt.unknown)
            }
            try Self.keep(kept, of: job, in: session)
        }
    }

    private static func isPart(
        _ node: NodeID, of job: JobRecord, in session: any StoreSession
    ) throws(StoreError) -> Bool {
        if job.sender == node || job.caches.contains(node) { return true }
        return try !session.query(
            "SELECT attempt FROM targets WHERE job = $1 AND node = $2", [.text(job.id), .text(node.description)]
        ).isEmpty
    }

    // MARK: Reading

    package func job(_ id: String) async throws(StoreError) -> JobRecord? {
        try await engine.read { session throws(StoreError) in try Self.job(id, in: session) }
    }

    /// A job with its targets.
    package func snapshot(
        _ id: String, known: JobSnapshot? = nil, course: JobCourse
    ) async throws(StoreError) -> JobSnapshot? {
        try await engine.read { session throws(StoreError) in
            try Self.snapshot(id, known: known, course: course, in: session)
        }
    }

    /// Jobs, newest first.
    /// - Parameters:
    ///   - before: only jobs with lower ids; nil for the newest.
    ///   - state: nil for any state.
    package func jobs(
        before: String?, limit: Int, class name: String? = nil, state: JobState? = nil, isOpen: Bool? = nil,
        oldestFirst: Bool = false
    ) async throws(StoreError) -> [JobRecord] {
        try await engine.read { session throws(StoreError) in
            try session.query(
                oldestFirst
                    ? """
                    SELECT id, class, state, doc, course, sealed, revision, at, ended FROM jobs
                    WHERE ($1 = '' OR id > $1) AND ($2 = '' OR class = $2) AND ($3 = '' OR state = $3)
                        AND ($4 < 0 OR is_open = $4) ORDER BY id LIMIT $5
                    """
                    : """
                    SELECT id, class, state, doc, course, sealed, revision, at, ended FROM jobs
                    WHERE ($1 = '' OR id < $1) AND ($2 = '' OR class = $2) AND ($3 = '' OR state = $3)
                        AND ($4 < 0 OR is_open = $4) ORDER BY id DESC LIMIT $5
                    """,
                [
                    .text(before ?? ""), .text(name ?? ""), .text(state?.rawValue ?? ""),
                    .int(isOpen.map { $0 ? 1 : 0 } ?? -1), .int(limit),
                ]
            ).compactMap(JobRecord.init)
        }
    }

    /// The targets of a job, in the order of their nodes' ids.
    package func targets(
        of job: String, after: String?, state: String?, limit: Int
    ) async throws(StoreError) -> [TargetRecord] {
        try await engine.read { session throws(StoreError) in
            try session.query(
                """
                SELECT node, wave, state, code, attempt, may_switch, away, retries, detail, at, revision, sources FROM targets
                WHERE job = $1 AND node > $2 AND ($3 = '' OR state = $3) ORDER BY node LIMIT $4
                """, [.text(job), .text(after ?? ""), .text(state ?? ""), .int(limit)]
            ).compactMap(TargetRecord.init)
        }
    }

    /// Targets of a job in the order of their changes, after this revision and, within it, this node.
    package func changedTargets(
        of job: String, after revision: Int64, _ node: String, limit: Int
    ) async throws(StoreError) -> [TargetRecord] {
        try await engine.read { session throws(StoreError) in
            try session.query(
                """
                SELECT node, wave, state, code, attempt, may_switch, away, retries, detail, at, revision, sources FROM targets
                WHERE job = $1 AND revision >= $2 AND (revision > $2 OR node > $3) ORDER BY revision, node LIMIT $4
                """, [.text(job), .int(revision), .text(node), .int(limit)]
            ).compactMap(TargetRecord.init)
        }
    }

    package func receipts(
        of job: String, after: (node: String, attempt: Int)?, limit: Int
    ) async throws(StoreError) -> [ReceiptRecord] {
        try await engine.read { session throws(StoreError) in
            try session.query(
                """
                SELECT node, attempt, state, jws, public_key, at FROM receipts
                WHERE job = $1 AND (node > $2 OR node = $2 AND attempt > $3) ORDER BY node, attempt LIMIT $4
                """, [.text(job), .text(after?.node ?? ""), .int(after?.attempt ?? 0), .int(limit)]
            ).compactMap { row in
                guard let node = row.text(0).flatMap(NodeID.init), let attempt = row.int(1), let state = row.text(2),
                    let jws = row.text(3), let at = row.time(5)
                else { return nil }
                return ReceiptRecord(
                    node: node, attempt: Int(clamping: attempt), state: state, jws: jws, publicKey: row.bytes(4) ?? [],
                    at: at)
            }
        }
    }

    // MARK: Metainfo

    package func keep(metainfo torrent: [UInt8], of job: String) async throws(StoreError) {
        try await engine.write { session throws(StoreError) in
            try session.query(
                """
                INSERT INTO metainfo (job, torrent) VALUES ($1, $2) ON CONFLICT (job) DO UPDATE SET torrent = $2
                """, [.text(job), .bytes(torrent)])
        }
    }

    package func metainfo(of job: String) async throws(StoreError) -> [UInt8]? {
        try await engine.read { session throws(StoreError) in
            try session.query("SELECT torrent FROM metainfo WHERE job = $1", [.text(job)]).first?.bytes(0)
        }
    }

    /// Keeps URLs of a job's bucket, sealed, in place of those before.
    /// - Parameter expires: seconds since 1970.
    package func keep(grant sealed: [UInt8], until expires: Double, of job: String) async throws(StoreError) {
        try await engine.write { session throws(StoreError) in
            try session.query(
                """
                INSERT INTO source_grants (job, sealed, expires) VALUES ($1, $2, $3)
                ON CONFLICT (job) DO UPDATE SET sealed = $2, expires = $3
                """, [.text(job), .bytes(sealed), .time(expires)])
        }
    }

    package func grant(of job: String) async throws(StoreError) -> [UInt8]? {
        try await engine.read { session throws(StoreError) in
            try session.query("SELECT sealed FROM source_grants WHERE job = $1", [.text(job)]).first?.bytes(0)
        }
    }

    package func keep(digests doc: [UInt8], of job: String) async throws(StoreError) {
        try await engine.write { session throws(StoreError) in
            try session.query(
                "INSERT INTO file_digests (job, doc) VALUES ($1, $2) ON CONFLICT (job) DO UPDATE SET doc = $2",
                [.text(job), .bytes(doc)])
        }
    }

    package func digests(of job: String) async throws(StoreError) -> [UInt8]? {
        try await engine.read { session throws(StoreError) in
            try session.query("SELECT doc FROM file_digests WHERE job = $1", [.text(job)]).first?.bytes(0)
        }
    }

    // MARK: Rows

    static func job(_ id: String, in session: any StoreSession) throws(StoreError) -> JobRecord? {
        try session.query(
            "SELECT id, class, state, doc, course, sealed, revision, at, ended FROM jobs WHERE id = $1", [.text(id)]
        ).first.flatMap(JobRecord.init)
    }

    static func snapshot(
        _ id: String, known: JobSnapshot?, course: JobCourse, in session: any StoreSession
    ) throws(StoreError) -> JobSnapshot? {
        if let known {
            let revision = try session.query("SELECT revision FROM jobs WHERE id = $1", [.text(id)]).first?.int(0)
            if revision == known.record.revision { return known }
        }
        guard let record = try job(id, in: session) else { return nil }
        var snapshot = JobSnapshot(record: record)
        guard let header = record.course else { return snapshot }
        let since = known?.machine == nil ? 0 : known?.record.revision ?? 0
        let rows = try session.query(
            """
            SELECT node, wave, state, code, attempt, may_switch, away, retries, detail, at, revision, sources FROM targets
            WHERE job = $1 AND revision > $2 ORDER BY place
            """, [.text(id), .int(since)]
        ).compactMap(TargetRecord.init)
        snapshot.details = known?.details ?? [:]
        for row in rows {
            snapshot.details[row.target.node] = row.shown
        }
        var targets = rows.map(\.target)
        if since > 0, let machine = known?.machine {
            let changed = Dictionary(rows.map { ($0.target.node, $0.target) }) { first, _ in first }
            targets = machine.targets.map { changed[$0.node] ?? $0 }
        }
        snapshot.machine = JobMachine(id: id, course: course, header: header, targets: targets)
        return snapshot
    }

    static func put(_ job: JobRecord, in session: any StoreSession) throws(StoreError) {
        try session.query(
            """
            INSERT INTO jobs (id, class, state, is_open, doc, course, sealed, revision, at, ended)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
            ON CONFLICT (id) DO UPDATE SET state = $3, is_open = $4, doc = $5, course = $6, sealed = $7, revision = $8,
                ended = $10
            """,
            [
                .text(job.id), .text(job.className), .text(job.state.rawValue), .flag(!job.state.hasEnded),
                .text(job.doc), .text((job.course?.json ?? .null).text), .bytes(job.sealed), .int(job.revision),
                .time(job.made), .time(job.ended),
            ])
    }
}
