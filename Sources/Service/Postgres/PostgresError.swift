// Postgres: PostgreSQL by libpq.
//
// Purpose: a bounded number of connections, each on a thread of its own, that run transactions. Must never: block the threads of
// Swift's cooperative pool, put a value into the text of a statement, or say that a transaction is committed before the server does.

/// Why something could not be read or written.
package enum PostgresError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The server does not answer, or the connection broke. What was being committed then may be there or not.
    case unavailable(String)
    /// Another transaction stood in the way: to be tried again.
    case conflict(String)
    /// The server refused a statement.
    case refused(state: String, String)
    case closed

    package var description: String {
        switch self {
        case .unavailable(let text): "PostgreSQL does not answer: \(text)"
        case .conflict(let text): "PostgreSQL could not order two transactions: \(text)"
        case .refused(let state, let text): "PostgreSQL refused a statement (\(state)): \(text)"
        case .closed: "the connections to PostgreSQL are closed"
        }
    }
}
