import GRDB

/// Why something could not be read or written.
package enum DatabaseFileError: Error, Sendable, CustomStringConvertible {
    /// There is no room on the disk.
    case full(String)
    /// The disk does not read or write.
    case disk(String)
    /// The file is damaged, or is no database.
    case corrupt(String)
    /// The file was made by a newer version of this program.
    case newer(String)
    /// Whatever else the disk or SQLite says.
    case failed(String)
    case closed

    init(_ error: any Error) {
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

    /// Whether it comes from the disk, and not from what stands on it.
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
