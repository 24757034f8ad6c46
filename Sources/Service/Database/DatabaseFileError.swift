import GRDB

/// Why the database could not be opened, read or written.
package enum DatabaseFileError: Error, Sendable, CustomStringConvertible {
    /// The disk is full.
    case full(String)
    /// The disk reports I/O errors.
    case disk(String)
    /// The file is damaged, or is not an SQLite database.
    case corrupt(String)
    /// The file was made by a newer version of this program.
    case newer(String)
    /// Any other error of SQLite.
    case failed(String)
    case closed

    package init(_ error: any Error) {
        if let error = error as? DatabaseFileError {
            self = error
            return
        }
        guard let error = error as? GRDB.DatabaseError else {
            self = .failed("\(error)")
            return
        }
        let text = error.message ?? "SQLite error \(error.extendedResultCode.rawValue)"
        switch error.resultCode {
        case .SQLITE_FULL: self = .full(text)
        case .SQLITE_IOERR: self = .disk(text)
        case .SQLITE_CORRUPT, .SQLITE_NOTADB: self = .corrupt(text)
        case .SQLITE_MISUSE where text.contains("closed"): self = .closed
        default: self = .failed(text)
        }
    }

    /// Whether the disk failed or is full, and the file itself may be sound.
    package var isDisk: Bool {
        switch self {
        case .full, .disk: true
        default: false
        }
    }

    package var description: String {
        switch self {
        case .full(let text): "the disk of the database is full: \(text)"
        case .disk(let text): "the disk of the database fails: \(text)"
        case .corrupt(let text): "the database is damaged: \(text)"
        case .newer(let path): "\(path) was made by a newer version of this program"
        case .failed(let text): "the database failed: \(text)"
        case .closed: "the database is closed"
        }
    }
}
