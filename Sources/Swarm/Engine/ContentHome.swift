import Metainfo
import Storage
import Synchronization

/// Where a torrent's content lies and how its progress is kept. Its methods block: for worker threads.
enum ContentHome: Sendable {
    case download(DownloadDirectory, ContentFiles)
    /// Content that is served where it is.
    case served(ContentFiles, path: String)

    var files: ContentFiles {
        switch self {
        case .download(_, let files), .served(let files, _): files
        }
    }

    /// It may be written to.
    var isOurs: Bool { if case .download = self { true } else { false } }

    var path: String {
        switch self {
        case .download(let directory, _): directory.contentPath
        case .served(_, let path): path
        }
    }

    /// Makes the pieces durable and records them.
    func checkpoint(_ pieces: StoredPieces) throws(StorageError) {
        if case .download(let directory, _) = self { try directory.checkpoint(pieces) }
    }

    /// Puts finished content under its own name.
    func publish(_ pieces: StoredPieces) throws(StorageError) {
        if case .download(let directory, _) = self { _ = try directory.publish(pieces) }
    }

    func close() {
        if case .download(let directory, _) = self { directory.close() }
    }
}

/// Keeps what is done to a download's record in order: one thread at a time, and nothing after the end. A sync that is
/// under way when the last piece comes would else write a record where its directory has just been published away.
final class HomeGate: Sendable {
    private let isOver = Mutex(false)

    /// Runs `body` unless the end has been.
    func pass(_ body: () throws(StorageError) -> Void) throws(StorageError) {
        try isOver.withLock { isOver throws(StorageError) in if !isOver { try body() } }
    }

    /// Runs `body` unless the end has been, which it is if it succeeds.
    func end(_ body: () throws(StorageError) -> Void) throws(StorageError) {
        try isOver.withLock { isOver throws(StorageError) in
            if isOver { return }
            try body()
            isOver = true
        }
    }
}
