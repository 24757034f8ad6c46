/// Why a store could not answer. What was asked for may be tried again; nothing was changed, unless the connection to the store
/// broke while it was changed.
package enum TagStoreError: Error, Hashable, Sendable, CustomStringConvertible {
    /// It does not answer, or has no room.
    case unavailable(String)
    /// What it holds is damaged, or of a newer version.
    case broken(String)

    package var description: String {
        switch self {
        case .unavailable(let reason): "the index's store does not answer: \(reason)"
        case .broken(let reason): "the index's store is broken: \(reason)"
        }
    }
}
