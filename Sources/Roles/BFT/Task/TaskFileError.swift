import JSON
import Metainfo

/// Why a task file is invalid.
package enum TaskFileError: Error, Sendable, Hashable, CustomStringConvertible {
    case syntax(JSONError)
    case notAnObject
    /// The value of a member is invalid. `key` names it, such as `bt.seedtime` or `filelist[3].file`.
    case invalid(key: String, reason: String)

    package var description: String {
        switch self {
        case .syntax(let error): "the task file is not JSON: \(error)"
        case .notAnObject: "line 1, column 1: the task file is not a JSON object"
        case .invalid(let key, let reason): "'\(DisplayName.escape(key))' in the task file is wrong: \(reason)"
        }
    }
}

/// Inconsistent sums in a task file. Each has its own text in the API.
package enum TaskFileImbalance: Sendable, Hashable {
    /// All files together are 0 bytes long.
    case filesAreEmpty
    /// `size` is 0, but the files are not empty.
    case sizeIsZero
    /// The lists do not add up to `size`.
    case lists
    /// What is left of the lists and the local files do not add up to `size`.
    case remainingLists
}
