import Metainfo
import Storage
import Synchronization

/// Where a torrent's content lies and how its progress is kept. Its methods block: for worker threads.
enum ContentHome: Sendable {
    case download(DownloadDirectory, ContentFiles)
    /// Content whose owner chose its place and publishes it.
    case staged(StagedContent, ContentFiles)
    /// Content that is served where it is.
    case served(ContentFiles, path: String)

    var files: ContentFiles {
        switch self {
        case .download(_, let files), .staged(_, let files), .served(let files, _): files
        }
    }

    /// It may be written to.
    var isOurs: Bool { if case .served = self { false } else { true } }
    var isStaged: Bool { if case .staged = self { true } else { false } }

    var path: String {
        switch self {
        case .download(let directory, _): directory.contentPath
        case .staged(let staged, _): staged.contentPath
        case .served(_, let path): path
        }
    }

    /// Makes the pieces durable and records them.
    func checkpoint(_ pieces: PieceSet) throws(StorageError) {
        switch self {
        case .download(let directory, _): try directory.checkpoint(pieces)
        case .staged(let staged, _): try staged.checkpoint(pieces)
        case .served: break
        }
    }

    /// Puts finished content under its own name; staged content is only made whole and durable.
    func publish(_ pieces: PieceSet) throws(StorageError) {
        switch self {
        case .download(let directory, _): _ = try directory.publish(pieces)
        case .staged(let staged, _): try staged.finish(pieces)
        case .served: break
        }
    }

    /// Whether a publication that failed may be tried again: nothing was moved yet.
    var mayPublishAgain: Bool {
        if case .download(let directory, _) = self { !directory.hasBegunMoving } else { true }
    }

    func close() {
        switch self {
        case .download(let directory, _): directory.close()
        case .staged(let staged, _): staged.close()
        case .served: break
        }
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

    /// The end was none after all.
    func reopen() { isOver.withLock { $0 = false } }

    /// Runs `body` unless the end has been, which it is if it succeeds.
    func end(_ body: () throws(StorageError) -> Void) throws(StorageError) {
        try isOver.withLock { isOver throws(StorageError) in
            if isOver { return }
            try body()
            isOver = true
        }
    }
}
