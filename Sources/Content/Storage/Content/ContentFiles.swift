import Files
import Metainfo
import Synchronization

/// The files of one content: reads and writes pieces at their position in them. Thread-safe; calls block on the disk.
package final class ContentFiles: Sendable {
    package enum Access: Sendable, Equatable {
        /// Content that may have been made by others. Symlinks in it are followed (as by `create --symlinks follow`),
        /// and a file that changes after it was first opened is reported.
        case reading
        /// Our own download: files and directories are created as pieces arrive, and symlinks are never followed.
        case downloading
    }

    package let layout: ContentLayout
    package let selection: FileSelection
    package let limits: StorageLimits
    let preallocation: Preallocation
    let layer: any FileLayer
    let tree: DirectoryTree
    let state: Mutex<State>

    struct State: Sendable {
        var access: Access
        var root: ContentRoot
        /// Earlier published content, and the files that are complete in it: they are read there.
        var published: ContentRoot?
        var publishedFiles: Set<Int> = []
        var files: DescriptorCache<ContentFile>
        var directories: DescriptorCache<HeldFile>
        /// What must be synced: written files, directories with new entries.
        var dirtyFiles: Set<Int> = []
        var dirtyDirectories: Set<Int> = []
        /// After a failed sync it is unknown what reached the disk: no later sync may succeed.
        var syncFailure: StorageError?
        /// For files that are read: their metadata when first opened.
        var stamps: [Int: FileStamp] = [:]
        /// Files that were already set to their length.
        var shaped: Set<Int> = []
        /// Directories in which this process has opened a file for writing.
        var enteredDirectories: Set<Int> = []
        /// Incremented when all cached descriptors are dropped, so that an `open` that began earlier does not enter the
        /// cache.
        var generation = 0

        /// - Returns: what was cached. Release it outside the lock: what nobody uses is closed then.
        mutating func forgetDescriptors() -> (files: [ContentFile], directories: [HeldFile]) {
            generation += 1
            return (files.removeAll(), directories.removeAll())
        }
    }

    /// - Parameters:
    ///   - selection: files to write and to read; nil for all.
    package init(
        layout: ContentLayout, root: ContentRoot, access: Access, selection: FileSelection? = nil,
        preallocation: Preallocation = .sparse, limits: StorageLimits = StorageLimits(),
        layer: any FileLayer = SystemFileLayer()
    ) {
        self.layout = layout
        self.selection = selection ?? FileSelection(all: layout)
        self.limits = limits
        self.preallocation = preallocation
        self.layer = layer
        tree = DirectoryTree(layout, name: root.name)
        state = Mutex(
            State(
                access: access, root: root, files: DescriptorCache(capacity: limits.openFiles),
                directories: DescriptorCache(capacity: limits.openDirectories)))
    }

    package var access: Access { state.withLock { $0.access } }

    /// The current location of the content.
    package var root: ContentRoot { state.withLock { $0.root } }

    /// Whether a piece can be read back, and so served: it must lie completely in selected files.
    package func canServe(_ piece: PieceIndex) -> Bool { selection.holdsWhole(piece, of: layout) }

    /// Path of a file for display.
    func displayPath(_ file: Int) -> String {
        let root = self.root.path
        guard layout.files.indices.contains(file), !layout.files[file].path.isEmpty else { return root }
        return root + "/" + layout.files[file].path.display
    }

    // MARK: Writing

    /// Writes a verified piece. Padding and files that are not selected are skipped. Afterwards the piece is in the
    /// page cache; it is durable after the next `synchronize()`.
    /// - Parameter bytes: `layout.length(of: piece)` bytes.
    package func write(_ piece: PieceIndex, _ bytes: UnsafeRawBufferPointer) throws(StorageError) {
        guard bytes.count == layout.length(of: piece), !bytes.isEmpty else {
            throw StorageError(.misuse, "write", path: root.path, detail: "piece \(piece.value): \(bytes.count) bytes")
        }
        var written: [Int] = []
        for span in layout.spans(of: piece) where !span.isPadding && selection.contains(span.file) {
            let file = try openForWriting(span.file)
            let part = UnsafeRawBufferPointer(rebasing: bytes[span.pieceOffset..<span.pieceOffset + span.length])
            do {
                // Zeros take no space, unless it is reserved for them.
                if preallocation != .full, part.isZero,
                    try layer.punch(file.descriptor, at: span.fileOffset, length: Int64(part.count))
                {
                    written.append(span.file)
                    continue
                }
                try layer.write(file.descriptor, part, at: span.fileOffset)
            } catch {
                throw StorageError(error, "write", path: displayPath(span.file))
            }
            written.append(span.file)
        }
        // Only now: otherwise a sync that began earlier would remove the file from the list without these bytes.
        state.withLock { $0.dirtyFiles.formUnion(written) }
    }

    // MARK: Reading

    /// Reads a range of a piece that is on disk; padding reads as zeros.
    /// - Parameter buffer: at least `range.count` bytes.
    package func read(
        _ piece: PieceIndex, _ range: Range<Int>, into buffer: UnsafeMutableRawBufferPointer
    ) throws(StorageError) {
        guard range.lowerBound >= 0, range.upperBound <= layout.length(of: piece), buffer.count >= range.count else {
            throw StorageError(.misuse, "read", path: root.path, detail: "piece \(piece.value), \(range)")
        }
        for span in layout.spans(of: piece, in: range) {
            let start = span.pieceOffset - range.lowerBound
            let part = UnsafeMutableRawBufferPointer(rebasing: buffer[start..<start + span.length])
            if span.isPadding {
                part.initializeMemory(as: UInt8.self, repeating: 0)
                continue
            }
            let file = try openForReading(span.file)
            try checkUnchanged(span.file, file, needing: span.fileOffset + Int64(span.length))
            let count: Int
            do {
                count = try layer.read(file.descriptor, into: part, at: span.fileOffset)
            } catch {
                throw StorageError(error, "read", path: displayPath(span.file))
            }
            guard count == span.length else {
                throw StorageError(.changed, "read", path: displayPath(span.file), detail: "it is shorter than it was")
            }
        }
    }

    /// A part of a piece, for `sendfile`.
    package enum Region: Sendable {
        /// Bytes of a file. The descriptor stays open while the `HeldFile` is. Other processes may truncate the
        /// file: then `sendfile` returns 0.
        case file(HeldFile, offset: Int64, length: Int)
        /// This many zeros (padding).
        case zeros(Int)

        package var length: Int {
            switch self {
            case .file(_, _, let length), .zeros(let length): length
            }
        }
    }

    /// The location of the bytes of a range of a piece, in order.
    /// - Throws: `.changed` or `.vanished` if a file has changed since it was first opened.
    package func regions(_ piece: PieceIndex, _ range: Range<Int>) throws(StorageError) -> [Region] {
        guard range.lowerBound >= 0, range.upperBound <= layout.length(of: piece) else {
            throw StorageError(.misuse, "read", path: root.path, detail: "piece \(piece.value), \(range)")
        }
        var regions: [Region] = []
        for span in layout.spans(of: piece, in: range) {
            if span.isPadding {
                regions.append(.zeros(span.length))
            } else {
                let file = try openForReading(span.file)
                try checkUnchanged(span.file, file, needing: span.fileOffset + Int64(span.length))
                regions.append(.file(file.held, offset: span.fileOffset, length: span.length))
            }
        }
        return regions
    }
}
