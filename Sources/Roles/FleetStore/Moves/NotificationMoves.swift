import Fleet
import JSON

/// A message to a webhook, kept until it is delivered or given up.
package struct NotificationRecord: Sendable, Hashable {
    /// The number of the change that it tells of.
    package let id: Int64
    package let hook: String
    package let body: String
    /// When the change was made, in seconds since 1970.
    package let made: Double
    /// Number of failed deliveries.
    package let tries: Int
}

extension ControlStore {
    /// Stores the messages to a webhook for all changes since the last call, whichever control made that. A change is
    /// looked at once: that it was and its message are one transaction.
    /// - Parameters:
    ///   - hook: the webhook's name, the same at all controls.
    ///   - start: the change after which a webhook begins that is called for the first time.
    ///   - limit: maximum number of changes to look at.
    ///   - most: maximum number of stored messages of a webhook. Further ones are dropped.
    ///   - message: the message for a change; nil for none. Its second argument is the state that a job had before.
    /// - Returns: whether there may be more changes.
    package func notify(
        _ hook: String, from start: Int64, limit: Int = 500, most: Int = 10_000,
        _ message: @escaping @Sendable (ChangeRecord, String?) -> String?
    ) async throws(StoreError) -> Bool {
        try await engine.write { session throws(StoreError) in
            let counter = "webhook \(hook)"
            try session.lock(counter)
            let known = try session.query("SELECT value FROM counters WHERE name = $1", [.text(counter)]).first?.int(0)
            let changes = try Self.changes(after: known ?? start, limit: limit, in: session)
            guard let last = changes.last?.id ?? (known == nil ? start : nil) else { return false }
            let stored = try session.query("SELECT count(*) FROM notifications WHERE hook = $1", [.text(hook)])
            var room = most - Int(clamping: stored.first?.int(0) ?? 0)
            for change in changes {
                let before = try Self.stateBefore(change, in: session)
                guard room > 0, let text = message(change, before) else { continue }
                try session.query(
                    """
                    INSERT INTO notifications (id, hook, doc, due, tries, at) VALUES ($1, $2, $3, $4, 0, $4)
                    ON CONFLICT (id, hook) DO NOTHING
                    """, [.int(change.id), .text(hook), .text(text), .time(change.at)])
                room -= 1
            }
            try session.query(
                """
                INSERT INTO counters (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = $2
                """, [.text(counter), .int(last)])
            return changes.count == limit
        }
    }

    /// The state of a job before a change to one in which people are told of it.
    private static func stateBefore(
        _ change: ChangeRecord, in session: any StoreSession
    ) throws(StoreError) -> String? {
        guard change.kind == "job", let state = change.doc["state"]?.stringValue.flatMap(JobState.init),
            state.hasEnded || state == .held
        else { return nil }
        return try session.query(
            "SELECT doc FROM changes WHERE kind = 'job' AND subject = $1 AND id < $2 ORDER BY id DESC LIMIT 1",
            [.text(change.subject), .int(change.id)]
        ).first?.json(0)?["state"]?.stringValue
    }

    /// Takes messages that are due. Until `until` no other call takes them: if their control dies before it has
    /// delivered them, another one does.
    package func dueNotifications(
        for hook: String, at now: Double, until: Double, limit: Int
    ) async throws(StoreError) -> [NotificationRecord] {
        let due = try await engine.read { session throws(StoreError) in
            try session.query(
                "SELECT id FROM notifications WHERE hook = $1 AND due <= $2 LIMIT 1", [.text(hook), .time(now)])
        }
        guard !due.isEmpty else { return [] }
        return try await engine.write { session throws(StoreError) in
            try session.lock("webhook \(hook)")
            let rows = try session.query(
                """
                SELECT id, doc, at, tries FROM notifications WHERE hook = $1 AND due <= $2 ORDER BY due, id LIMIT $3
                """, [.text(hook), .time(now), .int(limit)])
            var found: [NotificationRecord] = []
            for row in rows {
                guard let id = row.int(0), let body = row.text(1), let made = row.time(2), let tries = row.int(3)
                else { continue }
                try session.query(
                    "UPDATE notifications SET due = $3 WHERE id = $1 AND hook = $2",
                    [.int(id), .text(hook), .time(until)])
                found.append(
                    NotificationRecord(id: id, hook: hook, body: body, made: made, tries: Int(clamping: tries)))
            }
            return found
        }
    }

    /// Call when a message was delivered, or is given up.
    package func remove(_ notification: NotificationRecord) async throws(StoreError) {
        try await engine.write { session throws(StoreError) in
            try session.query(
                "DELETE FROM notifications WHERE id = $1 AND hook = $2",
                [.int(notification.id), .text(notification.hook)])
        }
    }

    /// Call when a message was not delivered.
    package func retry(_ notification: NotificationRecord, at due: Double) async throws(StoreError) {
        try await engine.write { session throws(StoreError) in
            try session.query(
                "UPDATE notifications SET due = $3, tries = $4 WHERE id = $1 AND hook = $2",
                [
                    .int(notification.id), .text(notification.hook), .time(due), .int(notification.tries + 1),
                ])
        }
    }
}
