import Files

/// Why an operation of the library failed.
package struct LibraryError: Error, Equatable, Sendable, CustomStringConvertible {
    package enum Kind: Equatable, Sendable {
        /// The path is not absolute, or contains `..`.
        case badPath
        /// The table cannot be read or written.
        case table(SystemError)
        /// Another process has been writing the table for a long time.
        case tableLocked
        /// The path to add does not exist, or cannot be listed.
        case unreadable(SystemError)
        /// The library's rules exclude the path.
        case excluded
        /// `stop` was called, or the task was cancelled.
        case stopped
    }

    package let kind: Kind
    /// Escaped for display.
    package let path: String

    init(_ kind: Kind, _ path: String) {
        self.kind = kind
        self.path = path
    }

    package var description: String {
        switch kind {
        case .badPath: "\(path) is no absolute path. Write it from the root on, without '..'."
        case .table(let error): "The table \(path) cannot be used: \(error). Look at its owner, mode and disk."
        case .tableLocked:
            "The table \(path) is being written by another process for too long. Look for a hanging 'swoop library'."
        case .unreadable(let error): "\(path) cannot be added: \(error)."
        case .excluded: "\(path) is left alone by the library: work in progress, torrents and markers are not content."
        case .stopped: "Stopped. What was hashed is kept: run it again to go on."
        }
    }
}
