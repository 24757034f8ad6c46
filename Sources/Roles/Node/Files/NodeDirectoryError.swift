import HashLibrary
import Jobs

/// Why a node cannot work in the directories that it was given.
package struct NodeDirectoryError: Error, Sendable, CustomStringConvertible {
    package let description: String
    /// What to do about it.
    package let advice: String
    /// `errno`, 0 where there is none.
    package let number: Int32
    /// Whether another node works there.
    package let isTaken: Bool

    private static let advice = "Its directories have to be there or be makeable, and writable by the node's user."

    init(_ failure: FileFailure) {
        description = "\(failure)"
        (advice, isTaken) = (Self.advice, false)
        number = failure.number
    }

    /// - Parameter data: DATA of another node that runs.
    init(takenData data: String) {
        description = "another node works on \(data)"
        advice = "End it, or give this one a directory of its own: datapath in the configuration, or --data."
        (number, isTaken) = (0, true)
    }

    init(_ error: LibraryError) {
        description = "\(error)"
        (advice, isTaken) = (Self.advice, false)
        number =
            switch error.kind {
            case .table(let error), .unreadable(let error): error.number
            case .badPath, .tableLocked, .excluded, .stopped: 0
            }
    }
}
