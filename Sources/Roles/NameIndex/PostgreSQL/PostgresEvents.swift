import Postgres
import Registry

extension PostgresTagStore: SharedTagStore {
    package func lastEvent() async throws(TagStoreError) -> Int64 {
        try await storage.rows("SELECT max(id) FROM events", []) { $0.int(0) }.first ?? 0
    }

    package func events(_ ids: EventCursor.Wanted, limit: Int) async throws(TagStoreError) -> [SharedEvent] {
        switch ids {
        case .after(let last):
            try await storage.rows(
                """
                SELECT e.id, n.name, e.tag, e.digest FROM events e JOIN names n ON n.id = e.name_id
                WHERE e.id > $1 ORDER BY e.id LIMIT $2
                """, [.int(last), .int(Int64(limit))], Self.sharedEvent)
        case .among(let ids):
            try await storage.rows(
                """
                SELECT e.id, n.name, e.tag, e.digest FROM events e JOIN names n ON n.id = e.name_id
                WHERE e.id = ANY (string_to_array($1, ',')::bigint[]) ORDER BY e.id LIMIT $2
                """, [.text(ids.map { "\($0)" }.joined(separator: ",")), .int(Int64(limit))], Self.sharedEvent)
        }
    }

    private static func sharedEvent(_ row: PostgresRow) -> SharedEvent? {
        guard let id = row.int(0), let name = row.text(1).flatMap({ ContentName($0) }),
            let tag = row.text(2).flatMap({ Tag($0) })
        else { return nil }
        return SharedEvent(id: id, name: name, tag: tag, digest: row.digest(3))
    }
}
