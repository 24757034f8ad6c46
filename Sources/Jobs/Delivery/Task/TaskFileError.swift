import JSON
import Metainfo

/// Why a task file cannot be used.
package enum TaskFileError: Error, Sendable, Hashable, CustomStringConvertible {
    case syntax(JSONError)
    case notAnObject
    /// A member's value cannot be used; `key` names it, as `bt.seedtime` or `filelist[3].file`.
    case invalid(key: String, reason: String)

    package var description: String {
        switch self {
        case .syntax(let error): "the task file is not JSON: \(error)"
        case .notAnObject: "line 1, column 1: the task file is not a JSON object"
        case .invalid(let key, let reason): "'\(DisplayName.escape(key))' in the task file is wrong: \(reason)"
        }
    }
}

/// What a receiver finds wrong with the sums of a task file that can be read. Each has its own text in the API.
package enum TaskFileImbalance: Sendable, Hashable {
    /// All files together are 0 bytes long.
    case filesAreEmpty
    /// `size` says 0, and the files do not.
    case sizeIsZero
    /// The lists do not add up to `size`.
    case lists
    /// What is left of the lists and what lies here already do not add up to `size`.
    case remainingLists
}
