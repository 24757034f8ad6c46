import Fleet
import Hashing
import JSON

/// The database of a control server, in SQLite or PostgreSQL. Each operation is one transaction, and its checks run
/// inside that transaction, so any number of control servers may work at the same time.
package struct ControlStore: Sendable {
    package let engine: any StoreEngine

    package init(_ engine: any StoreEngine) { self.engine = engine }

    /// Opens the database.
    /// - Parameter data: the control's data directory.
    /// - Parameter database: `postgresql://…`; nil for the SQLite file `control.db` in `data`.
    package static func open(data: String, database: String?) async throws(StoreError) -> ControlStore {
        guard let database else { return ControlStore(try await SQLiteEngine("\(data)/control.db")) }
        return ControlStore(try await PostgresEngine(database))
    }

    package func close() async { await engine.close() }
}

/// Who makes a change, from where and when, for the audit log.
package struct Act: Sendable, Hashable {
    package let who: String
    /// Remote address of the caller; empty for control itself.
    package let address: String
    /// Seconds since 1970.
    package let at: Double

    package init(who: String, address: String = "", at: Double) {
        self.who = who
        self.address = address
        self.at = at
    }

    package static func control(at now: Double) -> Act { Act(who: "control", at: now) }
}

/// The result of changing something that has a revision.
package enum ChangeOutcome<Value: Sendable>: Sendable {
    case done(Value)
    case unknown
    /// The revision is not the expected one: it has been changed since.
    case stale(revision: Int64)
    /// Another object has that name.
    case taken
    /// Its state does not allow the change. A code, and the reason for people.
    case refused(code: String, String)

    package var value: Value? { if case .done(let value) = self { value } else { nil } }
}

extension StoreSession {
    /// Gives a change the next number and records it in the table `changes`, which all control servers follow. In
    /// PostgreSQL the counter's row stays locked until the commit. So changes become visible in the order of their
    /// numbers, and a reader of the list misses none.
    func change(_ kind: String, _ subject: String, at now: Double, _ doc: JSONValue = [:]) throws(StoreError) -> Int64 {
        let rows = try query("UPDATE counters SET value = value + 1 WHERE name = 'change' RETURNING value")
        guard let number = rows.first?.int(0) else { throw StoreError.damaged("the database has no counter") }
        try query(
            "INSERT INTO changes (id, at, kind, subject, doc) VALUES ($1, $2, $3, $4, $5)",
            [.int(number), .time(now), .text(kind), .text(subject), .text(doc.text)])
        return number
    }

    /// - Parameter number: the number of the change that the entry belongs to.
    func audit(
        _ number: Int64, _ act: Act, _ action: String, _ subject: String, _ doc: JSONValue = [:]
    ) throws(StoreError) {
        try query(
            "INSERT INTO audit (id, at, who, address, action, subject, doc) VALUES ($1, $2, $3, $4, $5, $6, $7)",
            [
                .int(number), .time(act.at), .text(act.who), .text(act.address), .text(action), .text(subject),
                .text(doc.text),
            ])
    }
}
