import Files
import RegistryClient

/// Why a push failed. Paths are escaped for display.
package enum PushError: Error, Sendable, Hashable, CustomStringConvertible {
    case system(String, path: String, SystemError)
    /// A file changed after it was found, or while it was read.
    case changed(path: String)
    case tooManyFiles(Int, most: Int)
    /// The manifest would be larger than manifests may be, because of the number and the length of the files' names.
    case manifestTooLarge
    case registry(RegistryError)
    case cancelled

    package var description: String {
        switch self {
        case .system(let operation, let path, let error): "cannot \(operation) '\(path)': \(error)"
        case .changed(let path): "'\(path)' changed while it was pushed; nothing is tagged"
        case .tooManyFiles(let count, let most): "\(count) files are more than the \(most) that a push may have"
        case .manifestTooLarge: "the list of these files is larger than 4 MiB"
        case .registry(let error): "\(error)"
        case .cancelled: "cancelled"
        }
    }
}

/// Runs a call of the registry client, and turns its errors into errors of the push.
func registry<R>(_ body: () async throws(RegistryError) -> R) async throws(PushError) -> R {
    do {
        return try await body()
    } catch {
        throw error == .cancelled ? .cancelled : .registry(error)
    }
}
