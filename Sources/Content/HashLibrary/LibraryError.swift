import Files

/// Why the library cannot do what it was asked.
package struct LibraryError: Error, Equatable, Sendable, CustomStringConvertible {
    package enum Kind: Equatable, Sendable {
        /// No absolute path, or one with `..`.
        case badPath
        /// The table cannot be read or written.
        case table(SystemError)
        /// Another process has been writing the table for a long time.
        case tableLocked
        /// There is nothing at the path that is to be added, or it cannot be listed.
        case unreadable(SystemError)
        /// The path is one that the library leaves alone.
        case excluded
        /// `stop` was called, or the task was cancelled.
        case stopped
    }

    package let kind: Kind
    /// Escaped for people.
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
