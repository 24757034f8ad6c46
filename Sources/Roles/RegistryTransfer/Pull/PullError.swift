import Files
import Metainfo
import Registry
import RegistryClient
import Storage

/// Why a pull failed. Paths are escaped for display.
package enum PullError: Error, Sendable, Hashable, CustomStringConvertible {
    case registry(RegistryError)
    /// The bytes that were received for a blob do not have its digest.
    case wrongContent(BlobDigest)
    /// A source's blob has another size than the manifest says; `found` is nil where it sends more bytes and no size.
    case wrongSize(BlobDigest, expected: Int64, found: Int64?)
    /// The files of a manifest cannot be written.
    case badManifest(Reference, reason: String)
    /// No path of the manifest matches the selection.
    case nothingSelected([String])
    /// The content has this number of files, and only a single file can be streamed.
    case notOneFile(Int)
    /// The destination has other content, which may not be replaced.
    case conflict(path: String, detail: String)
    /// A symbolic link, a special file or a directory is at a path that the pull needs.
    case inTheWay(path: String)
    /// Another program changed a file that was being reused or written.
    case changed(path: String)
    /// No byte was received for this many seconds.
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

/// Runs a call of the registry client, and turns its errors into errors of the pull.
func asking<R>(_ body: () async throws(RegistryError) -> R) async throws(PullError) -> R {
    do {
        return try await body()
    } catch {
        throw error == .cancelled ? .cancelled : .registry(error)
    }
}

/// Runs a call of the module Storage, and turns its errors into errors of the pull.
func inStorage<R>(_ body: () throws(StorageError) -> R) throws(PullError) -> R {
    do { return try body() } catch { throw .disk(error) }
}

/// Runs a call of the file system, and turns its errors into errors of the pull.
package func onDisk<R>(
    _ action: String, _ path: @autoclosure () -> String, _ body: () throws(Files.SystemError) -> R
) throws(PullError) -> R {
    do { return try body() } catch { throw .disk(StorageError(error, action, path: path())) }
}
