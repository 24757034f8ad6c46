import Fleet
import JSON

/// A control of the database, as it wrote of itself last.
package struct ControlRecord: Sendable, Hashable {
    package let id: String
    /// Where agents reach it.
    package let doors: [String]
    /// Nodes that it hears of.
    package let nodes: [NodeID]
    /// Seconds since 1970 by that control's clock. It changes with each write.
    package let seen: Double
}

extension ControlStore {
    /// A control says that it lives, and which nodes it hears of.
    package func alive(
        _ control: String, doors: [String], nodes: [NodeID] = [], at now: Double
    ) async throws(StoreError) {
        try await engine.write { session throws(StoreError) in
            try session.query(
                """
                INSERT INTO controls (id, doors, nodes, seen) VALUES ($1, $2, $3, $4)
                ON CONFLICT (id) DO UPDATE SET doors = $2, nodes = $3, seen = $4
                """,
                [
                    .text(control), .text(JSONValue.array(doors.map(JSONValue.string)).text),
                    .text(nodes.map(\.description).joined(separator: " ")), .time(now),
                ])
            try session.query("DELETE FROM controls WHERE seen < $1", [.time(now - 86_400)])
        }
    }

    /// Controls that have written of themselves since they were read last.
    /// - Parameter known: ``ControlRecord/seen`` of each control as it was read.
    package func controls(since known: [String: Double] = [:]) async throws(StoreError) -> [ControlRecord] {
        try await engine.read { session throws(StoreError) in
            var found: [ControlRecord] = []
            for row in try session.query("SELECT id, seen FROM controls ORDER BY id") {
                guard let id = row.text(0), let seen = row.time(1), known[id] != seen else { continue }
                guard
                    let row = try session.query("SELECT doors, nodes FROM controls WHERE id = $1", [.text(id)]).first
                else { continue }
                found.append(
                    ControlRecord(
                        id: id, doors: (row.json(0)?.arrayValue ?? []).compactMap(\.stringValue),
                        nodes: (row.text(1) ?? "").split(separator: " ").compactMap { NodeID(String($0)) }, seen: seen))
            }
            return found
        }
    }
}
