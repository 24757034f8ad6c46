import HashLibrary
import Jobs

/// Why a node cannot work in the directories that it was given.
package struct NodeDirectoryError: Error, Sendable, CustomStringConvertible {
    package let description: String
    /// `errno`, 0 where there is none.
    package let number: Int32

    init(_ failure: FileFailure) {
        description = "\(failure)"
        number = failure.number
    }

    init(_ error: LibraryError) {
        description = "\(error)"
        number =
            switch error.kind {
            case .table(let error), .unreadable(let error): error.number
            case .badPath, .tableLocked, .excluded, .stopped: 0
            }
    }
}
