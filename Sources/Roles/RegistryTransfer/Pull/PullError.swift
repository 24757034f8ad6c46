import Files
import Metainfo
import Registry
import RegistryClient
import Storage

/// Why nothing was pulled, or not all of it. Paths in it are escaped for display.
package enum PullError: Error, Sendable, Hashable, CustomStringConvertible {
    case registry(RegistryError)
    /// What came is not what the digest says.
    case wrongContent(BlobDigest)
    /// A source has another number of bytes than the manifest says; nil: more, without an end.
    case wrongSize(BlobDigest, expected: Int64, found: Int64?)
    /// A manifest whose files cannot be written.
    case badManifest(Reference, reason: String)
    /// No path of the manifest matches what was selected.
    case nothingSelected([String])
    /// There is not one file, which alone can be streamed.
    case notOneFile(Int)
    /// What is at the destination is something else, and may not be replaced.
    case conflict(path: String, detail: String)
    /// A symlink, a special file or a directory has a name that is needed.
    case inTheWay(path: String)
    /// A file that was to be reused, or that was just written, was changed by others.
    case changed(path: String)
    /// Not one byte came for so many seconds.
    case silent(seconds: Double, reason: String)
    case output(Files.SystemError)
    case disk(StorageError)
    case cancelled

    package var description: String {
        switch self {
        case .registry(let error): "\(error)"
        case .wrongContent(let digest): "what came of blob \(digest) is something else"
        case .wrongSize(let digest, let expected, let found):
            "blob \(digest) has \(found.map { "\($0)" } ?? "more") bytes, the manifest says \(expected)"
        case .badManifest(let reference, let reason): "\(reference) cannot be written: \(reason)"
        case .nothingSelected(let patterns): "no file of it matches \(patterns.joined(separator: ", "))"
        case .notOneFile(let count): "only a single file can be written to standard output, and these are \(count)"
        case .conflict(let path, let detail): "cannot use \(path): it is something else (\(detail))"
        case .inTheWay(let path): "cannot use \(path): a symlink, a special file or a directory is in the way"
        case .changed(let path): "\(path) was changed by somebody else meanwhile"
        case .silent(let seconds, let reason): "not one byte came for \(Int(seconds)) s: \(reason)"
        case .output(let error): "cannot write to standard output: \(error)"
        case .disk(let error): error.message
        case .cancelled: "cancelled"
        }
    }
}

extension StorageError: Hashable {
    package func hash(into hasher: inout Hasher) {
        hasher.combine(action)
        hasher.combine(path)
    }
}

/// Runs a call of the client, whose errors are those of the pull from then on.
func asking<R>(_ body: () async throws(RegistryError) -> R) async throws(PullError) -> R {
    do {
        return try await body()
    } catch {
        throw error == .cancelled ? .cancelled : .registry(error)
    }
}

/// Runs a call of the storage, whose errors are those of the pull from then on.
func inStorage<R>(_ body: () throws(StorageError) -> R) throws(PullError) -> R {
    do { return try body() } catch { throw .disk(error) }
}

/// Runs a call of the file system, whose errors are those of the pull from then on.
package func onDisk<R>(
    _ action: String, _ path: @autoclosure () -> String, _ body: () throws(Files.SystemError) -> R
) throws(PullError) -> R {
    do { return try body() } catch { throw .disk(StorageError(error, action, path: path())) }
}
