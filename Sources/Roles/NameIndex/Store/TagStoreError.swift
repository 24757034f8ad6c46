/// Why a call of a store failed. The call may be repeated. Nothing was changed, unless the connection to the store broke
/// during the change.
package enum TagStoreError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The store does not answer.
    case unavailable(String)
    /// The store's disk is full or fails.
    case disk(String)
    /// The stored data is damaged, or of a newer version.
    case broken(String)

    package var isDisk: Bool { if case .disk = self { true } else { false } }

    package var reason: String {
        switch self {
        case .unavailable(let reason), .disk(let reason), .broken(let reason): reason
        }
    }

    package var description: String {
        switch self {
        case .unavailable(let reason): "the index's store does not answer: \(reason)"
        case .disk(let reason): "the index's store cannot be written: \(reason)"
        case .broken(let reason): "the index's store is broken: \(reason)"
        }
    }
}
