import CPQ
import Threads

/// Connections to one server. Each has its own thread, which connects when it has work.
///
/// During an outage of the server, calls fail soon: one thread at a time tries to connect. A restarted server has
/// closed the old connections. Work that fails for that reason is repeated once on a new connection, unless it may have
/// been committed.
package final class PostgresPool: Sendable {
    /// Runs on each new connection before anything else, for example to create tables.
    package typealias Preparation = @Sendable (PostgresConnection) throws(PostgresError) -> Void

    private let line: WorkLine
    private let connector: Connector

    /// Maximum attempts at a transaction that conflicts with others.
    private static let mostTries = 8

    /// - Parameters:
    ///   - url: `postgresql://…`
    ///   - connections: maximum number of connections.
    ///   - patience: maximum seconds for the answer to a statement, and maximum seconds in the queue for a connection.
    package init(
        _ url: String, connections: Int = 8, patience: Double = 8, prepare: @escaping Preparation = { _ in }
    ) {
        let line = WorkLine()
        let connector = Connector(url, patience: patience, prepare: prepare)
        (self.line, self.connector) = (line, connector)
        for _ in 0..<max(1, connections) {
            Threads.runDetached(name: "postgres") { Self.serve(line, connector) }
        }
    }

    /// Checks that `url` is a connection string and that libpq is installed. Does not connect.
    package static func check(_ url: String) throws(PostgresError) {
        if let problem = cpq_problem() { throw .refused(state: "", String(cString: problem)) }
        if let message = cpq_malformed(url) {
            PQfreemem(message)
        } else if hasPorts(url) {
            return
        }
        // The message of libpq may contain the password.
        throw .refused(state: "", "that is no address of a database")
    }

    /// Whether the ports are numbers: libpq checks them only when it connects.
    private static func hasPorts(_ url: String) -> Bool {
        guard let scheme = url.firstRange(of: "://") else { return true }
        let authority = url[scheme.upperBound...].prefix { $0 != "/" && $0 != "?" }
        let hosts = authority.split(separator: "@").last ?? ""
        return hosts.split(separator: ",").allSatisfy { host in
            let rest = host.hasPrefix("[") ? host.drop { $0 != "]" } : host
            guard let colon = rest.firstIndex(of: ":") else { return true }
            let port = rest[rest.index(after: colon)...]
            return port.isEmpty || UInt16(port).map { $0 > 0 } ?? false
        }
    }

    /// Runs `body` in a transaction. Returns when that is committed. Conflicts with other transactions are retried.
    package func transaction<R: Sendable>(
        _ body: @escaping @Sendable (PostgresConnection) throws(PostgresError) -> R
    ) async throws(PostgresError) -> R {
        try await run { connection throws(PostgresError) in
            for _ in 1..<Self.mostTries {
                do throws(PostgresError) {
                    return try connection.transaction { () throws(PostgresError) in try body(connection) }
                } catch {
                    guard case .conflict = error else { throw error }
                }
            }
            return try connection.transaction { () throws(PostgresError) in try body(connection) }
        }
    }

    /// Runs `body` without a transaction: each of its statements commits by itself. `body` may run twice.
    package func run<R: Sendable>(
        _ body: @escaping @Sendable (PostgresConnection) throws(PostgresError) -> R
    ) async throws(PostgresError) -> R {
        let result: Result<R, PostgresError> = await withCheckedContinuation { continuation in
            line.add { found, isLast in
                do throws(PostgresError) {
                    let connection = try found.get()
                    do throws(PostgresError) {
                        continuation.resume(returning: .success(try body(connection)))
                    } catch {
                        if !isLast, connection.mayTryAgain { return false }
                        throw error
                    }
                } catch {
                    continuation.resume(returning: .failure(error))
                }
                return true
            }
        }
        return try result.get()
    }

    /// Refuses new work. The threads end when they have finished what is queued.
    package func close() { line.close() }

    private static func serve(_ line: WorkLine, _ connector: Connector) {
        var connection: PostgresConnection?
        while let (work, since) = line.next() {
            guard Clocks.steadySeconds - since <= connector.patience else {
                _ = work(.failure(.unavailable("too much waits for it")), true)
                continue
            }
            if connection?.isUsable() != true { connection = nil }
            var isDone = false
            while !isDone {
                var isNew = false
                if connection == nil {
                    do throws(PostgresError) {
                        connection = try connector.connect()
                        isNew = true
                    } catch {
                        isDone = work(.failure(error), true)
                        continue
                    }
                }
                guard let open = connection else { continue }
                isDone = work(.success(open), isNew)
                if !isDone { connection = nil }
            }
        }
    }
}
