import Synchronization
import Threads

/// Opens connections. During an outage of the server, one thread at a time tries to connect, and the others fail at
/// once.
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

    /// Opens a connection and prepares it. Blocks.
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

/// The state of an outage: why connecting failed last, and when. Pure: times are seconds of a monotonic clock.
package struct Outage: Sendable {
    private var reason: PostgresError?
    private var triedAt = 0.0
    private var isBeingTried = false

    /// Minimum seconds between two attempts to connect.
    package static let pause = 0.3

    package init() {}

    /// An attempt to connect has failed.
    package mutating func began(_ error: PostgresError, now: Double) {
        reason = error
        triedAt = now
        isBeingTried = false
    }

    /// Returns nil when the caller should try to connect, else the error of the last attempt. A caller that gets nil
    /// must report the result: with ``began(_:now:)``, or by replacing this value with a new `Outage`.
    package mutating func refusal(now: Double) -> PostgresError? {
        guard let reason else { return nil }
        guard !isBeingTried, now - triedAt >= Self.pause else { return reason }
        isBeingTried = true
        return nil
    }
}
