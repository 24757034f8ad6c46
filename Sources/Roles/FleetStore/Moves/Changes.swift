import JSON

/// A recorded change. Ids are in the order of commits.
package struct ChangeRecord: Sendable, Hashable {
    package let id: Int64
    /// Seconds since 1970.
    package let at: Double
    /// `node`, `job`, `class`, `token`, `api-token`, `notice`.
    package let kind: String
    package let subject: String
    package let doc: JSONValue

    package init(id: Int64, at: Double, kind: String, subject: String, doc: JSONValue) {
        self.id = id
        self.at = at
        self.kind = kind
        self.subject = subject
        self.doc = doc
    }
}

/// An entry of the audit log.
package struct AuditRecord: Sendable, Hashable {
    package let id: Int64
    /// Seconds since 1970.
    package let at: Double
    package let who: String
    package let address: String
    package let action: String
    package let subject: String
    /// The object before and after the change, without secrets.
    package let doc: JSONValue
}

extension ControlStore {
    /// The id of the last change.
    package func lastChange() async throws(StoreError) -> Int64 {
        try await engine.read { session throws(StoreError) in
            try session.query("SELECT value FROM counters WHERE name = 'change'").first?.int(0) ?? 0
        }
    }

    package func changes(after id: Int64, limit: Int) async throws(StoreError) -> [ChangeRecord] {
        try await engine.read { session throws(StoreError) in
            try Self.changes(after: id, limit: limit, in: session)
        }
    }

    static func changes(
        after id: Int64, limit: Int, in session: any StoreSession
    ) throws(StoreError) -> [ChangeRecord] {
        try session.query(
            "SELECT id, at, kind, subject, doc FROM changes WHERE id > $1 ORDER BY id LIMIT $2",
            [.int(id), .int(limit)]
        ).compactMap { row in
            guard let id = row.int(0), let at = row.time(1), let kind = row.text(2), let subject = row.text(3)
            else { return nil }
            return ChangeRecord(id: id, at: at, kind: kind, subject: subject, doc: row.json(4) ?? [:])
        }
    }

    /// The id of the oldest change that is still stored.
    package func firstChange() async throws(StoreError) -> Int64 {
        try await engine.read { session throws(StoreError) in
            try session.query("SELECT min(id) FROM changes").first?.int(0) ?? 0
        }
    }

    /// Records an event that changes no row, such as a refusal or an alarm. Adds an entry to the audit log if
    /// `audited`.
    @discardableResult
    package func note(
        _ action: String, _ subject: String, _ doc: JSONValue, by act: Act, audited: Bool = true
    ) async throws(StoreError) -> Int64 {
        try await engine.write { session throws(StoreError) in
            let number = try session.change(
                "notice", subject, at: act.at, .object(["action": .string(action), "doc": doc]))
            if audited { try session.audit(number, act, action, subject, doc) }
            return number
        }
    }

    /// Entries of the audit log, newest first.
    /// - Parameter before: only entries with lower ids; nil for the newest.
    package func audit(
        before: Int64?, limit: Int, subject: String? = nil, action: String? = nil
    ) async throws(StoreError) -> [AuditRecord] {
        try await engine.read { session throws(StoreError) in
            try session.query(
                """
                SELECT id, at, who, address, action, subject, doc FROM audit
                WHERE id < $1 AND ($2 = '' OR subject = $2) AND ($3 = '' OR action = $3) ORDER BY id DESC LIMIT $4
                """, [.int(before ?? .max), .text(subject ?? ""), .text(action ?? ""), .int(limit)]
            ).compactMap { row in
                guard let id = row.int(0), let at = row.time(1), let who = row.text(2), let address = row.text(3),
                    let action = row.text(4), let subject = row.text(5)
                else { return nil }
                return AuditRecord(
                    id: id, at: at, who: who, address: address, action: action, subject: subject,
                    doc: row.json(6) ?? [:])
            }
        }
    }

    /// Deletes old rows: history after 400 days, torrents 7 days after the end of their jobs, and so on.
    /// - Parameter now: seconds since 1970.
    package func tidy(at now: Double) async throws(StoreError) {
        let history = StoreValue.time(now - 400 * 86_400)
        try await engine.write { session throws(StoreError) in
            let last = try session.query("SELECT value FROM counters WHERE name = 'change'").first?.int(0) ?? 0
            try session.query("DELETE FROM changes WHERE id < $1", [.int(last - 20_000)])
            try session.query("DELETE FROM audit WHERE at < $1", [history])
            try session.query("DELETE FROM idempotency WHERE at < $1", [.time(now - 86_400)])
            try session.query("DELETE FROM source_grants WHERE expires < $1", [.time(now)])
            try session.query("DELETE FROM tokens WHERE expires < $1", [.time(now - 30 * 86_400)])
            try session.query("DELETE FROM token_uses WHERE token NOT IN (SELECT id FROM tokens)")
            try session.query(
                "DELETE FROM targets WHERE job IN (SELECT id FROM jobs WHERE is_open = 0 AND ended < $1)", [history])
            try session.query(
                "DELETE FROM receipts WHERE job IN (SELECT id FROM jobs WHERE is_open = 0 AND ended < $1)", [history])
            try session.query("DELETE FROM jobs WHERE is_open = 0 AND ended < $1", [history])
            try session.query(
                "DELETE FROM file_digests WHERE job IN (SELECT id FROM jobs WHERE is_open = 0 AND ended < $1)",
                [.time(now - 7 * 86_400)])
            try session.query(
                "DELETE FROM metainfo WHERE job IN (SELECT id FROM jobs WHERE is_open = 0 AND ended < $1)",
                [.time(now - 7 * 86_400)])
            // A key lives for minutes. Later, whether it was used makes no difference.
            try session.query("DELETE FROM one_time_keys WHERE issued < $1", [.time(now - 30 * 86_400)])
            try session.query("DELETE FROM leases WHERE until < $1", [.time(now - 86_400)])
            try session.query("DELETE FROM figures WHERE at < $1", [.time(now - 86_400)])
            // Of webhooks that no control has any more.
            try session.query("DELETE FROM notifications WHERE at < $1", [.time(now - 2 * 86_400)])
        }
    }

    /// Takes or renews a lease.
    /// - Returns: whether `holder` has the lease until then.
    package func lease(
        _ name: String, for holder: String, until: Double, at now: Double
    ) async throws(StoreError) -> Bool {
        try await engine.write { session throws(StoreError) in
            try session.query(
                """
                INSERT INTO leases (name, holder, until) VALUES ($1, $2, $3)
                ON CONFLICT (name) DO UPDATE SET holder = $2, until = $3 WHERE leases.holder = $2 OR leases.until < $4
                RETURNING holder
                """, [.text(name), .text(holder), .time(until), .time(now)]
            ).first?.text(0) == holder
        }
    }
}
