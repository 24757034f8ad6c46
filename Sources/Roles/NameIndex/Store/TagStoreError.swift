/// Why a store could not answer. What was asked for may be tried again; nothing was changed, unless the connection to the store
/// broke while it was changed.
package enum TagStoreError: Error, Hashable, Sendable, CustomStringConvertible {
    /// It does not answer.
    case unavailable(String)
    /// It has no room, or its disk fails.
    case disk(String)
    /// What it holds is damaged, or of a newer version.
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
