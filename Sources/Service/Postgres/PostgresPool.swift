import Glibc
import Threads

/// Connections to one server, each on a thread of its own, which connects when it has something to do.
package final class PostgresPool: Sendable {
    private let url: String
    private let waiting: WorkLine

    /// How often a transaction is tried when others stand in its way.
    private static let mostTries = 8

    /// - Parameters:
    ///   - url: `postgresql://…`
    ///   - connections: the most at a time.
    package init(_ url: String, connections: Int = 8) {
        self.url = url
        let waiting = WorkLine()
        self.waiting = waiting
        for _ in 0..<max(1, connections) {
            Threads.runDetached(name: "postgres") { Self.serve(waiting, url) }
        }
    }

    /// Runs `body` on a connection, in a transaction. Returns when that is committed.
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

    /// Runs `body`, statements that each stand for themselves.
    package func run<R: Sendable>(
        _ body: @escaping @Sendable (PostgresConnection) throws(PostgresError) -> R
    ) async throws(PostgresError) -> R {
        let result: Result<R, PostgresError> = await withCheckedContinuation { continuation in
            waiting.add { connection in
                do throws(PostgresError) {
                    continuation.resume(returning: .success(try body(connection.get())))
                } catch {
                    continuation.resume(returning: .failure(error))
                }
            }
        }
        return try result.get()
    }

    /// Refuses what comes from now on; threads end when they have done what waits.
    package func close() { waiting.close() }

    private static func serve(_ waiting: WorkLine, _ url: String) {
        var connection: PostgresConnection?
        while let work = waiting.next() {
            if connection?.isUsable != true {
                connection = nil
                do throws(PostgresError) { connection = try PostgresConnection(url) } catch {
                    work(.failure(error))
                    continue
                }
            }
            if let connection { work(.success(connection)) }
            // The server may have ended the connection while it was idle: the next one is told by isUsable only after
            // a statement failed.
        }
    }
}

/// Work that threads wait for.
private final class WorkLine: @unchecked Sendable {
    // Sendable: everything below is touched with the mutex held, except by init and deinit.
    typealias Work = @Sendable (Result<PostgresConnection, PostgresError>) -> Void

    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var works: [Work] = []
    private var first = 0
    private var isClosed = false

    init() {
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(condition, nil)
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(mutex)
        condition.deallocate()
        mutex.deallocate()
    }

    func add(_ work: @escaping Work) {
        pthread_mutex_lock(mutex)
        let isClosed = isClosed
        if !isClosed { works.append(work) }
        pthread_cond_signal(condition)
        pthread_mutex_unlock(mutex)
        if isClosed { work(.failure(.closed)) }
    }

    /// Waits; nil when it was closed and nothing waits.
    func next() -> Work? {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while first == works.count {
            if isClosed { return nil }
            pthread_cond_wait(condition, mutex)
        }
        let work = works[first]
        first += 1
        if first == works.count || first > 1024 {
            works.removeFirst(first)
            first = 0
        }
        return work
    }

    func close() {
        pthread_mutex_lock(mutex)
        isClosed = true
        pthread_cond_broadcast(condition)
        pthread_mutex_unlock(mutex)
    }
}
