// Postgres: a PostgreSQL client on top of libpq.
//
// Purpose: a bounded number of connections, each on its own thread, that run transactions. Must never: block the
// threads of Swift's cooperative pool, put a value into the text of a statement, or report a transaction as committed
// before the server has confirmed it.

/// Why a statement or transaction failed.
package enum PostgresError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The server does not answer, or the connection broke. A commit that was in progress may or may not have happened.
    case unavailable(String)
    /// The transaction conflicts with another one (a serialization failure or deadlock). It can be tried again.
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
