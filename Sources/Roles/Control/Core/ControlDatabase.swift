import Fleet
import FleetLink
import FleetStore
import JSON
import Logging
import Synchronization

/// The store as all parts of a control use it, with their logger and their clock. Owns when the store answered last,
/// and decides from that whether this control is ready. It knows no nodes and no jobs.
final class ControlDatabase: Sendable {
    let store: ControlStore
    let logger: Logger
    /// Seconds since 1970.
    let now: @Sendable () -> Double
    /// Seconds without an answer after which control is not ready.
    private let patience: Double
    /// When the store last answered, in seconds since 1970.
    private let answered: Mutex<Double>

    init(_ store: ControlStore, patience: Double, logger: Logger, now: @escaping @Sendable () -> Double) {
        self.store = store
        self.patience = patience
        self.logger = logger
        self.now = now
        answered = Mutex(now())
    }

    /// Runs a database operation for an agent. An error becomes ``LinkRefusal/unavailable``.
    func linked<Value: Sendable>(
        _ body: () async throws(StoreError) -> Value
    ) async throws(LinkRefusal) -> Value {
        do throws(StoreError) {
            let value = try await body()
            reached()
            return value
        } catch {
            logger.warning("the database did not answer an agent", metadata: ["error": "\(error)"])
            throw .unavailable
        }
    }

    /// The store has answered.
    func reached() {
        let now = now()
        answered.withLock { $0 = now }
    }

    /// Whether the store has answered recently. A control without its database refuses agents, so that they try another
    /// one.
    var isReady: Bool {
        let now = now()
        return answered.withLock { now - $0 < patience || now < $0 }
    }

    /// Records an event for people. All event streams and webhooks get it.
    /// - Returns: whether the store took it.
    @discardableResult
    func say(_ action: String, _ subject: String, _ doc: JSONValue, at now: Double) async -> Bool {
        do throws(StoreError) {
            try await store.note(action, subject, doc, by: .control(at: now), audited: false)
            return true
        } catch {
            logger.warning("something was not said", metadata: ["action": "\(action)", "error": "\(error)"])
            return false
        }
    }
}
