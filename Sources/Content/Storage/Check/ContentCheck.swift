import Metainfo
import Synchronization

/// Progress of a check.
package struct CheckProgress: Sendable, Equatable {
    /// Bytes of checked pieces, including holes and pieces that need no reading.
    package let done: Int64
    package let total: Int64
}

/// The result of a check.
package struct CheckResult: Sendable {
    /// Pieces that are on disk and right.
    package var right: PieceSet
    /// Pieces all of whose bytes are on disk, none of them a hole, and hash to something else. The pieces in neither
    /// set are missing, in part or in whole.
    package var wrong: PieceSet
    /// Bytes that were read and hashed.
    package var hashedBytes: Int64 = 0
    /// The state of each file of the layout; `.ignored` for padding and files not selected.
    package var files: [FilePresence]
    /// The first read error. Its pieces count as missing.
    package var readFailure: StorageError?
}

extension CheckResult {
    /// The first file that is not correct: missing, of another size, or with a piece that is not correct. Nil if every
    /// piece is correct.
    package func firstFaultyFile(in layout: ContentLayout) -> Int? {
        layout.files.indices.first { index in
            guard files.indices.contains(index), !layout.files[index].isPadding else { return false }
            switch files[index] {
            case .ignored: return false
            case .missing, .inTheWay: return true
            case .present(let size):
                return size != layout.files[index].length
                    || layout.pieces(ofFile: index).contains { !right.contains($0) }
            }
        }
    }
}

package enum FilePresence: Sendable, Equatable {
    case ignored
    case missing
    /// A directory or special file has its name.
    case inTheWay
    /// A regular file of that many bytes.
    case present(size: Int64)
}

/// Determines which pieces of a content are on disk and correct. Reads only data that no record vouches for and that is
/// not a hole, each byte once, with several pieces hashed together.
package struct ContentCheck: Sendable {
    package let files: ContentFiles
    package let hashes: PieceHashes
    /// Pieces that a record vouches for. They are believed if their files are there and long enough.
    package var trusted: PieceSet?
    /// Pieces to look at; nil for all.
    package var candidates: PieceSet?

    package init(
        files: ContentFiles, hashes: PieceHashes, trusted: PieceSet? = nil, candidates: PieceSet? = nil
    ) {
        self.files = files
        self.hashes = hashes
        self.trusted = trusted
        self.candidates = candidates
    }

    /// Runs the check.
    /// - Parameters:
    ///   - progress: called from time to time by any of the threads, one at a time.
    ///   - isCancelled: called between pieces by any of the threads.
    /// - Throws: `.cancelled`, or an error of the destination as a whole. Errors of single files are in the result.
    package func run(
        parallelism: Parallelism = .none, progress: @escaping @Sendable (CheckProgress) -> Void = { _ in },
        isCancelled: @escaping @Sendable () -> Bool = { false }
    ) throws(StorageError) -> CheckResult {
        let layout = files.layout
        let presence = try look(isCancelled: isCancelled)
        var result = CheckResult(
            right: PieceSet(size: layout.pieceCount), wrong: PieceSet(size: layout.pieceCount),
            files: presence)
        var unread: [PieceIndex] = []
        var settledBytes: Int64 = 0
        for piece in layout.pieces where candidates?.contains(piece) ?? true {
            switch judge(piece, presence) {
            case .right: result.right.insert(piece)
            case .missing: break
            case .unknown:
                unread.append(piece)
                continue
            }
            settledBytes += Int64(layout.length(of: piece))
        }
        let total = settledBytes + unread.reduce(0) { $0 + Int64(layout.length(of: $1)) }
        let reading = PieceReading(
            check: self, pieces: unread, done: settledBytes, total: total, progress: progress, isCancelled: isCancelled)
        let found = reading.run(parallelism)
        if found.isCancelled { throw StorageError(.cancelled, "check", path: files.root.path) }
        result.right.formUnion(found.right)
        result.wrong.formUnion(found.wrong)
        result.hashedBytes = found.hashedBytes
        result.readFailure = found.failure
        return result
    }

    private enum Judgement { case right, missing, unknown }

    /// The state of a piece as far as it is known without reading it.
    private func judge(_ piece: PieceIndex, _ presence: [FilePresence]) -> Judgement {
        let isTrusted = trusted?.contains(piece) ?? false
        var isReadable = true
        for span in files.layout.spans(of: piece) where !span.isPadding {
            switch presence[span.file] {
            case .ignored: isReadable = false
            case .missing, .inTheWay: return .missing
            case .present(let size):
                guard size >= span.fileOffset + Int64(span.length) else { return .missing }
            }
        }
        if isTrusted { return .right }
        return isReadable ? .unknown : .missing
    }

    private func look(isCancelled: () -> Bool) throws(StorageError) -> [FilePresence] {
        var presence = [FilePresence](repeating: .ignored, count: files.layout.files.count)
        for file in files.selection.files {
            if isCancelled() { throw StorageError(.cancelled, "check", path: files.root.path) }
            guard let status = try files.status(file) else {
                presence[file] = .missing
                continue
            }
            presence[file] = status.kind == .file ? .present(size: status.size) : .inTheWay
        }
        return presence
    }
}
