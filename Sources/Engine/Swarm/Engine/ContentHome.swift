import Metainfo
import Storage
import Synchronization

/// The location of a torrent's content, and the way its progress is recorded. Its methods block: call them on worker
/// threads.
enum ContentHome: Sendable {
    case download(DownloadDirectory, ContentFiles)
    /// Content at a place that its owner chose and will publish.
    case staged(StagedContent, ContentFiles)
    /// Content that is served from its current path.
    case served(ContentFiles, path: String)

    var files: ContentFiles {
        switch self {
        case .download(_, let files), .staged(_, let files), .served(let files, _): files
        }
    }

    /// Whether the content may be written to.
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

    /// Whether a failed publication may be repeated: nothing was moved yet.
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

/// Serialises changes of a download's record, and refuses changes after the end. Otherwise a sync that is in progress
/// when the last piece arrives would write a record into a directory that has just been published.
final class HomeGate: Sendable {
    private let isOver = Mutex(false)

    /// Runs `body` unless the end has been reached.
    func pass(_ body: () throws(StorageError) -> Void) throws(StorageError) {
        try isOver.withLock { isOver throws(StorageError) in if !isOver { try body() } }
    }

    /// Withdraws the end.
    func reopen() { isOver.withLock { $0 = false } }

    /// Runs `body` unless the end has been reached, and marks the end if it succeeds.
    func end(_ body: () throws(StorageError) -> Void) throws(StorageError) {
        try isOver.withLock { isOver throws(StorageError) in
            if isOver { return }
            try body()
            isOver = true
        }
    }
}
