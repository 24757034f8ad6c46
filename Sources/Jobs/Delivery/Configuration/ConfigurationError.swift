import JSON

/// Why a configuration is refused. Names the key, or line and column.
package enum ConfigurationError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The text is not JSON.
    case syntax(JSONError)
    /// The text is JSON, but not an object.
    case notAnObject
    /// A required key is missing.
    case missing(key: String, reason: String)
    /// The value of a key is invalid.
    case invalid(key: String, reason: String)

    package var description: String {
        switch self {
        case .syntax(let error): "the configuration is not JSON: \(error)"
        case .notAnObject: "line 1, column 1: the configuration is not a JSON object"
        case .missing(let key, let reason): "the key '\(key)' is missing: \(reason)"
        case .invalid(let key, let reason): "the key '\(key)' is wrong: \(reason)"
        }
    }
}
