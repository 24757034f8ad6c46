import JSON
import Settings

/// Why a configuration is refused. Names the key, or line and column.
package enum ConfigurationError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The text is not JSON.
    case syntax(JSONError)
    /// The text is JSON, but not an object.
    case notAnObject
    /// A key is missing, or its value cannot be used.
    case setting(SettingsError)

    package var description: String {
        switch self {
        case .syntax(let error): "the configuration is not JSON: \(error)"
        case .notAnObject: "line 1, column 1: the configuration is not a JSON object"
        case .setting(let error): error.description
        }
    }
}
