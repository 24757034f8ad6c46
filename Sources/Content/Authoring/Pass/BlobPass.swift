import Files
import Glibc
import Hashing
import Metainfo
import Synchronization
import Threads

/// Reads files once, each as a blob: its digest, its chain and the SHA-1s of its pieces from the one reading.
///
/// SHA-256 of one message goes from its beginning to its end, so threads take whole files. A thread hashes one file at a
/// time: SHA-1 already fills the gaps that SHA-256 leaves.
package struct BlobPass: Sendable {
    /// Bytes read at a time: with the states of both functions they stay in a core's second-level cache.
    private static let blockBytes = 256 << 10

    private let content: ScannedContent
    private let wanted: [Int]
    private let lengths: BlobPieceLengths
    private let limits: AuthoringLimits
    private let threads: Int?

    /// - Parameters:
    ///   - files: indices in the scan of the files to read; nil for all.
    ///   - lengths: the table of piece lengths.
    ///   - threads: number of threads that read and hash; nil for one on each processor.
    package init(
        _ content: ScannedContent, files: [Int]? = nil, lengths: BlobPieceLengths = .standard,
        limits: AuthoringLimits = .standard, threads: Int? = nil
    ) {
        self.content = content
        let valid = Array(content.files.indices)
        // The largest first: a large one begun last would be hashed by one thread while the others have nothing to do.
        wanted = (files.map { Set($0).intersection(valid).sorted() } ?? valid)
            .sorted { content.files[$0].length > content.files[$1].length }
        self.lengths = lengths
        self.limits = limits
        self.threads = threads
    }

    /// Reads the files on threads of its own. Ends soon after its task is cancelled.
    /// - Returns: by index in the scan.
    /// - Throws: `changedWhileRead`, `system`, `noMemory`, `cancelled`.
    package func run(
        progress: @escaping @Sendable (HashProgress) -> Void = { _ in }
    ) async throws(AuthoringError) -> [Int: BlobHasher.Result] {
        let state = HashState(interval: limits.progressInterval, report: progress)
        let result = await withTaskCancellationHandler {
            await Threads.offload { [self] in
                Result { () throws(AuthoringError) in try run(state) }
            }
        } onCancel: {
            state.stop(.cancelled)
        }
        return try result.get()
    }

    /// The same on the calling thread, which blocks.
    private func run(_ state: HashState) throws(AuthoringError) -> [Int: BlobHasher.Result] {
        state.setTotal(wanted.reduce(0) { $0 + content.files[$1].length })
        let results = Found()
        Threads.run(max(1, min(threads ?? Threads.processors, limits.maxThreads, wanted.count))) {
            var memory: UnsafeMutableRawPointer?
            guard posix_memalign(&memory, 4096, Self.blockBytes) == 0, let memory else {
                return state.stop(.noMemory(bytes: Self.blockBytes))
            }
            defer { free(memory) }
            let block = UnsafeMutableRawBufferPointer(start: memory, count: Self.blockBytes)
            while let position = state.nextIndex(of: wanted.count) {
                let file = content.files[wanted[position]]
                do throws(ReadProblem) {
                    guard let result = try hash(file, block, state) else { return }
                    results.all.withLock { $0[wanted[position]] = result }
                } catch {
                    return state.stop(error.authoringError(path: content.displayPath(of: file)))
                }
            }
        }
        if let failure = state.firstFailure { throw failure }
        state.reportEnd()
        return results.all.withLock { $0 }
    }

    /// Nil if the run was stopped.
    private func hash(
        _ file: ScannedFile, _ block: UnsafeMutableRawBufferPointer, _ state: HashState
    ) throws(ReadProblem) -> BlobHasher.Result? {
        var hasher = BlobHasher(lengths: lengths, length: file.length)
        let opened: HeldFile
        do { opened = try HeldFile(content.systemPath(of: file), .followSymlink) } catch {
            throw .system(operation: "open", error)
        }
        try check(opened, file)
        opened.willBeReadInOrder()
        while hasher.byteCount < file.length {
            if state.isStopped { return nil }
            let part = UnsafeMutableRawBufferPointer(
                rebasing: block[..<Int(min(Int64(block.count), file.length - hasher.byteCount))])
            let count: Int
            do { count = try opened.read(into: part, at: hasher.byteCount) } catch {
                throw .system(operation: "read", error)
            }
            guard count == part.count else { throw .changed }
            hasher.update(UnsafeRawBufferPointer(part))
            state.add(count)
        }
        // A change between the first read and the last would leave digests of two contents.
        try check(opened, file)
        return hasher.finish()
    }

    private func check(_ opened: HeldFile, _ file: ScannedFile) throws(ReadProblem) {
        do throws(SystemError) {
            if DeviceStamp(try opened.status()) == file.identity { return }
        } catch {
            throw .system(operation: "look at", error)
        }
        throw .changed
    }

    private final class Found: Sendable {
        let all = Mutex<[Int: BlobHasher.Result]>([:])
    }
}
