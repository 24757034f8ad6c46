import Hashing
import Metainfo
import Reactor
import Storage
import SwarmCore
import Synchronization
import Threads

/// Verifies finished pieces and writes the correct ones, on worker threads. Waiting pieces are hashed together, which
/// is faster than one after the other.
final class PieceFinisher: Sendable {
    struct Job: Sendable {
        let piece: PieceIndex
        let buffer: PieceBuffer
        /// Whether digests of the blocks are wanted even if the piece is correct.
        let digests: Bool
    }

    enum Outcome: Sendable {
        case stored([SHA1Digest])
        case wrong([SHA1Digest])
        case failed(StorageError)
    }

    private static let batch = 4

    private let hashes: PieceHashes
    private let files: ContentFiles
    private let pool: WorkerPool
    private let queue = Mutex<[Job]>([])
    private let spent = Mutex(DiskEffort())
    private let report: @Sendable (PieceIndex, Outcome) -> Void

    /// - Parameter report: called on a worker thread.
    init(
        hashes: PieceHashes, files: ContentFiles, pool: WorkerPool,
        report: @escaping @Sendable (PieceIndex, Outcome) -> Void
    ) {
        self.hashes = hashes
        self.files = files
        self.pool = pool
        self.report = report
    }

    var effort: DiskEffort { spent.withLock { $0 } }

    func submit(_ job: Job) {
        queue.withLock { $0.append(job) }
        pool.submit { self.run() }
    }

    private func run() {
        var jobs: [Job?] = queue.withLock { queue in
            let taken = Array(queue.prefix(Self.batch))
            queue.removeFirst(taken.count)
            return taken
        }
        guard !jobs.isEmpty else { return }
        let begin = Clocks.steadySeconds
        let verdicts = hashes.verify(jobs.compactMap { $0.map { ($0.piece, UnsafeRawBufferPointer($0.buffer.bytes)) } })
        let hashed = Clocks.steadySeconds
        defer {
            let end = Clocks.steadySeconds
            spent.withLock {
                $0.hashing += hashed - begin
                $0.writing += end - hashed
            }
        }
        for index in jobs.indices {
            guard let piece = jobs[index]?.piece, let outcome = jobs[index].map({ finish($0, verdicts[index]) }) else {
                continue
            }
            // The receiver of the report relies on the buffer being free.
            jobs[index] = nil
            report(piece, outcome)
        }
    }

    private func finish(_ job: Job, _ isRight: Bool) -> Outcome {
        guard isRight else { return .wrong(digests(of: job)) }
        do {
            try files.write(job.piece, UnsafeRawBufferPointer(job.buffer.bytes))
            return .stored(job.digests ? digests(of: job) : [])
        } catch {
            return .failed(error)
        }
    }

    private func digests(of job: Job) -> [SHA1Digest] {
        let bytes = UnsafeRawBufferPointer(job.buffer.bytes)
        return SHA1.digests(
            stride(from: 0, to: bytes.count, by: blockLength).map {
                UnsafeRawBufferPointer(rebasing: bytes[$0..<min(bytes.count, $0 + blockLength)])
            })
    }
}
