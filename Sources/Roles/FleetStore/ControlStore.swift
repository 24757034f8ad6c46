import Fleet
import Hashing
import JSON

/// What a control node remembers, in SQLite or PostgreSQL. Each move is one transaction, and what it decides is decided in it:
/// any number of controls may ask at once.
package struct ControlStore: Sendable {
    package let engine: any StoreEngine

    package init(_ engine: any StoreEngine) { self.engine = engine }

    /// Opens the store of a control.
    /// - Parameter database: `postgresql://…`; nil for a file in `data`.
    package static func open(data: String, database: String?) async throws(StoreError) -> ControlStore {
        guard let database else { return ControlStore(try await SQLiteEngine("\(data)/control.db")) }
        return ControlStore(try await PostgresEngine(database))
    }

    package func close() async { await engine.close() }
}

/// Who changes something, for the audit.
package struct Act: Sendable, Hashable {
    package let who: String
    /// Empty for control itself.
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

/// What became of a change of something that has a revision.
package enum ChangeOutcome<Value: Sendable>: Sendable {
    case done(Value)
    case unknown
    /// It was changed by another since.
    case stale(revision: Int64)
    /// Something else has that name.
    case taken
    /// Its state does not allow it: why.
    case refused(code: String, String)

    package var value: Value? { if case .done(let value) = self { value } else { nil } }
}

extension StoreSession {
    /// Numbers this change, and tells the other controls of it. In PostgreSQL changes wait for each other from here to their
    /// commit, so that who reads the list misses none.
    func change(_ kind: String, _ subject: String, at now: Double, _ doc: JSONValue = [:]) throws(StoreError) -> Int64 {
        let rows = try query("UPDATE counters SET value = value + 1 WHERE name = 'change' RETURNING value")
        guard let number = rows.first?.int(0) else { throw StoreError.damaged("the database has no counter") }
        try query(
            "INSERT INTO changes (id, at, kind, subject, doc) VALUES ($1, $2, $3, $4, $5)",
            [.int(number), .time(now), .text(kind), .text(subject), .text(doc.text)])
        return number
    }

    /// - Parameter number: of the change that is told.
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
