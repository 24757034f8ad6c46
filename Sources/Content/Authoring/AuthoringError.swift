import Files
import Metainfo

/// Why a torrent cannot be made or content not verified. Names in it are escaped for display.
package enum AuthoringError: Error, Sendable, Hashable {
    /// A system call failed on the path.
    case system(operation: String, path: String, SystemError)
    case nameIsNotUTF8(path: String)
    case unusableName(path: String, PathProblem)
    /// A symbolic link, and the policy refuses links.
    case symlink(path: String)
    /// A symbolic link to a directory that contains the link.
    case symlinkLoop(path: String)
    /// Neither a file nor a directory. `kind` describes it, such as "a FIFO".
    case specialFile(path: String, kind: String)
    case tooManyEntries(limit: Int)
    case badPattern(String)
    /// There are no files, or all files are empty.
    case noContent(path: String)
    case badPieceLength(Int)
    /// A file has another size, time or identity than when it was found.
    case changedWhileRead(path: String)
    /// The torrent would be written over its content.
    case outputIsContent(path: String)
    case noMemory(bytes: Int)
    case cancelled
    case metainfo(MetainfoError)
}

extension AuthoringError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .system(let operation, let path, let error): "cannot \(operation) '\(path)': \(error)"
        case .nameIsNotUTF8(let path): "the name '\(path)' is not UTF-8, which torrents require; rename or exclude it"
        case .unusableName(let path, let problem): "'\(path)' cannot be in a torrent: \(problem)"
        case .symlink(let path):
            "'\(path)' is a symbolic link; choose '--symlinks follow' for what it points at or '--symlinks skip'"
        case .symlinkLoop(let path): "the symbolic link '\(path)' leads back to a directory that it lies in; exclude it"
        case .specialFile(let path, let kind): "'\(path)' is \(kind), which a torrent cannot hold; exclude it"
        case .tooManyEntries(let limit): "there are more than \(limit) files and directories; make several torrents"
        case .badPattern(let pattern): "'\(pattern)' is not a regular expression"
        case .noContent(let path): "there is nothing to share in '\(path)': it has no files, or they are all empty"
        case .badPieceLength(let length):
            "a piece length of \(length) bytes is not possible: it must be a power of two from 16 KiB to 256 MiB"
        case .changedWhileRead(let path):
            "'\(path)' changed while it was read; make the torrent again when nothing writes to it"
        case .outputIsContent(let path): "'\(path)' is the content itself, and the torrent would be written over it"
        case .noMemory(let bytes): "cannot get \(bytes) bytes of memory to read into"
        case .cancelled: "stopped on request"
        case .metainfo(let error): "\(error)"
        }
    }
}
