import Files
import Hashing
import Synchronization
import Threads

/// A file that was read completely without being changed in the meantime.
package struct HashedFile: Hashable, Sendable {
    package let sha1: SHA1Digest
    package let stamp: DeviceStamp

    /// Bytes.
    package var size: Int64 { stamp.size }
}

/// Why a file has no digest.
package enum HashFailure: Error, Hashable, Sendable, CustomStringConvertible {
    case vanished
    /// The path is a directory, a symlink or a device.
    case notAFile
    /// The file was changed while it was read.
    case changed
    /// A process on this host has the file open for writing.
    case beingWritten
    case cancelled
    case unreadable(SystemError)

    package var description: String {
        switch self {
        case .vanished: "it is not there (any more)"
        case .notAFile: "it is no ordinary file"
        case .changed: "it was changed while it was read"
        case .beingWritten: "somebody has it open for writing"
        case .cancelled: "stopped on request"
        case .unreadable(let error): "it cannot be read: \(error)"
        }
    }
}

/// SHA-1 of whole files, using all processors: each byte is read once, and each thread hashes several files
/// interleaved.
///
/// Memory is bounded regardless of file sizes: `bufferBytes` for all threads together.
package struct FileHasher: Sendable {
    package struct Limits: Sendable {
        /// Number of threads; nil for the number of processors.
        package var threads: Int?
        /// Bytes of content in memory, all threads together.
        package var bufferBytes = 64 << 20
        /// Maximum bytes that one lane of a thread reads at a time. Four lanes of this size fit in a core's
        /// second-level cache.
        package var blockBytes = 128 << 10
        /// Run at low priority, and do not displace other data in the page cache.
        package var isGentle = false
        /// Refuse files that are open for writing. Read a recently written file only when a later change would show in
        /// its modification time.
        package var isCautious = false

        package init() {}
    }

    package var limits: Limits

    package init(limits: Limits = Limits()) { self.limits = limits }

    /// Hashes files. Cancelling the task stops it within a block.
    /// - Parameters:
    ///   - progress: bytes read since the last call. Called by several threads at the same time.
    ///   - each: called once for each file, with its index, by several threads at the same time.
    package func hash(
        _ paths: [AbsolutePath], progress: @escaping @Sendable (Int) -> Void = { _ in },
        each: @escaping @Sendable (Int, Result<HashedFile, HashFailure>) -> Void
    ) async {
        let stop = StopFlag()
        let position = Position()
        await withTaskCancellationHandler {
            await run(expecting: paths.count, stop: stop, progress: progress) { _ in
                let index = position.nextIndex()
                return index < paths.count ? HashItem(tag: index, path: paths[index]) : nil
            } each: { item, result in
                each(item.tag, result)
            }
        } onCancel: {
            stop.set()
        }
    }

    /// All results, in order.
    package func hash(_ paths: [AbsolutePath]) async -> [Result<HashedFile, HashFailure>] {
        let results = Results(count: paths.count)
        await hash(paths) { index, result in results.set(index, result) }
        return results.all
    }

    package func hash(_ path: AbsolutePath) async -> Result<HashedFile, HashFailure> {
        await hash([path]).first ?? .failure(.cancelled)
    }

    /// Hashes files from `next` until it has no more. The expected number of files decides the number of threads.
    func run(
        expecting count: Int, stop: StopFlag, progress: @escaping @Sendable (Int) -> Void,
        next: @escaping @Sendable (Bool) -> HashItem?,
        each: @escaping @Sendable (HashItem, Result<HashedFile, HashFailure>) -> Void
    ) async {
        guard count > 0 else { return }
        let threads = max(1, min(limits.threads ?? Threads.processors, count))
        // Few files are distributed over the threads before several share one thread.
        let lanes = max(1, min(SHA1Streams.mostLanes, count / threads + (count % threads == 0 ? 0 : 1)))
        let share = limits.bufferBytes / (threads * lanes)
        let block = max(16 << 10, min(limits.blockBytes, share) / 4096 * 4096)
        let job = HashJob(
            lanes: lanes, blockBytes: block, isGentle: limits.isGentle, isCautious: limits.isCautious, stop: stop,
            progress: progress, next: next, each: each)
        await Threads.run(threads, name: "swoop-hash", isGentle: limits.isGentle) { _ in
            var worker = FileHashWorker(job)
            worker.run()
        }
    }
}

private final class Position: Sendable {
    private let next = Atomic<Int>(0)

    func nextIndex() -> Int { next.add(1, ordering: .relaxed).oldValue }
}

private final class Results: Sendable {
    private let values: Mutex<[Result<HashedFile, HashFailure>]>

    init(count: Int) { values = Mutex(Array(repeating: .failure(.cancelled), count: count)) }

    func set(_ index: Int, _ result: Result<HashedFile, HashFailure>) {
        values.withLock { if $0.indices.contains(index) { $0[index] = result } }
    }

    var all: [Result<HashedFile, HashFailure>] { values.withLock { $0 } }
}
