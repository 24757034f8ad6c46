import Files
import Hashing
import Metainfo
import Synchronization
import Threads

/// The result of hashing a piece.
enum PieceOutcome: Sendable {
    /// The requested digests. The v2 digest is the root over the piece's own leaves.
    case hashed(v1: SHA1Digest?, v2: SHA256Digest?)
    /// Whether the piece agrees with the chain.
    case chained(isRight: Bool)
    /// A file of the piece could not be read to the end of the piece.
    case unreadable(FileProblem)
}

/// Why bytes of a file could not be read.
enum ReadProblem: Error, Sendable, Hashable {
    case system(operation: String, SystemError)
    case notAFile
    /// The file is shorter than the torrent says.
    case short
    /// The file has changed since it was found.
    case changed
}

/// Progress of hashing, in bytes of content (including padding).
package struct HashProgress: Sendable, Hashable {
    package let done: Int64
    package let total: Int64
}

/// What the threads that hash one content share.
struct HashJob: Sendable {
    struct Source: Sendable {
        let path: SystemPath
        /// What the file must be; nil when anything of that name will do.
        let identity: DeviceStamp?
    }

    let line: ContentLine
    let hasV1: Bool
    let hasV2: Bool
    /// The chain of a blob: its pieces are held against it instead of being hashed otherwise.
    var chain: SHA256Chain?
    /// The source of a file, by the caller's index. Called on demand, so that 100,000 paths need not all be in memory.
    let source: @Sendable (_ file: Int) -> Source
    /// Called once for each piece, by several threads at the same time. False ends the run.
    let finish: @Sendable (_ piece: Int, PieceOutcome) -> Bool
    /// Called if a file has changed after its last piece was hashed. The run ends.
    let changed: @Sendable (FileProblem) -> Void
    /// The pieces to hash, ascending; nil for all.
    var pieces: [Int]?
    var limits = AuthoringLimits.standard
    /// Number of threads; nil for the number of available processors.
    var threads: Int?

    var count: Int { pieces?.count ?? line.pieceCount }

    func piece(_ position: Int) -> Int { pieces?[position] ?? position }

    var threadCount: Int {
        let wanted = threads ?? Threads.processors
        return max(1, min(wanted, limits.maxThreads, (count + SHA1Streams.mostLanes - 1) / SHA1Streams.mostLanes))
    }

    /// Bytes that a lane reads at a time: whole leaves, within the limit for all threads together.
    var blockBytes: Int {
        let share = limits.bufferBytes / (threadCount * SHA1Streams.mostLanes)
        let leaf = MerkleTree.leafSize
        return max(leaf, min(limits.blockBytes, share) / leaf * leaf)
    }
}

/// The mutable state that the threads share.
final class HashState: Sendable {
    private let next = Atomic<Int>(0)
    private let stopped = Atomic<Bool>(false)
    private let done = Atomic<Int64>(0)
    private let total = Atomic<Int64>(0)
    private let interval: Int64
    private let report: @Sendable (HashProgress) -> Void
    /// Time of the last progress report, in milliseconds, and its value. Reports are made under the lock: one at a
    /// time, never decreasing.
    private let lastReport: Mutex<(time: Int64, done: Int64)>
    private let failure = Mutex<AuthoringError?>(nil)

    init(interval: Int64, report: @escaping @Sendable (HashProgress) -> Void) {
        self.interval = interval
        self.report = report
        lastReport = Mutex((Clocks.steadyMilliseconds, -1))
    }

    /// Call before any work is done.
    func setTotal(_ bytes: Int64) { total.store(bytes, ordering: .relaxed) }

    /// The next position to work on, below `count`; nil if there is none or the run should end.
    func nextIndex(of count: Int) -> Int? {
        guard !isStopped else { return nil }
        let position = next.add(1, ordering: .relaxed).oldValue
        return position < count ? position : nil
    }

    var isStopped: Bool { stopped.load(ordering: .relaxed) }

    func stop(_ error: AuthoringError? = nil) {
        if let error { failure.withLock { if $0 == nil { $0 = error } } }
        stopped.store(true, ordering: .relaxed)
    }

    /// Why the run ended early: the first reason.
    var firstFailure: AuthoringError? { failure.withLock { $0 } }

    func add(_ bytes: Int) {
        done.add(Int64(bytes), ordering: .relaxed)
        let now = Clocks.steadyMilliseconds
        lastReport.withLockIfAvailable { last in
            guard now - last.time >= interval else { return }
            send(&last, at: now)
        }
    }

    func reportEnd() { lastReport.withLock { send(&$0, at: Clocks.steadyMilliseconds) } }

    private func send(_ last: inout (time: Int64, done: Int64), at now: Int64) {
        let bytes = done.load(ordering: .relaxed)
        guard bytes > last.done else { return }
        last = (now, bytes)
        report(HashProgress(done: bytes, total: total.load(ordering: .relaxed)))
    }
}

extension HashJob {
    /// Bytes of all pieces to hash.
    private var byteCount: Int64 {
        guard let pieces else { return line.byteCount }
        return pieces.reduce(0) { $0 + Int64(line.piece($1).range.count) }
    }

    /// Hashes all pieces on threads of its own, and returns when they have ended.
    /// - Throws: the reason if the run ended early, unless `finish` ended it.
    func run(_ state: HashState) throws(AuthoringError) {
        state.setTotal(byteCount)
        let zeros = ZeroPiece(self)
        Threads.run(threadCount) { [self] in
            guard var worker = HashWorker(self, state, zeros: zeros) else {
                return state.stop(.noMemory(bytes: blockBytes * SHA1Streams.mostLanes))
            }
            worker.run()
        }
        if let failure = state.firstFailure { throw failure }
        state.reportEnd()
    }
}
