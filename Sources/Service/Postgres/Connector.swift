import Synchronization
import Threads

/// Makes connections. While the server does not answer, one thread at a time tries it, and others hear at once that it is away.
final class Connector: Sendable {
    let patience: Double
    private let url: String
    private let prepare: PostgresPool.Preparation
    private let outage = Mutex(Outage())

    init(_ url: String, patience: Double, prepare: @escaping PostgresPool.Preparation) {
        self.url = url
        self.patience = patience
        self.prepare = prepare
    }

    /// Blocks.
    func connect() throws(PostgresError) -> PostgresConnection {
        if let error = outage.withLock({ $0.refusal(now: Clocks.steadySeconds) }) { throw error }
        do throws(PostgresError) {
            let connection = try PostgresConnection(url, patience: patience)
            try prepare(connection)
            outage.withLock { $0 = Outage() }
            return connection
        } catch {
            outage.withLock { $0.began(error, now: Clocks.steadySeconds) }
            throw error
        }
    }
}

/// What is known of a server that does not answer. Pure: times are seconds of a monotonic clock.
package struct Outage: Sendable {
    private var reason: PostgresError?
    private var triedAt = 0.0
    private var isBeingTried = false

    /// Seconds between two tries.
    package static let pause = 0.3

    package init() {}

    /// A connection could not be made.
    package mutating func began(_ error: PostgresError, now: Double) {
        reason = error
        triedAt = now
        isBeingTried = false
    }

    /// Why the server is not to be tried now; nil for whoever is to try it, and then says what came of it.
    package mutating func refusal(now: Double) -> PostgresError? {
        guard let reason else { return nil }
        guard !isBeingTried, now - triedAt >= Self.pause else { return reason }
        isBeingTried = true
        return nil
    }
}
